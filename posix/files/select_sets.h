#pragma once

#include <cstdint>
#include <span>

#include "posix/files/linux_files.h"

namespace portico::posix {

/// The three bit sets of select, words of 64 descriptors each; an absent set is empty. Pure.
struct SelectSets {
    std::span<uint64_t> read, write, except;
};

/// How many descriptors are in any set.
uint64_t count_selected(const SelectSets& sets, uint32_t number_limit);

/// One poll record for each descriptor in a set; `records` has count_selected() elements.
void select_to_poll(const SelectSets& sets, uint32_t number_limit, std::span<linux_abi::PollDescriptor> records);

/// Leaves in the sets what happened; returns how many bits that are, or -EBADF if a record's descriptor is not open.
int64_t poll_to_select(std::span<const linux_abi::PollDescriptor> records, const SelectSets& sets);

}  // namespace portico::posix
