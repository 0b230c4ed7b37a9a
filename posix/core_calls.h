#pragma once

#include "posix/linux_call.h"

/// The Linux calls that the core of the library handles; those about descriptors and paths are in posix/files/file_calls.h.
namespace portico::posix {

using CallHandler = int64_t(Thread& thread, const Arguments& arguments);

// signal_calls.cpp
CallHandler sys_rt_sigaction, sys_rt_sigprocmask, sys_rt_sigreturn, sys_rt_sigpending, sys_rt_sigsuspend, sys_pause, sys_rt_sigtimedwait,
    sys_sigaltstack, sys_kill, sys_tkill, sys_tgkill, sys_rt_sigqueueinfo, sys_rt_tgsigqueueinfo;

// clone_calls.cpp
CallHandler sys_fork, sys_vfork, sys_clone, sys_clone3;

// exit_calls.cpp
CallHandler sys_exit, sys_exit_group, sys_wait4, sys_waitid, sys_set_tid_address, sys_set_robust_list, sys_get_robust_list;

// exec_calls.cpp
CallHandler sys_execve, sys_execveat;

// identity_calls.cpp
CallHandler sys_getpid, sys_gettid, sys_getppid, sys_getpgid, sys_getpgrp, sys_getsid, sys_setpgid, sys_setsid, sys_getuid, sys_geteuid,
    sys_getgid, sys_getegid, sys_getresuid, sys_getresgid, sys_setuid, sys_setgid, sys_setreuid, sys_setregid, sys_setresuid, sys_setresgid,
    sys_setfsuid, sys_setfsgid, sys_getgroups, sys_setgroups;

// capability_calls.cpp
CallHandler sys_capget, sys_capset;
bool is_privileged(Thread& thread);  ///< whether the effective user is root, which has all capabilities

// prctl_calls.cpp
CallHandler sys_prctl;

// memory_calls.cpp, remap_calls.cpp
CallHandler sys_mmap, sys_munmap, sys_mprotect, sys_brk, sys_mremap, sys_madvise, sys_msync, sys_mincore, sys_mlock, sys_munlock,
    sys_mlockall, sys_munlockall, sys_mlock2, sys_membarrier;

// futex_calls.cpp
CallHandler sys_futex;

// time_calls.cpp
CallHandler sys_clock_gettime, sys_clock_getres, sys_nanosleep, sys_clock_nanosleep, sys_gettimeofday, sys_time, sys_times, sys_getrusage,
    sys_clock_settime, sys_settimeofday;

// timer_calls.cpp
CallHandler sys_alarm, sys_setitimer, sys_getitimer, sys_timer_create, sys_timer_settime, sys_timer_gettime, sys_timer_getoverrun,
    sys_timer_delete;

// system_calls.cpp
CallHandler sys_uname, sys_sysinfo, sys_getrandom, sys_umask, sys_prlimit64, sys_getrlimit, sys_setrlimit, sys_arch_prctl, sys_personality;

// scheduling_calls.cpp
CallHandler sys_sched_yield, sys_sched_getaffinity, sys_getcpu, sys_sched_getscheduler, sys_sched_getparam, sys_sched_setscheduler,
    sys_sched_setparam, sys_sched_get_priority_max, sys_sched_get_priority_min, sys_sched_rr_get_interval, sys_getpriority, sys_setpriority,
    sys_sched_setaffinity, sys_sched_getattr, sys_sched_setattr;

// sysv_calls.cpp, message_queue_calls.cpp
CallHandler sys_semget, sys_semop, sys_semtimedop, sys_semctl, sys_msgget, sys_msgsnd, sys_msgrcv, sys_msgctl, sys_shmget, sys_shmat,
    sys_shmdt, sys_shmctl, sys_mq_open, sys_mq_unlink, sys_mq_timedsend, sys_mq_timedreceive, sys_mq_notify, sys_mq_getsetattr;

// bare_calls.cpp: what servers get instead of the calls of the same names
CallHandler bare_write, bare_writev, bare_fstat, bare_newfstatat, bare_ioctl, bare_readlink, bare_tgkill;

}  // namespace portico::posix
