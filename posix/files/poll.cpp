#include "posix/clock.h"
#include "posix/files/file_calls.h"
#include "posix/files/poll_wait.h"
#include "posix/files/requests.h"
#include "posix/files/scratch_array.h"
#include "posix/files/temporary_mask.h"

namespace portico::posix {
namespace {

using linux_abi::PollDescriptor;

constexpr uint32_t kInlineDescriptors = 64;
constexpr uint64_t kNsPerMs = 1'000'000;

/// Copies the array in, waits, copies it back; keeps the deadline if the wait is to be made again.
int64_t poll_array(Thread& thread, uint64_t address, uint64_t count, uint64_t deadline_ns) {
    if (count > thread.process->file_limit()) return -EINVAL;
    const ScratchArray<PollDescriptor, kInlineDescriptors> descriptors(count);
    if (!descriptors) return -ENOMEM;
    const uint64_t length_bytes = count * sizeof(PollDescriptor);
    if (const auto copied = copy_from_user(descriptors.all().data(), address, length_bytes); !copied) return to_errno(copied.error());
    const int64_t result = poll_descriptors(thread, descriptors.all(), deadline_ns);
    thread.restart_deadline_ns = result == -kRestartNoHandler ? deadline_ns : 0;
    if (result < 0) return result;
    const auto copied = copy_to_user(address, descriptors.all().data(), length_bytes);
    return copied ? result : to_errno(copied.error());
}

}  // namespace

int64_t sys_poll(Thread& thread, const Arguments& arguments) {
    const auto timeout_ms = static_cast<int32_t>(arguments[2]);
    const uint64_t deadline_ns = timeout_ms < 0 ? abi::kForever : wait_deadline(thread, static_cast<uint64_t>(timeout_ms) * kNsPerMs);
    return poll_array(thread, arguments[0], static_cast<uint32_t>(arguments[1]), deadline_ns);
}

int64_t sys_ppoll(Thread& thread, const Arguments& arguments) {
    uint64_t deadline_ns = abi::kForever;
    const uint64_t timeout_address = arguments[2];
    if (timeout_address != 0) {
        const auto timeout = read_user<TimeSpec>(timeout_address);
        if (!timeout) return to_errno(timeout.error());
        if (!timeout->valid()) return -EINVAL;
        deadline_ns = wait_deadline(thread, timeout->to_ns());
    }
    const TemporaryMask mask(thread, arguments[3], arguments[4]);
    if (mask.error() != 0) return mask.error();
    const int64_t result = poll_array(thread, arguments[0], static_cast<uint32_t>(arguments[1]), deadline_ns);
    return mask.finish(result);
}

}  // namespace portico::posix
