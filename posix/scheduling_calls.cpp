#include <cpuid.h>
#include <cerrno>

#include "posix/clock.h"
#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/process.h"
#include "posix/user_copy.h"

/// Scheduling: programs all run with the same policy and priority, on any CPU.
namespace portico::posix {

namespace {

enum class Policy : uint32_t { Other = 0, Fifo = 1, RoundRobin = 2, Batch = 3, Idle = 5 };
constexpr uint64_t kMaskBytes = 8;

bool is_policy(uint64_t policy) {
    return policy <= 3 || policy == static_cast<uint64_t>(Policy::Idle);
}
bool is_realtime(uint64_t policy) {
    return policy == static_cast<uint64_t>(Policy::Fifo) || policy == static_cast<uint64_t>(Policy::RoundRobin);
}

}  // namespace

int64_t sys_sched_yield(Thread&, const Arguments&) {
    (void)native::call(abi::ThreadYield{});
    return 0;
}

int64_t sys_sched_getaffinity(Thread&, const Arguments& arguments) {
    if (arguments[1] < kMaskBytes || arguments[1] % kMaskBytes != 0) return -EINVAL;
    const unsigned cpus = cpu_count();
    const uint64_t mask = cpus >= 64 ? ~uint64_t{0} : (uint64_t{1} << cpus) - 1;
    if (!write_user(arguments[2], mask)) return -EFAULT;
    return kMaskBytes;
}

/// By TSC_AUX, where the kernel would have put the CPU's number as Linux does: else it stays 0.
int64_t sys_getcpu(Thread&, const Arguments& arguments) {
    constexpr unsigned kHasRdtscp = 1u << 27;
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    uint32_t cpu = 0;
    if (__get_cpuid(0x8000'0001, &eax, &ebx, &ecx, &edx) != 0 && (edx & kHasRdtscp) != 0)
        asm volatile("rdtscp" : "=c"(cpu) : : "rax", "rdx");
    cpu &= 0xFFF;
    if (arguments[0] != 0 && !write_user(arguments[0], cpu < cpu_count() ? cpu : 0u)) return -EFAULT;
    if (arguments[1] != 0 && !write_user(arguments[1], uint32_t{0})) return -EFAULT;
    return 0;
}

int64_t sys_sched_getscheduler(Thread&, const Arguments&) {
    return static_cast<int64_t>(Policy::Other);
}

int64_t sys_sched_getparam(Thread&, const Arguments& arguments) {
    return to_errno(write_user(arguments[1], int32_t{0}));
}

int64_t sys_sched_setscheduler(Thread&, const Arguments& arguments) {
    if (!is_policy(arguments[1])) return -EINVAL;
    const auto priority = read_user<int32_t>(arguments[2]);
    if (!priority) return -EFAULT;
    if (is_realtime(arguments[1])) return -EPERM;
    return *priority == 0 && arguments[1] == static_cast<uint64_t>(Policy::Other) ? 0 : -EINVAL;
}

int64_t sys_sched_setparam(Thread&, const Arguments& arguments) {
    const auto priority = read_user<int32_t>(arguments[1]);
    if (!priority) return -EFAULT;
    return *priority == 0 ? 0 : -EINVAL;
}

int64_t sys_sched_get_priority_max(Thread&, const Arguments& arguments) {
    return !is_policy(arguments[0]) ? -EINVAL : is_realtime(arguments[0]) ? 99 : 0;
}
int64_t sys_sched_get_priority_min(Thread&, const Arguments& arguments) {
    return !is_policy(arguments[0]) ? -EINVAL : is_realtime(arguments[0]) ? 1 : 0;
}

int64_t sys_sched_rr_get_interval(Thread&, const Arguments& arguments) {
    return to_errno(write_user(arguments[1], TimeSpec{}));  // as for SCHED_OTHER without a slice of its own
}

/// The kernel's value is 20 - nice, so that it is never negative.
int64_t sys_getpriority(Thread&, const Arguments& arguments) {
    return arguments[0] > 2 ? -EINVAL : 20;
}

}  // namespace portico::posix
