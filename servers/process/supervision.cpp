#include <cstdio>

#include "servers/process/badge.h"
#include "servers/process/server.h"

namespace portico::process {

namespace {

int signal_of(abi::FaultKind kind) {
    switch (kind) {
    case abi::FaultKind::InvalidOpcode:
        return kIllegal;
    case abi::FaultKind::DivideError:
    case abi::FaultKind::FloatingPoint:
        return kFloatingPoint;
    case abi::FaultKind::Breakpoint:
    case abi::FaultKind::Debug:
        return kTrap;
    case abi::FaultKind::Alignment:
    case abi::FaultKind::PageLost:
        return kBus;
    case abi::FaultKind::BadCall:
        return kBadSystemCall;
    default:
        return kSegmentation;
    }
}

}  // namespace

Process* Server::find_by_badge(uint64_t badge) {
    if ((badge & protocol::kServerBadge) != 0) return &table_.init();
    Process* process = table_.find(badge_pid(badge));
    return process != nullptr && process->pid != 0 && process->serial == badge_serial(badge) ? process : nullptr;
}

Result<Process*> Server::caller(uint64_t badge) {
    Process* process = find_by_badge(badge);
    const bool may_ask = (badge & protocol::kServerBadge) != 0 || badge_kind(badge) == BadgeKind::Client;
    if (process == nullptr || !may_ask || !process->alive()) return fail(Error::NoProcess);
    return process;
}

Result<Process*> Server::named(Process& asking, int64_t pid) {
    if (pid == 0) return &asking;
    Process* process = table_.find(pid);
    if (process == nullptr) return fail(Error::NoProcess);
    return process;
}

void Server::on_notification(uint64_t badge, uint64_t bits) {
    Process* process = find_by_badge(badge);
    if (process == nullptr || process->pid == 0) return;
    if (badge_kind(badge) == BadgeKind::Timer && (bits & ~abi::kNotifyKernelBits) != 0) on_timer(*process);
    if (badge_kind(badge) == BadgeKind::Supervisor && (bits & abi::kNotifyProcessExited) != 0) {
        lifecycle_.finish(*process);
        end_wants_of_memory();
    }
}

void Server::on_fault(Process& process, const abi::Message& message) {
    abi::FaultWords fault;
    static_assert(sizeof fault == sizeof message.word);
    std::memcpy(&fault, message.word, sizeof fault);
    if (fault.kind == abi::FaultKind::NoMemory) return on_want_of_memory(process, message);
    const int signal = signal_of(fault.kind);
    std::fprintf(stderr, "process: %d (%s) killed by signal %d: fault %u, address %#lx, access %u, at %#lx, stack %#lx\n", process.pid,
                 process.name.c_str(), signal, static_cast<unsigned>(fault.kind), fault.address, fault.access, fault.instruction,
                 fault.stack);
    lifecycle_.kill(process, static_cast<uint32_t>(signal));
}

void Server::on_other(const abi::Message& message) {
    if (message.header.kind() == abi::MessageKind::Fault) {
        // No reply: the thread stays where it is until the kill ends it.
        Process* process = find_by_badge(message.badge);
        if (process != nullptr && process->pid != 0 && badge_kind(message.badge) == BadgeKind::Supervisor) on_fault(*process, message);
        return;
    }
    if (message.header.kind() == abi::MessageKind::Send && message.header.handle_count() == 0) {
        const Call nobody_waits({.message = message});
        switch (message.header.operation()) {
        case protocol::SignalGroup::method.ordinal:
            (void)on(nobody_waits, protocols::unpack<protocol::SignalGroup>(message));
            return;
        case protocol::MakeRoom::method.ordinal:
            (void)on(nobody_waits, protocols::unpack<protocol::MakeRoom>(message));
            return;
        case protocol::ThreadExit::method.ordinal:
            (void)on(nobody_waits, protocols::unpack<protocol::ThreadExit>(message));
            return;
        case protocol::Exit::method.ordinal:
            on(nobody_waits, protocols::unpack<protocol::Exit>(message));
            return;
        default:
            return;
        }
    }
    ipc::close_handles(message);
}

}  // namespace portico::process
