#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

#include <string>

#include "servers/strace/caller_memory.h"

/// Linux's structures in words: "{tv_sec=1, tv_nsec=0}".
namespace portico::strace {

/// struct sigaction as the kernel has it.
struct KernelSignalAction {
    uint64_t handler, flags, restorer, mask;
};

/// struct clone_args.
struct CloneArguments {
    uint64_t flags, pid_descriptor, child_tid, parent_tid, exit_signal, stack, stack_bytes, tls;
};

std::string text_of(const struct stat& attributes);
std::string text_of(const struct statx& attributes);
std::string text_of(const timespec& time);
std::string text_of(const timeval& time);
std::string text_of(const itimerval& timer);
std::string text_of(const rlimit& limits);
std::string text_of(const pollfd& polled);
std::string text_of(const KernelSignalAction& action);
std::string text_of(const CloneArguments& arguments);
std::string text_of(const stack_t& stack);
std::string text_of(const utsname& name);
std::string mode_text(uint32_t mode);
std::string device_text(uint64_t device);
std::string wait_status_text(uint32_t status);
/// Of struct linux_dirent64 records: how many.
size_t count_directory_records(const std::string& records);

}  // namespace portico::strace
