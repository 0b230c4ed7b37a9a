#include <cpuid.h>

#include <algorithm>
#include <cerrno>

#include "posix/clock.h"
#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/process.h"
#include "posix/thread.h"
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

/// struct sched_attr, as it first was.
struct Attributes {
    uint32_t size_bytes = 0, policy = 0;
    uint64_t flags = 0;
    int32_t nice = 0;
    uint32_t priority = 0;
    uint64_t runtime = 0, deadline = 0, period = 0;
};
static_assert(sizeof(Attributes) == 48);

constexpr uint64_t kOfProcess = 0, kOfUser = 2;

uint64_t all_cpus() {
    const unsigned cpus = cpu_count();
    return cpus >= 64 ? ~uint64_t{0} : (uint64_t{1} << cpus) - 1;
}

bool is_caller(const Thread& thread, uint64_t pid) {
    const auto number = static_cast<int32_t>(pid);
    return number == 0 || number == thread.process->pid || number == thread.tid.load();
}

/// getpriority's and setpriority's which and who: only the caller by itself.
bool names_caller(const Thread& thread, const Arguments& arguments) {
    return arguments[0] == kOfProcess ? is_caller(thread, arguments[1]) : static_cast<int32_t>(arguments[1]) == 0;
}

}  // namespace

int64_t sys_sched_yield(Thread&, const Arguments&) {
    (void)native::call(abi::ThreadYield{});
    return 0;
}

int64_t sys_sched_getaffinity(Thread&, const Arguments& arguments) {
    if (arguments[1] < kMaskBytes || arguments[1] % kMaskBytes != 0) return -EINVAL;
    if (!write_user(arguments[2], all_cpus())) return -EFAULT;
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
int64_t sys_getpriority(Thread& thread, const Arguments& arguments) {
    if (arguments[0] > kOfUser) return -EINVAL;
    return names_caller(thread, arguments) ? 20 - thread.process->nice : -ESRCH;
}

int64_t sys_setpriority(Thread& thread, const Arguments& arguments) {
    if (arguments[0] > kOfUser) return -EINVAL;
    if (!names_caller(thread, arguments)) return -ESRCH;
    thread.process->nice = std::clamp(static_cast<int32_t>(arguments[2]), -20, 19);
    return 0;
}

/// Threads run on any CPU, so only a mask that allows all is true.
int64_t sys_sched_setaffinity(Thread&, const Arguments& arguments) {
    uint64_t mask = 0;
    if (!copy_from_user(&mask, arguments[2], std::min<uint64_t>(arguments[1], sizeof(mask)))) return -EFAULT;
    return (mask & all_cpus()) == all_cpus() ? 0 : -EINVAL;
}

int64_t sys_sched_getattr(Thread& thread, const Arguments& arguments) {
    if (arguments[2] < sizeof(Attributes) || arguments[3] != 0) return -EINVAL;
    if (!is_caller(thread, arguments[0])) return -ESRCH;
    return to_errno(write_user(arguments[1], Attributes{.size_bytes = sizeof(Attributes), .nice = thread.process->nice}));
}

int64_t sys_sched_setattr(Thread& thread, const Arguments& arguments) {
    const auto attributes = read_user<Attributes>(arguments[1]);
    if (!attributes) return -EFAULT;
    if (attributes->size_bytes < sizeof(Attributes) || arguments[2] != 0 || attributes->flags != 0) return -EINVAL;
    if (!is_caller(thread, arguments[0])) return -ESRCH;
    if (is_realtime(attributes->policy)) return -EPERM;
    if (attributes->policy != static_cast<uint32_t>(Policy::Other) || attributes->priority != 0) return -EINVAL;
    thread.process->nice = std::clamp(attributes->nice, -20, 19);
    return 0;
}

}  // namespace portico::posix
