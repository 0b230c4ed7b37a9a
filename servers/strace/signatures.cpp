#include <linux/sched.h>

#include <initializer_list>

#include "posix/linux_call_list.h"
#include "servers/strace/signature.h"

namespace portico::strace {
namespace {

constexpr Argument arg(Kind kind, uint8_t index, uint8_t other = 0) {
    return {.kind = kind, .index = index, .other = other};
}
constexpr Argument hex(uint8_t index) {
    return arg(Kind::Hex, index);
}
constexpr Argument integer(uint8_t index) {
    return arg(Kind::Int, index);
}
constexpr Argument size(uint8_t index) {
    return arg(Kind::Unsigned, index);
}
constexpr Argument offset(uint8_t index) {
    return arg(Kind::Long, index);
}
constexpr Argument octal_mode(uint8_t index) {
    return arg(Kind::Octal, index);
}
constexpr Argument address(uint8_t index) {
    return arg(Kind::Pointer, index);
}
constexpr Argument fd(uint8_t index) {
    return arg(Kind::Fd, index);
}
constexpr Argument directory(uint8_t index) {
    return arg(Kind::DirectoryFd, index);
}
constexpr Argument path(uint8_t index) {
    return arg(Kind::Path, index);
}
constexpr Argument flags(uint8_t index, const Symbols& symbols) {
    return {.kind = Kind::Flags, .index = index, .symbols = &symbols};
}
constexpr Argument labelled(std::string_view label, Argument argument) {
    argument.label = label;
    return argument;
}

constexpr Argument with_clone_flag(uint64_t clone_flags, Argument argument) {
    argument.only_with = clone_flags;  // `other` is 0: clone's first argument
    return argument;
}

consteval Signature call(std::string_view name, std::initializer_list<Argument> arguments, Family family = Family::Other,
                         Shown shown = Shown::Decimal) {
    Signature made{.name = name, .shown = shown, .family = family};
    for (const Argument& argument : arguments) made.arguments[made.count++] = argument;
    return made;
}
consteval Signature opens(std::string_view name, std::initializer_list<Argument> arguments, Family family = Family::Other) {
    Signature made = call(name, arguments, family);
    made.returns_fd = true;
    return made;
}
consteval Signature leaves(std::string_view name, std::initializer_list<Argument> arguments, Family family) {
    Signature made = call(name, arguments, family);
    made.returns = false;
    return made;
}

constexpr Signature kDescribed[] = {
    // files by path
    opens("open", {path(0), flags(1, kOpenFlags), arg(Kind::CreationMode, 2, 1)}),
    opens("openat", {directory(0), path(1), flags(2, kOpenFlags), arg(Kind::CreationMode, 3, 2)}),
    opens("creat", {path(0), octal_mode(1)}),
    call("stat", {path(0), arg(Kind::Attributes, 1)}),
    call("lstat", {path(0), arg(Kind::Attributes, 1)}),
    call("newfstatat", {directory(0), path(1), arg(Kind::Attributes, 2), flags(3, kAtFlags)}),
    call("statx", {directory(0), path(1), flags(2, kStatxFlags), flags(3, kStatxMask), arg(Kind::StatxOut, 4)}),
    call("access", {path(0), flags(1, kAccessModes)}),
    call("faccessat", {directory(0), path(1), flags(2, kAccessModes)}),
    call("faccessat2", {directory(0), path(1), flags(2, kAccessModes), flags(3, kAtFlags)}),
    call("readlink", {path(0), arg(Kind::BytesOut, 1), size(2)}),
    call("readlinkat", {directory(0), path(1), arg(Kind::BytesOut, 2), size(3)}),
    call("mkdir", {path(0), octal_mode(1)}),
    call("mkdirat", {directory(0), path(1), octal_mode(2)}),
    call("rmdir", {path(0)}),
    call("unlink", {path(0)}),
    call("unlinkat", {directory(0), path(1), flags(2, kAtFlags)}),
    call("rename", {path(0), path(1)}),
    call("renameat", {directory(0), path(1), directory(2), path(3)}),
    call("renameat2", {directory(0), path(1), directory(2), path(3), flags(4, kRenameFlags)}),
    call("link", {path(0), path(1)}),
    call("linkat", {directory(0), path(1), directory(2), path(3), flags(4, kAtFlags)}),
    call("symlink", {path(0), path(1)}),
    call("symlinkat", {path(0), directory(1), path(2)}),
    call("chmod", {path(0), octal_mode(1)}),
    call("fchmodat", {directory(0), path(1), octal_mode(2)}),
    call("chown", {path(0), integer(1), integer(2)}),
    call("lchown", {path(0), integer(1), integer(2)}),
    call("fchownat", {directory(0), path(1), integer(2), integer(3), flags(4, kAtFlags)}),
    call("truncate", {path(0), offset(1)}),
    call("mknod", {path(0), arg(Kind::DeviceMode, 1), arg(Kind::DeviceNumber, 2, 1)}),
    call("mknodat", {directory(0), path(1), arg(Kind::DeviceMode, 2), arg(Kind::DeviceNumber, 3, 2)}),
    call("utimensat", {directory(0), path(1), arg(Kind::TimePair, 2), flags(3, kAtFlags)}),
    call("statfs", {path(0), address(1)}),
    call("chdir", {path(0)}),
    call("getcwd", {arg(Kind::TextOut, 0), size(1)}),
    // descriptors
    call("close", {fd(0)}),
    call("read", {fd(0), arg(Kind::BytesOut, 1), size(2)}),
    call("write", {fd(0), arg(Kind::Bytes, 1, 2), size(2)}),
    call("pread64", {fd(0), arg(Kind::BytesOut, 1), size(2), offset(3)}),
    call("pwrite64", {fd(0), arg(Kind::Bytes, 1, 2), size(2), offset(3)}),
    call("readv", {fd(0), arg(Kind::VectorsOut, 1, 2), integer(2)}),
    call("writev", {fd(0), arg(Kind::Vectors, 1, 2), integer(2)}),
    call("sendfile", {fd(0), fd(1), address(2), size(3)}),
    call("copy_file_range", {fd(0), address(1), fd(2), address(3), size(4), hex(5)}),
    call("lseek", {fd(0), offset(1), flags(2, kSeekOrigins)}),
    call("fstat", {fd(0), arg(Kind::Attributes, 1)}),
    call("fstatfs", {fd(0), address(1)}),
    call("ftruncate", {fd(0), offset(1)}),
    call("fsync", {fd(0)}),
    call("fdatasync", {fd(0)}),
    call("fchmod", {fd(0), octal_mode(1)}),
    call("fchown", {fd(0), integer(1), integer(2)}),
    call("fchdir", {fd(0)}),
    call("getdents64", {fd(0), arg(Kind::DirectoryRecords, 1), size(2)}),
    call("ioctl", {fd(0), flags(1, kControlRequests), arg(Kind::ControlArgument, 2, 1)}),
    call("fcntl", {fd(0), flags(1, kFcntlCommands), arg(Kind::FcntlArgument, 2, 1)}),
    call("flock", {fd(0), integer(1)}),
    opens("dup", {fd(0)}),
    opens("dup2", {fd(0), fd(1)}),
    opens("dup3", {fd(0), fd(1), flags(2, kOpenFlags)}),
    call("pipe", {arg(Kind::Pair, 0)}),
    call("pipe2", {arg(Kind::Pair, 0), flags(1, kPipeFlags)}),
    call("poll", {arg(Kind::PollList, 0, 1), size(1), integer(2)}),
    call("ppoll", {arg(Kind::PollList, 0, 1), size(1), arg(Kind::Time, 2), arg(Kind::SignalSet, 3), size(4)}),
    call("select",
         {integer(0), arg(Kind::DescriptorSet, 1, 0), arg(Kind::DescriptorSet, 2, 0), arg(Kind::DescriptorSet, 3, 0), address(4)}),
    call("pselect6", {integer(0), arg(Kind::DescriptorSet, 1, 0), arg(Kind::DescriptorSet, 2, 0), arg(Kind::DescriptorSet, 3, 0),
                      arg(Kind::Time, 4), address(5)}),
    call("umask", {octal_mode(0)}, Family::Other, Shown::Octal),
    // memory
    call("mmap", {address(0), size(1), flags(2, kProtections), flags(3, kMapFlags), fd(4), hex(5)}, Family::Memory, Shown::Hex),
    call("mprotect", {address(0), size(1), flags(2, kProtections)}, Family::Memory),
    call("munmap", {address(0), size(1)}, Family::Memory),
    call("mremap", {address(0), size(1), size(2), flags(3, kRemapFlags)}, Family::Memory, Shown::Hex),
    call("madvise", {address(0), size(1), flags(2, kAdvice)}, Family::Memory),
    call("msync", {address(0), size(1), flags(2, kSyncFlags)}, Family::Memory),
    call("brk", {address(0)}, Family::Memory, Shown::Hex),
    // processes and threads
    call("execve", {path(0), arg(Kind::Strings, 1), arg(Kind::Environment, 2)}, Family::Process),
    call(
        "clone",
        {labelled("child_stack=", address(1)), labelled("flags=", arg(Kind::CloneFlags, 0)),
         with_clone_flag(CLONE_PARENT_SETTID, labelled("parent_tid=", address(2))), with_clone_flag(CLONE_SETTLS, labelled("tls=", hex(4))),
         with_clone_flag(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID, labelled("child_tidptr=", address(3)))},
        Family::Process),
    call("clone3", {arg(Kind::CloneArguments, 0), size(1)}, Family::Process),
    call("fork", {}, Family::Process),
    call("vfork", {}, Family::Process),
    leaves("exit", {integer(0)}, Family::Process),
    leaves("exit_group", {integer(0)}, Family::Process),
    call("wait4", {integer(0), arg(Kind::WaitStatus, 1), flags(2, kWaitFlags), address(3)}, Family::Process),
    call("getpid", {}),
    call("getppid", {}),
    call("gettid", {}),
    call("getpgrp", {}),
    call("getpgid", {integer(0)}),
    call("setpgid", {integer(0), integer(1)}),
    call("getsid", {integer(0)}),
    call("setsid", {}),
    call("getuid", {}),
    call("geteuid", {}),
    call("getgid", {}),
    call("getegid", {}),
    call("setuid", {integer(0)}),
    call("setgid", {integer(0)}),
    call("getgroups", {integer(0), arg(Kind::GroupList, 1)}),
    call("set_tid_address", {address(0)}),
    call("set_robust_list", {address(0), size(1)}),
    call("rseq", {address(0), size(1), flags(2, kRseqFlags), hex(3)}),
    call("arch_prctl", {flags(0, kArchCodes), hex(1)}, Family::Process),
    call("prctl", {flags(0, kProcessOptions), arg(Kind::OptionArgument, 1, 0)}, Family::Process),
    call("futex", {address(0), flags(1, kFutexOperations), integer(2), arg(Kind::Time, 3), address(4), hex(5)}),
    call("sched_yield", {}),
    call("sched_getaffinity", {integer(0), size(1), address(2)}),
    // signals
    call("rt_sigaction", {arg(Kind::Signal, 0), arg(Kind::SignalAction, 1), arg(Kind::SignalActionOut, 2), size(3)}, Family::Signal),
    call("rt_sigprocmask", {flags(0, kMaskChanges), arg(Kind::SignalSet, 1), arg(Kind::SignalSetOut, 2), size(3)}, Family::Signal),
    leaves("rt_sigreturn", {}, Family::Signal),
    call("rt_sigsuspend", {arg(Kind::SignalSet, 0), size(1)}, Family::Signal),
    call("rt_sigpending", {arg(Kind::SignalSetOut, 0), size(1)}, Family::Signal),
    call("rt_sigtimedwait", {arg(Kind::SignalSet, 0), address(1), arg(Kind::Time, 2), size(3)}, Family::Signal),
    call("sigaltstack", {arg(Kind::AlternateStack, 0), address(1)}, Family::Signal),
    call("kill", {integer(0), arg(Kind::Signal, 1)}, Family::Signal),
    call("tkill", {integer(0), arg(Kind::Signal, 1)}, Family::Signal),
    call("tgkill", {integer(0), integer(1), arg(Kind::Signal, 2)}, Family::Signal),
    call("pause", {}, Family::Signal),
    call("alarm", {size(0)}),
    call("setitimer", {flags(0, kTimers), arg(Kind::IntervalTimer, 1), arg(Kind::IntervalTimerOut, 2)}),
    call("getitimer", {flags(0, kTimers), arg(Kind::IntervalTimerOut, 1)}),
    // time and system
    call("nanosleep", {arg(Kind::Time, 0), address(1)}),
    call("clock_nanosleep", {flags(0, kClocks), flags(1, kClockFlags), arg(Kind::Time, 2), address(3)}),
    call("clock_gettime", {flags(0, kClocks), arg(Kind::TimeOut, 1)}),
    call("clock_getres", {flags(0, kClocks), arg(Kind::TimeOut, 1)}),
    call("gettimeofday", {arg(Kind::TimeValueOut, 0), address(1)}),
    call("time", {address(0)}),
    call("times", {address(0)}),
    call("getrlimit", {flags(0, kResources), arg(Kind::LimitsOut, 1)}),
    call("setrlimit", {flags(0, kResources), arg(Kind::Limits, 1)}),
    call("prlimit64", {integer(0), flags(1, kResources), arg(Kind::Limits, 2), arg(Kind::LimitsOut, 3)}),
    call("getrusage", {flags(0, kUsers), address(1)}),
    call("uname", {arg(Kind::SystemName, 0)}),
    call("sysinfo", {address(0)}),
    call("getrandom", {arg(Kind::BytesOut, 0), size(1), flags(2, kRandomFlags)}),
    // what Portico does not have yet
    opens("socket", {integer(0), integer(1), integer(2)}, Family::Network),
    call("connect", {fd(0), address(1), size(2)}, Family::Network),
    call("bind", {fd(0), address(1), size(2)}, Family::Network),
    call("listen", {fd(0), integer(1)}, Family::Network),
};

constexpr unsigned kNumbers = 512;

consteval bool all_are_linux_calls() {
    for (const Signature& described : kDescribed) {
        bool found = false;
        for (const auto& entry : posix::kLinuxCallList) found = found || entry.name == described.name;
        if (!found) return false;
    }
    return true;
}
static_assert(all_are_linux_calls());

constexpr Signature unknown(std::string_view name) {
    Signature made{.name = name, .count = 6};
    for (uint8_t i = 0; i < 6; ++i) made.arguments[i] = hex(i);
    return made;
}

constexpr std::array<Signature, kNumbers> make_table() {
    std::array<Signature, kNumbers> table{};
    for (Signature& signature : table) signature = unknown("");
    for (const auto& entry : posix::kLinuxCallList) {
        if (entry.number >= kNumbers) continue;
        table[entry.number] = unknown(entry.name);
        for (const Signature& described : kDescribed)
            if (described.name == entry.name) table[entry.number] = described;
    }
    return table;
}

}  // namespace

const Signature& signature_of(unsigned number) {
    static const std::array<Signature, kNumbers> table = make_table();
    static const Signature none = unknown("");
    return number < kNumbers ? table[number] : none;
}

unsigned described_calls() {
    return static_cast<unsigned>(std::size(kDescribed));
}

}  // namespace portico::strace
