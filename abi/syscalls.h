#pragma once

#include "abi/calls/memory.h"
#include "abi/calls/paging.h"
#include "abi/calls/ports.h"
#include "abi/calls/processes.h"
#include "abi/calls/system.h"

/// Every system call, once: dispatcher, user stubs, trace names and docs/syscalls.md come from this list.
/// Adding a type to `Syscalls` adds it everywhere; one without a handler does not link.
namespace portico::abi {

using Syscalls =
    CallList<Null, HandleClose, HandleDuplicate, HandleInstall, PortCreate, PortBadge, PortSend, PortCall, PortCallAsync, PortReceive,
             PortReply, PortReplyReceive, CallCancel, PortNotify, WindowRead, WindowWrite, MemoryCreate, MemoryClone, MemoryPhysical,
             MemoryResize, MemoryQuery, MemoryRead, MemoryWrite, SpaceCreate, SpaceMap, SpaceUnmap, SpaceProtect, SpaceQuery, ProcessCreate,
             ProcessClone, ProcessSetEntries, ProcessExec, ProcessKill, ProcessSuspend, ProcessResume, ProcessQuery, ThreadCreate,
             ThreadExit, ThreadAlert, ThreadSleep, ThreadYield, UpcallQuery, UpcallReturn, FutexWait, FutexWake, FutexRequeue, TimerCreate,
             TimerSet, ClockRead, InterruptCreate, InterruptAck, IoCreate, IoRead, IoWrite, IoWriteBytes, AccountCreate, AccountQuery,
             DebugLog, SystemQuery, PortForward, PortSendBatch, PortReceiveBatch, SetCreate, SetAdd, SetRemove, ProcessSetService,
             ForeignReport, ObjectSetName, PortList, PortSendWait, MemoryCreatePaged, MemorySupply, MemoryDetach, AccountSetLimit,
             AccountWatch, ProcessInspect, MemoryCreateSwap>;

}  // namespace portico::abi
