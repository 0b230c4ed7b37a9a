#include "posix/files/select_sets.h"

#include <algorithm>
#include <cerrno>

namespace portico::posix {
namespace {

using linux_abi::PollDescriptor;

/// What select(2) counts as readable, writable, exceptional.
constexpr int16_t kReadEvents = linux_abi::kPollIn | linux_abi::kPollReadNormal | linux_abi::kPollHangUp | linux_abi::kPollError;
constexpr int16_t kWriteEvents = linux_abi::kPollOut | linux_abi::kPollWriteNormal | linux_abi::kPollError;
constexpr int16_t kExceptEvents = linux_abi::kPollPriority;

bool contains(std::span<const uint64_t> set, uint32_t number) {
    return number / 64 < set.size() && ((set[number / 64] >> (number % 64)) & 1) != 0;
}

int16_t asked_of(const SelectSets& sets, uint32_t number) {
    int16_t events = 0;
    if (contains(sets.read, number)) events |= linux_abi::kPollIn;
    if (contains(sets.write, number)) events |= linux_abi::kPollOut;
    if (contains(sets.except, number)) events |= linux_abi::kPollPriority;
    return events;
}

/// Sets the bit again if it had been asked for and happened.
int64_t put(std::span<uint64_t> set, const PollDescriptor& record, int16_t asked, int16_t events) {
    if ((record.events & asked) == 0 || (record.happened & events) == 0) return 0;
    const auto number = static_cast<uint32_t>(record.number);
    set[number / 64] |= uint64_t{1} << (number % 64);
    return 1;
}

}  // namespace

uint64_t count_selected(const SelectSets& sets, uint32_t number_limit) {
    uint64_t count = 0;
    for (uint32_t number = 0; number < number_limit; ++number) count += asked_of(sets, number) != 0;
    return count;
}

void select_to_poll(const SelectSets& sets, uint32_t number_limit, std::span<PollDescriptor> records) {
    size_t filled = 0;
    for (uint32_t number = 0; number < number_limit && filled < records.size(); ++number) {
        const int16_t events = asked_of(sets, number);
        if (events != 0) records[filled++] = {static_cast<int32_t>(number), events, 0};
    }
}

int64_t poll_to_select(std::span<const PollDescriptor> records, const SelectSets& sets) {
    for (const PollDescriptor& record : records)
        if ((record.happened & linux_abi::kPollInvalid) != 0) return -EBADF;
    for (const std::span<uint64_t> set : {sets.read, sets.write, sets.except}) std::ranges::fill(set, uint64_t{0});
    int64_t count = 0;
    for (const PollDescriptor& record : records) {
        count += put(sets.read, record, linux_abi::kPollIn, kReadEvents);
        count += put(sets.write, record, linux_abi::kPollOut, kWriteEvents);
        count += put(sets.except, record, linux_abi::kPollPriority, kExceptEvents);
    }
    return count;
}

}  // namespace portico::posix
