#pragma once

#include <cstdint>

#include "abi/handle.h"
#include "abi/types.h"

/// What a new program image is told at kBootBlockAddress. Written by the kernel (for init), by init (for servers and the
/// first POSIX process) and by execve in the runtime library; read by the runtime's start code, which loads the program.
///
/// Layout: BootBlock, then Grant[grant_count], BootDescriptor[descriptor_count], then the strings; all offsets are in
/// bytes from the block's start. The block fills whole pages, at most kBootBlockBytesMax, mapped read-write.
namespace portico::abi {

inline constexpr uint64_t kBootBlockBytesMax = 0x40'0000;

enum class RuntimeMode : uint32_t {
    Bare,   ///< a server: libc's needs (memory, threads, time, log) without any server's help
    Posix,  ///< a Linux program: process and file servers stand behind it
};

struct Grant {
    char name[24];  ///< zero-terminated, e.g. "uart.interrupt", "process.port"
    Handle handle;
};

struct BootDescriptor {
    uint32_t number;
    uint32_t flags;   ///< bit 0: close on exec (only between images of one process)
    uint32_t kind;    ///< file::Kind of the open object
    uint32_t status;  ///< O_ flags it was opened with
    Handle handle;
};

struct BootBlock {
    static constexpr uint64_t kMagic = 0x4B434F4C'42544F42;  // "BOTBLOCK"
    uint64_t magic = kMagic;
    uint64_t block_bytes = 0;  ///< all of it, whole pages
    RuntimeMode mode = RuntimeMode::Bare;
    uint32_t limits_given = 0;   ///< 1: `limits` counts, else the defaults do
    Handle runtime_image;        ///< memory object of the runtime library, to give to later images
    Handle program_image;        ///< memory object with the ELF file; if none, the runtime runs execve(program_path)
    uint64_t program_bytes = 0;  ///< length of the ELF file
    uint32_t program_path = 0;   ///< offset of a string: shown as /proc/PID/exe, AT_EXECFN
    char program_name[16]{};     ///< what ps shows: the last part of the path it was started by; empty: of program_path
    uint32_t argument_count = 0;
    uint32_t arguments = 0;  ///< offset of argument_count strings, one behind the other
    uint32_t environment_count = 0;
    uint32_t environment = 0;  ///< offset of environment_count strings
    uint32_t grant_count = 0;
    uint32_t grants = 0;  ///< offset of Grant[]
    uint32_t descriptor_count = 0;
    uint32_t descriptors = 0;  ///< offset of BootDescriptor[]
    uint32_t umask = 022;
    Handle process_server;  ///< send handle to the process server, badge = this process (Posix)
    Handle root_directory;  ///< send handle to the file server (Posix)
    Handle working_directory;
    Handle pipe_server;  ///< send handle to the pipe server (Posix)
    int32_t pid = 0;
    int32_t record_locker = 0;        ///< pid, if this process took record locks before execve
    uint64_t signal_blocked = 0;      ///< mask kept over execve
    uint64_t signal_ignored = 0;      ///< dispositions SIG_IGN kept over execve
    uint64_t realtime_offset_ns = 0;  ///< CLOCK_REALTIME - CLOCK_MONOTONIC
    uint8_t random[16]{};             ///< AT_RANDOM
    struct Limit {
        uint64_t soft, hard;
    } limits[16]{};         ///< RLIMIT_…, kept over execve
    uint32_t settings = 0;  ///< of prctl, kept over execve
    int32_t nice = 0;
    uint64_t tsc_at_zero = 0, tsc_multiplier = 0;  ///< as in SystemInfo, or 0
    uint64_t cpu_count = 0;
};

}  // namespace portico::abi
