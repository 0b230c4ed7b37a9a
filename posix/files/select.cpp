#include <algorithm>
#include <array>

#include "posix/clock.h"
#include "posix/files/file_calls.h"
#include "posix/files/poll_wait.h"
#include "posix/files/requests.h"
#include "posix/files/scratch_array.h"
#include "posix/files/select_sets.h"
#include "posix/files/temporary_mask.h"

namespace portico::posix {
namespace {

using linux_abi::PollDescriptor;

constexpr uint32_t kInlineRecords = 64;
constexpr uint32_t kInlineWords = 3 * 16;  // three sets of FD_SETSIZE
constexpr uint64_t kNsPerUs = 1000, kNsPerSecond = 1'000'000'000;

struct SetAddresses {
    std::array<uint64_t, 3> of;  ///< read, write, except; 0: none
};

/// Select counts all bits up to a number, the program's sets are whole words of that.
struct Selection {
    uint32_t number_limit;
    uint64_t words;
    std::array<std::span<uint64_t>, 3> sets;

    SelectSets all() const { return {sets[0], sets[1], sets[2]}; }

    int64_t load(const SetAddresses& addresses) {
        for (unsigned i = 0; i < 3; ++i) {
            if (addresses.of[i] == 0) continue;
            if (const auto copied = copy_from_user(sets[i].data(), addresses.of[i], words * 8); !copied) return to_errno(copied.error());
        }
        return 0;
    }

    int64_t store(const SetAddresses& addresses) const {
        for (unsigned i = 0; i < 3; ++i) {
            if (addresses.of[i] == 0) continue;
            if (const auto copied = copy_to_user(addresses.of[i], sets[i].data(), words * 8); !copied) return to_errno(copied.error());
        }
        return 0;
    }
};

int64_t select_loaded(Thread& thread, const Selection& selection, uint64_t deadline_ns) {
    const ScratchArray<PollDescriptor, kInlineRecords> records(count_selected(selection.all(), selection.number_limit));
    if (!records) return -ENOMEM;
    select_to_poll(selection.all(), selection.number_limit, records.all());
    const int64_t result = poll_descriptors(thread, records.all(), deadline_ns);
    return result < 0 ? result : poll_to_select(records.all(), selection.all());
}

int64_t select_sets(Thread& thread, int32_t number_limit, const SetAddresses& addresses, uint64_t deadline_ns) {
    if (number_limit < 0) return -EINVAL;
    // Numbers past the table are not open; Linux looks no further either.
    const auto limit = std::min(static_cast<uint32_t>(number_limit), DescriptorTable::kDescriptorsMax);
    const uint64_t words = (uint64_t{limit} + 63) / 64;
    const ScratchArray<uint64_t, kInlineWords> storage(3 * words);
    if (!storage) return -ENOMEM;
    const std::span<uint64_t> all = storage.all();
    std::ranges::fill(all, uint64_t{0});
    Selection selection{limit, words, {all.subspan(0, words), all.subspan(words, words), all.subspan(2 * words, words)}};
    if (const int64_t error = selection.load(addresses); error != 0) return error;
    const int64_t result = select_loaded(thread, selection, deadline_ns);
    thread.restart_deadline_ns = result == -kRestartNoHandler ? deadline_ns : 0;
    if (result < 0) return result;
    const int64_t error = selection.store(addresses);
    return error != 0 ? error : result;
}

uint64_t left_ns(uint64_t deadline_ns) {
    const uint64_t now_ns = monotonic_ns();
    return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
}

}  // namespace

int64_t sys_select(Thread& thread, const Arguments& arguments) {
    const uint64_t timeout_address = arguments[4];
    uint64_t deadline_ns = abi::kForever;
    if (timeout_address != 0) {
        const auto timeout = read_user<linux_abi::Timeval>(timeout_address);
        if (!timeout) return to_errno(timeout.error());
        if (timeout->seconds < 0 || timeout->microseconds < 0) return -EINVAL;
        const TimeSpec duration{timeout->seconds + timeout->microseconds / 1'000'000,
                                timeout->microseconds % 1'000'000 * static_cast<int64_t>(kNsPerUs)};
        deadline_ns = wait_deadline(thread, duration.to_ns());
    }
    const int64_t result = select_sets(thread, number_argument(arguments[0]), {{arguments[1], arguments[2], arguments[3]}}, deadline_ns);
    if (timeout_address == 0) return result;
    const uint64_t left = left_ns(deadline_ns);  // Linux tells it; a read-only timeout is not an error
    (void)write_user(timeout_address,
                     linux_abi::Timeval{static_cast<int64_t>(left / kNsPerSecond), static_cast<int64_t>(left % kNsPerSecond / kNsPerUs)});
    return result;
}

int64_t sys_pselect6(Thread& thread, const Arguments& arguments) {
    struct MaskArgument {
        uint64_t address, length_bytes;
    };
    const uint64_t timeout_address = arguments[4];
    uint64_t deadline_ns = abi::kForever;
    if (timeout_address != 0) {
        const auto timeout = read_user<TimeSpec>(timeout_address);
        if (!timeout) return to_errno(timeout.error());
        if (!timeout->valid()) return -EINVAL;
        deadline_ns = wait_deadline(thread, timeout->to_ns());
    }
    MaskArgument mask_argument{};
    if (arguments[5] != 0) {
        const auto given = read_user<MaskArgument>(arguments[5]);
        if (!given) return to_errno(given.error());
        mask_argument = *given;
    }
    const TemporaryMask mask(thread, mask_argument.address, mask_argument.length_bytes);
    if (mask.error() != 0) return mask.error();
    const int64_t result = select_sets(thread, number_argument(arguments[0]), {{arguments[1], arguments[2], arguments[3]}}, deadline_ns);
    if (timeout_address != 0) (void)write_user(timeout_address, TimeSpec::from_ns(left_ns(deadline_ns)));
    return mask.finish(result);
}

}  // namespace portico::posix
