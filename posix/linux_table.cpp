#include "posix/linux_table.h"

#include <array>
#include <string_view>

#include "posix/core_calls.h"
#include "posix/files/file_calls.h"

namespace portico::posix {

namespace {

struct HandlerEntry {
    std::string_view name;
    Handler handler;
};

// clang-format off
constexpr HandlerEntry kCoreHandlers[] = {
    {"rt_sigaction", sys_rt_sigaction}, {"rt_sigprocmask", sys_rt_sigprocmask}, {"rt_sigreturn", sys_rt_sigreturn},
    {"rt_sigpending", sys_rt_sigpending}, {"rt_sigsuspend", sys_rt_sigsuspend}, {"pause", sys_pause},
    {"rt_sigtimedwait", sys_rt_sigtimedwait}, {"sigaltstack", sys_sigaltstack}, {"kill", sys_kill}, {"tkill", sys_tkill},
    {"tgkill", sys_tgkill}, {"rt_sigqueueinfo", sys_rt_sigqueueinfo}, {"rt_tgsigqueueinfo", sys_rt_tgsigqueueinfo}, {"fork", sys_fork},
    {"vfork", sys_vfork}, {"clone", sys_clone}, {"clone3", sys_clone3}, {"exit", sys_exit}, {"exit_group", sys_exit_group},
    {"wait4", sys_wait4}, {"waitid", sys_waitid}, {"set_tid_address", sys_set_tid_address}, {"set_robust_list", sys_set_robust_list},
    {"get_robust_list", sys_get_robust_list}, {"execve", sys_execve}, {"execveat", sys_execveat}, {"getpid", sys_getpid},
    {"gettid", sys_gettid}, {"getppid", sys_getppid}, {"getpgid", sys_getpgid}, {"getpgrp", sys_getpgrp}, {"getsid", sys_getsid},
    {"setpgid", sys_setpgid}, {"setsid", sys_setsid}, {"getuid", sys_getuid}, {"geteuid", sys_geteuid}, {"getgid", sys_getgid},
    {"getegid", sys_getegid}, {"getresuid", sys_getresuid}, {"getresgid", sys_getresgid}, {"setuid", sys_setuid}, {"setgid", sys_setgid},
    {"setreuid", sys_setreuid}, {"setregid", sys_setregid}, {"setresuid", sys_setresuid}, {"setresgid", sys_setresgid},
    {"setfsuid", sys_setfsuid}, {"setfsgid", sys_setfsgid}, {"getgroups", sys_getgroups}, {"setgroups", sys_setgroups}, {"mmap", sys_mmap},
    {"munmap", sys_munmap}, {"mprotect", sys_mprotect}, {"brk", sys_brk}, {"mremap", sys_mremap}, {"madvise", sys_madvise},
    {"msync", sys_msync}, {"mincore", sys_mincore}, {"mlock", sys_mlock}, {"munlock", sys_munlock}, {"mlockall", sys_mlockall},
    {"munlockall", sys_munlockall}, {"mlock2", sys_mlock2}, {"membarrier", sys_membarrier}, {"futex", sys_futex},
    {"clock_gettime", sys_clock_gettime}, {"clock_getres", sys_clock_getres}, {"nanosleep", sys_nanosleep},
    {"clock_nanosleep", sys_clock_nanosleep}, {"gettimeofday", sys_gettimeofday}, {"time", sys_time}, {"times", sys_times},
    {"getrusage", sys_getrusage}, {"alarm", sys_alarm}, {"setitimer", sys_setitimer}, {"getitimer", sys_getitimer},
    {"timer_create", sys_timer_create}, {"timer_settime", sys_timer_settime}, {"timer_gettime", sys_timer_gettime},
    {"timer_getoverrun", sys_timer_getoverrun}, {"timer_delete", sys_timer_delete},
    {"clock_settime", sys_clock_settime}, {"settimeofday", sys_settimeofday}, {"uname", sys_uname}, {"sysinfo", sys_sysinfo},
    {"getrandom", sys_getrandom}, {"umask", sys_umask}, {"prlimit64", sys_prlimit64}, {"getrlimit", sys_getrlimit},
    {"setrlimit", sys_setrlimit}, {"prctl", sys_prctl}, {"arch_prctl", sys_arch_prctl}, {"personality", sys_personality},
    {"sched_yield", sys_sched_yield}, {"sched_getaffinity", sys_sched_getaffinity}, {"getcpu", sys_getcpu},
    {"sched_getscheduler", sys_sched_getscheduler}, {"sched_getparam", sys_sched_getparam}, {"sched_setscheduler", sys_sched_setscheduler},
    {"sched_setparam", sys_sched_setparam}, {"sched_get_priority_max", sys_sched_get_priority_max},
    {"sched_get_priority_min", sys_sched_get_priority_min}, {"sched_rr_get_interval", sys_sched_rr_get_interval},
    {"getpriority", sys_getpriority}, {"setpriority", sys_setpriority}, {"sched_setaffinity", sys_sched_setaffinity},
    {"sched_getattr", sys_sched_getattr}, {"sched_setattr", sys_sched_setattr}, {"capget", sys_capget}, {"capset", sys_capset},
    {"semget", sys_semget}, {"semop", sys_semop}, {"semtimedop", sys_semtimedop}, {"semctl", sys_semctl}, {"msgget", sys_msgget},
    {"msgsnd", sys_msgsnd}, {"msgrcv", sys_msgrcv}, {"msgctl", sys_msgctl}, {"shmget", sys_shmget}, {"shmat", sys_shmat},
    {"shmdt", sys_shmdt}, {"shmctl", sys_shmctl}, {"mq_open", sys_mq_open}, {"mq_unlink", sys_mq_unlink},
    {"mq_timedsend", sys_mq_timedsend}, {"mq_timedreceive", sys_mq_timedreceive}, {"mq_notify", sys_mq_notify},
    {"mq_getsetattr", sys_mq_getsetattr},
};

constexpr HandlerEntry kFileHandlers[] = {
    {"open", sys_open}, {"openat", sys_openat}, {"openat2", sys_openat2}, {"creat", sys_creat}, {"memfd_create", sys_memfd_create}, {"close", sys_close},
    {"close_range", sys_close_range}, {"dup", sys_dup}, {"dup2", sys_dup2}, {"dup3", sys_dup3}, {"read", sys_read}, {"write", sys_write},
    {"pread64", sys_pread64}, {"pwrite64", sys_pwrite64}, {"readv", sys_readv}, {"writev", sys_writev}, {"preadv", sys_preadv},
    {"pwritev", sys_pwritev}, {"preadv2", sys_preadv2}, {"pwritev2", sys_pwritev2}, {"lseek", sys_lseek}, {"fcntl", sys_fcntl},
    {"flock", sys_flock}, {"ioctl", sys_ioctl}, {"pipe", sys_pipe}, {"pipe2", sys_pipe2}, {"stat", sys_stat}, {"fstat", sys_fstat},
    {"lstat", sys_lstat}, {"newfstatat", sys_newfstatat}, {"statx", sys_statx}, {"access", sys_access}, {"faccessat", sys_faccessat},
    {"faccessat2", sys_faccessat2}, {"getdents", sys_getdents}, {"getdents64", sys_getdents64}, {"getcwd", sys_getcwd},
    {"chdir", sys_chdir}, {"fchdir", sys_fchdir}, {"chroot", sys_chroot}, {"mkdir", sys_mkdir}, {"mkdirat", sys_mkdirat},
    {"mknod", sys_mknod}, {"mknodat", sys_mknodat}, {"rmdir", sys_rmdir}, {"unlink", sys_unlink}, {"unlinkat", sys_unlinkat},
    {"rename", sys_rename}, {"renameat", sys_renameat}, {"renameat2", sys_renameat2}, {"link", sys_link}, {"linkat", sys_linkat},
    {"symlink", sys_symlink}, {"symlinkat", sys_symlinkat}, {"readlink", sys_readlink}, {"readlinkat", sys_readlinkat},
    {"chmod", sys_chmod}, {"fchmod", sys_fchmod}, {"fchmodat", sys_fchmodat}, {"fchmodat2", sys_fchmodat2}, {"chown", sys_chown},
    {"fchown", sys_fchown}, {"lchown", sys_lchown}, {"fchownat", sys_fchownat}, {"utime", sys_utime}, {"utimes", sys_utimes},
    {"futimesat", sys_futimesat}, {"utimensat", sys_utimensat}, {"truncate", sys_truncate}, {"ftruncate", sys_ftruncate},
    {"fallocate", sys_fallocate}, {"fsync", sys_fsync}, {"fdatasync", sys_fdatasync}, {"sync", sys_sync}, {"syncfs", sys_syncfs},
    {"setxattr", sys_setxattr}, {"lsetxattr", sys_lsetxattr}, {"fsetxattr", sys_fsetxattr},
    {"getxattr", sys_getxattr}, {"lgetxattr", sys_lgetxattr}, {"fgetxattr", sys_fgetxattr},
    {"listxattr", sys_listxattr}, {"llistxattr", sys_llistxattr}, {"flistxattr", sys_flistxattr},
    {"removexattr", sys_removexattr}, {"lremovexattr", sys_lremovexattr}, {"fremovexattr", sys_fremovexattr},
    {"splice", sys_splice}, {"vmsplice", sys_vmsplice}, {"inotify_init", sys_inotify_init}, {"inotify_init1", sys_inotify_init1},
    {"inotify_add_watch", sys_inotify_add_watch}, {"inotify_rm_watch", sys_inotify_rm_watch}, {"statfs", sys_statfs}, {"fstatfs", sys_fstatfs}, {"fadvise64", sys_fadvise64}, {"readahead", sys_readahead},
    {"sendfile", sys_sendfile}, {"copy_file_range", sys_copy_file_range}, {"poll", sys_poll}, {"ppoll", sys_ppoll}, {"select", sys_select},
    {"pselect6", sys_pselect6}, {"epoll_create", sys_epoll_create}, {"epoll_create1", sys_epoll_create1}, {"epoll_ctl", sys_epoll_ctl},
    {"epoll_wait", sys_epoll_wait}, {"epoll_pwait", sys_epoll_pwait}, {"epoll_pwait2", sys_epoll_pwait2}, {"eventfd", sys_eventfd},
    {"eventfd2", sys_eventfd2}, {"timerfd_create", sys_timerfd_create}, {"timerfd_settime", sys_timerfd_settime},
    {"timerfd_gettime", sys_timerfd_gettime}, {"signalfd", sys_signalfd}, {"signalfd4", sys_signalfd4},
    {"socket", sys_socket}, {"connect", sys_connect}, {"accept", sys_accept}, {"accept4", sys_accept4}, {"sendto", sys_sendto},
    {"recvfrom", sys_recvfrom}, {"sendmsg", sys_sendmsg}, {"recvmsg", sys_recvmsg}, {"sendmmsg", sys_sendmmsg}, {"recvmmsg", sys_recvmmsg}, {"shutdown", sys_shutdown}, {"bind", sys_bind}, {"listen", sys_listen}, {"getsockname", sys_getsockname},
    {"getpeername", sys_getpeername}, {"socketpair", sys_socketpair}, {"setsockopt", sys_setsockopt}, {"getsockopt", sys_getsockopt},
};

/// Servers: what libc needs to start, run threads and end. rt_sigaction and the masks are kept, but no signal ever comes.
constexpr HandlerEntry kBareHandlers[] = {
    {"arch_prctl", sys_arch_prctl}, {"set_tid_address", sys_set_tid_address}, {"set_robust_list", sys_set_robust_list},
    {"get_robust_list", sys_get_robust_list}, {"prlimit64", sys_prlimit64}, {"brk", sys_brk}, {"mmap", sys_mmap}, {"munmap", sys_munmap},
    {"mprotect", sys_mprotect}, {"mremap", sys_mremap}, {"madvise", sys_madvise}, {"futex", sys_futex}, {"clone", sys_clone},
    {"clone3", sys_clone3}, {"exit", sys_exit}, {"exit_group", sys_exit_group}, {"getrandom", sys_getrandom},
    {"clock_gettime", sys_clock_gettime}, {"clock_getres", sys_clock_getres}, {"gettimeofday", sys_gettimeofday},
    {"clock_nanosleep", sys_clock_nanosleep}, {"nanosleep", sys_nanosleep}, {"sched_yield", sys_sched_yield},
    {"sched_getaffinity", sys_sched_getaffinity}, {"getpid", sys_getpid}, {"gettid", sys_gettid}, {"rt_sigaction", sys_rt_sigaction},
    {"rt_sigprocmask", sys_rt_sigprocmask}, {"sigaltstack", sys_sigaltstack}, {"uname", sys_uname}, {"prctl", sys_prctl},
    {"getcpu", sys_getcpu},
    {"write", bare_write}, {"writev", bare_writev}, {"fstat", bare_fstat}, {"newfstatat", bare_newfstatat}, {"ioctl", bare_ioctl},
    {"readlink", bare_readlink}, {"readlinkat", bare_readlink}, {"tgkill", bare_tgkill},
};
// clang-format on

/// Not constexpr: reaching one while the table is made is the compile error.
void two_handlers_for_one_call() {}
void no_such_linux_call() {}

using Table = std::array<Handler, kLinuxCallsMax>;

template <size_t kCount>
consteval void enter(Table& table, const HandlerEntry (&handlers)[kCount]) {
    for (const HandlerEntry& handler : handlers) {
        bool known = false;
        for (const LinuxCallEntry& entry : kLinuxCallList) {
            if (handler.name != entry.name) continue;
            if (table[entry.number] != nullptr) two_handlers_for_one_call();
            table[entry.number] = handler.handler;
            known = true;
            break;
        }
        if (!known) no_such_linux_call();
    }
}

consteval Table posix_table() {
    Table table{};
    enter(table, kCoreHandlers);
    enter(table, kFileHandlers);
    return table;
}

consteval Table bare_table() {
    Table table{};
    enter(table, kBareHandlers);
    return table;
}

constexpr Table kPosixTable = posix_table();
constexpr Table kBareTable = bare_table();

static_assert(
    [] {
        for (const LinuxCallEntry& entry : kLinuxCallList)
            if ((entry.support != Support::None) != (kPosixTable[entry.number] != nullptr)) return false;
        return true;
    }(),
    "what the list says is supported has a handler, and nothing else");

const LinuxCallEntry* find(uint64_t number) {
    for (const LinuxCallEntry& entry : kLinuxCallList)
        if (entry.number == number) return &entry;
    return nullptr;
}

}  // namespace

Handler linux_handler(abi::RuntimeMode mode, uint64_t number) {
    if (number >= kLinuxCallsMax) return nullptr;
    return mode == abi::RuntimeMode::Posix ? kPosixTable[number] : kBareTable[number];
}

const char* linux_call_name(uint64_t number) {
    const LinuxCallEntry* entry = find(number);
    return entry == nullptr ? "unknown" : entry->name.data();
}

LinuxCall linux_call(uint64_t number) {
    const LinuxCallEntry* entry = find(number);
    if (entry == nullptr)
        return {.number = static_cast<unsigned>(number), .name = "unknown", .support = Support::None, .missing = "", .handler = nullptr};
    return {.number = entry->number,
            .name = entry->name.data(),
            .support = entry->support,
            .missing = entry->missing.data(),
            .handler = kPosixTable[entry->number]};
}

}  // namespace portico::posix
