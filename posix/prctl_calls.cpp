#include <cerrno>
#include <cstring>

#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/interruptible.h"
#include "posix/process.h"
#include "posix/user_copy.h"

/// prctl: small settings of thread and process.
namespace portico::posix {

namespace {

constexpr uint64_t kLastCapability = 40;

enum Option : int {
    kGetDumpable = 3,
    kSetDumpable = 4,
    kGetKeepCapabilities = 7,
    kSetKeepCapabilities = 8,
    kSetName = 15,
    kGetName = 16,
    kGetSeccomp = 21,
    kReadBound = 23,
    kGetSecurityBits = 27,
    kSetSecurityBits = 28,
    kSetTimerSlack = 29,
    kGetTimerSlack = 30,
    kSetNoNewPrivileges = 38,
    kGetNoNewPrivileges = 39,
    kGetTidAddress = 40,
    kSetLargePages = 41,
    kGetLargePages = 42,
    kAmbient = 47,
};

/// ps shows the first thread's name as the process's.
int64_t tell_name(const Thread& thread) {
    const Process& process = *thread.process;
    if (process.mode != abi::RuntimeMode::Posix || thread.tid.load() != process.pid) return 0;
    protocols::process::SetName request{};
    std::memcpy(request.name, thread.name, sizeof(request.name));
    const auto told = settled_call(process.process_server, request);
    return told ? 0 : to_errno(told.error());
}

int64_t set_name(Thread& thread, uint64_t address) {
    const size_t limit = sizeof(thread.name);
    const auto length = user_string_length(address, limit);
    if (!length && length.error() != Error::TooLarge) return -EFAULT;
    char name[sizeof(thread.name)]{};
    if (!copy_from_user(name, address, length ? *length : limit - 1)) return -EFAULT;
    std::memcpy(thread.name, name, sizeof(name));
    native::set_name(abi::kSelfThread, std::string_view(name, sizeof(name)));
    return tell_name(thread);
}

/// No capability can be made ambient, so there never is one.
int64_t ambient(const Arguments& arguments) {
    constexpr uint64_t kIsSet = 1, kRaise = 2, kLower = 3, kClearAll = 4;
    if (arguments[1] == kClearAll) return arguments[2] == 0 ? 0 : -EINVAL;
    if (arguments[2] > kLastCapability) return -EINVAL;
    if (arguments[1] == kIsSet || arguments[1] == kLower) return 0;
    return arguments[1] == kRaise ? -EPERM : -EINVAL;
}

/// A setting that is on or off: stores it.
int64_t set_flag(std::atomic<uint32_t>& settings, uint32_t flag, uint64_t value) {
    if (value > 1) return -EINVAL;
    if (value == 1)
        settings |= flag;
    else
        settings &= ~flag;
    return 0;
}

}  // namespace

int64_t sys_prctl(Thread& thread, const Arguments& arguments) {
    std::atomic<uint32_t>& settings = thread.process->settings;
    const auto is_on = [&settings](uint32_t flag) { return (settings & flag) != 0 ? 1 : 0; };
    switch (static_cast<int>(arguments[0])) {
    case kSetName:
        return set_name(thread, arguments[1]);
    case kGetName:
        return to_errno(copy_to_user(arguments[1], thread.name, sizeof(thread.name)));
    case kGetDumpable:
        return 1 - is_on(Process::kNotDumpable);
    case kSetDumpable:
        return arguments[1] > 1 ? -EINVAL : set_flag(settings, Process::kNotDumpable, 1 - arguments[1]);
    case kGetKeepCapabilities:
        return is_on(Process::kKeepCapabilities);
    case kSetKeepCapabilities:
        return set_flag(settings, Process::kKeepCapabilities, arguments[1]);
    case kSetNoNewPrivileges:  // no program ever gets more rights than who starts it
        if (arguments[1] != 1 || arguments[2] != 0 || arguments[3] != 0 || arguments[4] != 0) return -EINVAL;
        return set_flag(settings, Process::kNoNewPrivileges, 1);
    case kGetNoNewPrivileges:
        return is_on(Process::kNoNewPrivileges);
    case kReadBound:
        return arguments[1] <= kLastCapability ? 1 : -EINVAL;
    case kAmbient:
        return ambient(arguments);
    case kGetSecurityBits:
    case kGetSeccomp:
        return 0;
    case kSetSecurityBits:
        return arguments[1] == 0 ? 0 : -EPERM;
    case kSetTimerSlack:  // timers are exact already
        return 0;
    case kGetTimerSlack:
        return 0;
    case kSetLargePages:  // there are none to disable
        return arguments[2] == 0 && arguments[3] == 0 && arguments[4] == 0 ? set_flag(settings, Process::kNoLargePages, arguments[1] != 0)
                                                                           : -EINVAL;
    case kGetLargePages:
        return is_on(Process::kNoLargePages);
    case kGetTidAddress:
        return to_errno(write_user(arguments[1], thread.clear_child_tid));
    default:
        return -EINVAL;
    }
}

}  // namespace portico::posix
