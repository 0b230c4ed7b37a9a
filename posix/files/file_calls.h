#pragma once

#include "posix/linux_call.h"

/// Handlers of Linux's file calls, for the call table. Each returns the call's value, a negative errno or a restart code.
namespace portico::posix {

class Thread;

// open.cpp
int64_t sys_open(Thread& thread, const Arguments& arguments);
int64_t sys_openat(Thread& thread, const Arguments& arguments);
int64_t sys_openat2(Thread& thread, const Arguments& arguments);
int64_t sys_creat(Thread& thread, const Arguments& arguments);
int64_t sys_memfd_create(Thread& thread, const Arguments& arguments);

// close.cpp
int64_t sys_close(Thread& thread, const Arguments& arguments);
int64_t sys_close_range(Thread& thread, const Arguments& arguments);

// duplicate.cpp
int64_t sys_dup(Thread& thread, const Arguments& arguments);
int64_t sys_dup2(Thread& thread, const Arguments& arguments);
int64_t sys_dup3(Thread& thread, const Arguments& arguments);

// read_write.cpp
int64_t sys_read(Thread& thread, const Arguments& arguments);
int64_t sys_write(Thread& thread, const Arguments& arguments);
int64_t sys_pread64(Thread& thread, const Arguments& arguments);
int64_t sys_pwrite64(Thread& thread, const Arguments& arguments);

// vectors.cpp
int64_t sys_readv(Thread& thread, const Arguments& arguments);
int64_t sys_writev(Thread& thread, const Arguments& arguments);
int64_t sys_preadv(Thread& thread, const Arguments& arguments);
int64_t sys_pwritev(Thread& thread, const Arguments& arguments);
int64_t sys_preadv2(Thread& thread, const Arguments& arguments);
int64_t sys_pwritev2(Thread& thread, const Arguments& arguments);

// seek.cpp
int64_t sys_lseek(Thread& thread, const Arguments& arguments);

// fcntl.cpp: no record locks
int64_t sys_fcntl(Thread& thread, const Arguments& arguments);
int64_t sys_flock(Thread& thread, const Arguments& arguments);

// ioctl.cpp
int64_t sys_ioctl(Thread& thread, const Arguments& arguments);

// pipes.cpp
int64_t sys_pipe(Thread& thread, const Arguments& arguments);
int64_t sys_pipe2(Thread& thread, const Arguments& arguments);

// stat.cpp
int64_t sys_stat(Thread& thread, const Arguments& arguments);
int64_t sys_fstat(Thread& thread, const Arguments& arguments);
int64_t sys_lstat(Thread& thread, const Arguments& arguments);
int64_t sys_newfstatat(Thread& thread, const Arguments& arguments);
int64_t sys_statx(Thread& thread, const Arguments& arguments);

// access.cpp
int64_t sys_access(Thread& thread, const Arguments& arguments);
int64_t sys_faccessat(Thread& thread, const Arguments& arguments);
int64_t sys_faccessat2(Thread& thread, const Arguments& arguments);

// directory.cpp
int64_t sys_getdents(Thread& thread, const Arguments& arguments);
int64_t sys_getdents64(Thread& thread, const Arguments& arguments);
int64_t sys_getcwd(Thread& thread, const Arguments& arguments);
int64_t sys_chdir(Thread& thread, const Arguments& arguments);
int64_t sys_fchdir(Thread& thread, const Arguments& arguments);
int64_t sys_chroot(Thread& thread, const Arguments& arguments);

// names.cpp
int64_t sys_mkdir(Thread& thread, const Arguments& arguments);
int64_t sys_mkdirat(Thread& thread, const Arguments& arguments);
int64_t sys_mknod(Thread& thread, const Arguments& arguments);
int64_t sys_mknodat(Thread& thread, const Arguments& arguments);
int64_t sys_rmdir(Thread& thread, const Arguments& arguments);
int64_t sys_unlink(Thread& thread, const Arguments& arguments);
int64_t sys_unlinkat(Thread& thread, const Arguments& arguments);

// links.cpp
int64_t sys_rename(Thread& thread, const Arguments& arguments);
int64_t sys_renameat(Thread& thread, const Arguments& arguments);
int64_t sys_renameat2(Thread& thread, const Arguments& arguments);
int64_t sys_link(Thread& thread, const Arguments& arguments);
int64_t sys_linkat(Thread& thread, const Arguments& arguments);
int64_t sys_symlink(Thread& thread, const Arguments& arguments);
int64_t sys_symlinkat(Thread& thread, const Arguments& arguments);
int64_t sys_readlink(Thread& thread, const Arguments& arguments);
int64_t sys_readlinkat(Thread& thread, const Arguments& arguments);

// change.cpp
int64_t sys_chmod(Thread& thread, const Arguments& arguments);
int64_t sys_fchmod(Thread& thread, const Arguments& arguments);
int64_t sys_fchmodat(Thread& thread, const Arguments& arguments);
int64_t sys_fchmodat2(Thread& thread, const Arguments& arguments);
int64_t sys_chown(Thread& thread, const Arguments& arguments);
int64_t sys_fchown(Thread& thread, const Arguments& arguments);
int64_t sys_lchown(Thread& thread, const Arguments& arguments);
int64_t sys_fchownat(Thread& thread, const Arguments& arguments);
int64_t sys_utime(Thread& thread, const Arguments& arguments);
int64_t sys_utimes(Thread& thread, const Arguments& arguments);
int64_t sys_futimesat(Thread& thread, const Arguments& arguments);
int64_t sys_utimensat(Thread& thread, const Arguments& arguments);

// storage.cpp
int64_t sys_truncate(Thread& thread, const Arguments& arguments);
int64_t sys_ftruncate(Thread& thread, const Arguments& arguments);
int64_t sys_fallocate(Thread& thread, const Arguments& arguments);
int64_t sys_fsync(Thread& thread, const Arguments& arguments);
int64_t sys_fdatasync(Thread& thread, const Arguments& arguments);
int64_t sys_sync(Thread& thread, const Arguments& arguments);
int64_t sys_syncfs(Thread& thread, const Arguments& arguments);
int64_t sys_statfs(Thread& thread, const Arguments& arguments);
int64_t sys_fstatfs(Thread& thread, const Arguments& arguments);
int64_t sys_fadvise64(Thread& thread, const Arguments& arguments);
int64_t sys_readahead(Thread& thread, const Arguments& arguments);

// extended_attributes.cpp
int64_t sys_setxattr(Thread& thread, const Arguments& arguments);
int64_t sys_lsetxattr(Thread& thread, const Arguments& arguments);
int64_t sys_fsetxattr(Thread& thread, const Arguments& arguments);
int64_t sys_getxattr(Thread& thread, const Arguments& arguments);
int64_t sys_lgetxattr(Thread& thread, const Arguments& arguments);
int64_t sys_fgetxattr(Thread& thread, const Arguments& arguments);
int64_t sys_listxattr(Thread& thread, const Arguments& arguments);
int64_t sys_llistxattr(Thread& thread, const Arguments& arguments);
int64_t sys_flistxattr(Thread& thread, const Arguments& arguments);
int64_t sys_removexattr(Thread& thread, const Arguments& arguments);
int64_t sys_lremovexattr(Thread& thread, const Arguments& arguments);
int64_t sys_fremovexattr(Thread& thread, const Arguments& arguments);

// splice.cpp
int64_t sys_splice(Thread& thread, const Arguments& arguments);
int64_t sys_vmsplice(Thread& thread, const Arguments& arguments);

// watches.cpp
int64_t sys_inotify_init(Thread& thread, const Arguments& arguments);
int64_t sys_inotify_init1(Thread& thread, const Arguments& arguments);
int64_t sys_inotify_add_watch(Thread& thread, const Arguments& arguments);
int64_t sys_inotify_rm_watch(Thread& thread, const Arguments& arguments);

// copy.cpp
int64_t sys_sendfile(Thread& thread, const Arguments& arguments);
int64_t sys_copy_file_range(Thread& thread, const Arguments& arguments);

// events.cpp, timer_descriptors.cpp, signal_sets.cpp
int64_t sys_eventfd(Thread& thread, const Arguments& arguments);
int64_t sys_eventfd2(Thread& thread, const Arguments& arguments);
int64_t sys_timerfd_create(Thread& thread, const Arguments& arguments);
int64_t sys_timerfd_settime(Thread& thread, const Arguments& arguments);
int64_t sys_timerfd_gettime(Thread& thread, const Arguments& arguments);
int64_t sys_signalfd(Thread& thread, const Arguments& arguments);
int64_t sys_signalfd4(Thread& thread, const Arguments& arguments);

// sockets.cpp, socket_messages.cpp, socket_options.cpp
int64_t sys_socket(Thread& thread, const Arguments& arguments);
int64_t sys_connect(Thread& thread, const Arguments& arguments);
int64_t sys_accept(Thread& thread, const Arguments& arguments);
int64_t sys_accept4(Thread& thread, const Arguments& arguments);
int64_t sys_sendto(Thread& thread, const Arguments& arguments);
int64_t sys_recvfrom(Thread& thread, const Arguments& arguments);
int64_t sys_sendmsg(Thread& thread, const Arguments& arguments);
int64_t sys_recvmsg(Thread& thread, const Arguments& arguments);
int64_t sys_sendmmsg(Thread& thread, const Arguments& arguments);
int64_t sys_recvmmsg(Thread& thread, const Arguments& arguments);
int64_t sys_shutdown(Thread& thread, const Arguments& arguments);
int64_t sys_bind(Thread& thread, const Arguments& arguments);
int64_t sys_listen(Thread& thread, const Arguments& arguments);
int64_t sys_getsockname(Thread& thread, const Arguments& arguments);
int64_t sys_getpeername(Thread& thread, const Arguments& arguments);
int64_t sys_socketpair(Thread& thread, const Arguments& arguments);
int64_t sys_setsockopt(Thread& thread, const Arguments& arguments);
int64_t sys_getsockopt(Thread& thread, const Arguments& arguments);

// epoll.cpp
int64_t sys_epoll_create(Thread& thread, const Arguments& arguments);
int64_t sys_epoll_create1(Thread& thread, const Arguments& arguments);
int64_t sys_epoll_ctl(Thread& thread, const Arguments& arguments);
int64_t sys_epoll_wait(Thread& thread, const Arguments& arguments);
int64_t sys_epoll_pwait(Thread& thread, const Arguments& arguments);
int64_t sys_epoll_pwait2(Thread& thread, const Arguments& arguments);

// poll.cpp, select.cpp
int64_t sys_poll(Thread& thread, const Arguments& arguments);
int64_t sys_ppoll(Thread& thread, const Arguments& arguments);
int64_t sys_select(Thread& thread, const Arguments& arguments);
int64_t sys_pselect6(Thread& thread, const Arguments& arguments);

}  // namespace portico::posix
