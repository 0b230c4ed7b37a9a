#include <cerrno>

#include "posix/clock.h"
#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/interruptible.h"
#include "posix/process.h"
#include "posix/user_copy.h"

namespace portico::posix {

namespace {

enum class Operation : uint32_t { Wait = 0, Wake = 1, Requeue = 3, CompareRequeue = 4, WakeOperation = 5, WaitBits = 9, WakeBits = 10 };
constexpr uint32_t kPrivate = 128, kRealtime = 256;
constexpr uint64_t kAnyMask = 0xFFFF'FFFF, kAnyValue = ~uint64_t{0};

struct FutexRequest {
    uint64_t address;
    uint32_t value;
    uint64_t timeout_address;  ///< or a count
    uint64_t second_address;
    uint32_t third_value;
    uint64_t shared;
    bool realtime;
};

/// Wait's timeout is relative, WaitBits' absolute.
int64_t wait_deadline(Thread& thread, const FutexRequest& request, bool absolute, uint64_t& deadline_ns) {
    deadline_ns = abi::kForever;
    if (request.timeout_address == 0) return 0;
    const auto timeout = read_user<TimeSpec>(request.timeout_address);
    if (!timeout) return -EFAULT;
    if (!timeout->valid()) return -EINVAL;
    if (absolute) {
        const uint64_t offset = request.realtime ? thread.process->realtime_offset_ns : 0;
        deadline_ns = timeout->to_ns() > offset ? timeout->to_ns() - offset : 1;  // 0 would be kNow's meaning, not a time
    } else {
        deadline_ns = thread.restart_deadline_ns != 0 ? thread.restart_deadline_ns : deadline_after(timeout->to_ns());
        thread.restart_deadline_ns = deadline_ns;
    }
    return 0;
}

int64_t wait(Thread& thread, const FutexRequest& request, bool absolute, uint32_t mask) {
    if (mask == 0) return -EINVAL;
    uint64_t deadline_ns = 0;
    if (const int64_t error = wait_deadline(thread, request, absolute, deadline_ns); error != 0) return error;
    const auto result = interruptible::futex_wait(thread, {request.address, request.value, deadline_ns, request.shared, mask});
    if (result) return 0;
    if (result.error() == Error::Interrupted && !absolute && deadline_ns != abi::kForever) return -kRestartNoHandler;
    return to_errno(result.error());
}

int64_t wake(const FutexRequest& request, uint32_t mask) {
    if (mask == 0) return -EINVAL;
    const auto reply = native::call(abi::FutexWake{request.address, request.value, request.shared, mask});
    return reply ? static_cast<int64_t>(reply->woken) : to_errno(reply.error());
}

int64_t requeue(const FutexRequest& request, bool compares) {
    const auto move_count = static_cast<int32_t>(request.timeout_address);
    const auto wake_count = static_cast<int32_t>(request.value);
    if (move_count < 0 || wake_count < 0) return -EINVAL;
    const auto reply =
        native::call(abi::FutexRequeue{request.address, compares ? request.third_value : kAnyValue, static_cast<uint64_t>(wake_count),
                                       static_cast<uint64_t>(move_count), request.second_address, request.shared});
    if (!reply) return to_errno(reply.error());
    return static_cast<int64_t>(compares ? reply->woken + reply->moved : reply->woken);
}

uint32_t operated(uint32_t operation, uint32_t old, uint32_t argument) {
    switch (operation & 7) {
    case 0:
        return argument;
    case 1:
        return old + argument;
    case 2:
        return old | argument;
    case 3:
        return old & ~argument;
    default:
        return old ^ argument;
    }
}

bool compares_true(uint32_t comparison, int32_t old, int32_t argument) {
    switch (comparison) {
    case 0:
        return old == argument;
    case 1:
        return old != argument;
    case 2:
        return old < argument;
    case 3:
        return old <= argument;
    case 4:
        return old > argument;
    default:
        return old >= argument;
    }
}

/// FUTEX_WAKE_OP: changes the second word, wakes on the first, and on the second if its old value compares true.
int64_t wake_operation(const FutexRequest& request) {
    const uint32_t encoded = request.third_value;
    const uint32_t operation = encoded >> 28, comparison = (encoded >> 24) & 15;
    uint32_t argument = static_cast<uint32_t>(static_cast<int32_t>(encoded << 8) >> 20);
    const int32_t comparand = static_cast<int32_t>(encoded << 20) >> 20;
    if ((operation & 7) > 4 || comparison > 5) return -ENOSYS;
    if ((operation & 8) != 0) argument = 1u << (argument & 31);
    uint32_t old = 0;
    for (;;) {
        const auto value = load_user_32(request.second_address);
        if (!value) return -EFAULT;
        old = *value;
        const auto found = exchange_user_32(request.second_address, old, operated(operation, old, argument));
        if (!found) return -EFAULT;
        if (*found == old) break;
    }
    int64_t woken = wake(request, kAnyMask);
    if (woken >= 0 && compares_true(comparison, static_cast<int32_t>(old), comparand)) {
        const auto reply = native::call(abi::FutexWake{request.second_address, request.timeout_address, request.shared, kAnyMask});
        if (!reply) return to_errno(reply.error());
        woken += static_cast<int64_t>(reply->woken);
    }
    return woken;
}

}  // namespace

int64_t sys_futex(Thread& thread, const Arguments& arguments) {
    const auto [address, operation, value, timeout_address, second_address, third_value] = arguments;
    const FutexRequest request{.address = address,
                               .value = static_cast<uint32_t>(value),
                               .timeout_address = timeout_address,
                               .second_address = second_address,
                               .third_value = static_cast<uint32_t>(third_value),
                               .shared = (operation & kPrivate) != 0 ? 0u : 1u,
                               .realtime = (operation & kRealtime) != 0};
    const uint64_t mask = request.third_value;
    if ((address & 3) != 0) return -EINVAL;
    switch (static_cast<Operation>(operation & ~(kPrivate | kRealtime) & 0xFFFF'FFFF)) {
    case Operation::Wait:
        return wait(thread, request, false, kAnyMask);
    case Operation::WaitBits:
        return wait(thread, request, true, static_cast<uint32_t>(mask));
    case Operation::Wake:
        return wake(request, kAnyMask);
    case Operation::WakeBits:
        return wake(request, static_cast<uint32_t>(mask));
    case Operation::Requeue:
        return requeue(request, false);
    case Operation::CompareRequeue:
        return requeue(request, true);
    case Operation::WakeOperation:
        return (second_address & 3) != 0 ? -EINVAL : wake_operation(request);
    }
    return -ENOSYS;
}

}  // namespace portico::posix
