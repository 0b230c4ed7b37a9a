#pragma once

#include <cstdint>

#include "kernel/arch/x86_64/boot_memory.h"

namespace portico::kernel::arch {

/// Builds the kernel half: direct map, image, stacks. Nothing in it is both writable and executable, and the image's text and
/// constants are read-only in the direct map too. After boot it never changes, so its entries are global and its top level,
/// copied into every address space, is complete.
class KernelMap {
public:
    explicit KernelMap(BootMemory& memory) : memory_(memory) {}

    void build();  ///< and loads it on this CPU
    void map_stacks(unsigned cpu);
    /// Device registers, uncached; returns where.
    volatile uint32_t* map_device(uint64_t physical, uint64_t length_bytes);
    /// Tables of the firmware, read-only, wherever they are; returns where.
    const void* reach(uint64_t physical, uint64_t length_bytes);

private:
    uint64_t* descend(uint64_t address, unsigned level);
    void map(uint64_t address, uint64_t physical, uint64_t length_bytes, uint64_t flags, uint64_t page_bytes_max);
    void map_image(uint64_t address_of_zero, uint64_t text_flags);

    BootMemory& memory_;
    uint64_t huge_or_large_ = 0;
};

}  // namespace portico::kernel::arch
