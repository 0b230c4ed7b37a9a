#pragma once

#include <cstdint>
#include <span>

#include "kernel/arch/arch.h"

namespace portico::kernel::arch {

/// What the boot loader left in memory, and the pages that boot takes from it.
///
/// Bound: ranges past the fixed sizes are given up (RAM) or refused by panic (reservations).
/// Pages taken are never given back: page tables of the kernel half, stacks.
class BootMemory {
public:
    /// Reads PVH's hvm_start_info, which with all it points to must be in the first GiB.
    void read(uint64_t start_info);

    std::span<const MemoryRange> ram() const { return {ram_, ram_count_}; }  ///< ascending
    uint64_t rsdp() const { return rsdp_; }                                  ///< 0 if the loader did not say

    /// A zeroed page behind the kernel image.
    uint64_t take_page();
    /// A page below 1 MiB for real-mode code; 0 if there is none.
    uint64_t take_low_page();

    /// Fills all but cpu_count. Nothing can be taken afterwards.
    void describe(BootInfo& boot);

private:
    void add_ram(uint64_t base, uint64_t end);
    void reserve(uint64_t base, uint64_t length_bytes);
    const MemoryRange* reserved_in(uint64_t base, uint64_t end) const;

    MemoryRange ram_[32];
    unsigned ram_count_ = 0;
    MemoryRange reserved_[8];
    unsigned reserved_count_ = 0;
    uint64_t rsdp_ = 0;
    uint64_t command_line_ = 0;
    uint64_t command_line_bytes_ = 0;
    MemoryRange archive_;
    uint64_t next_page_ = 0;
    uint64_t pages_end_ = 0;
};

}  // namespace portico::kernel::arch
