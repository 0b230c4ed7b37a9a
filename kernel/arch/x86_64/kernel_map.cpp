#include "kernel/arch/x86_64/kernel_map.h"

#include <algorithm>

#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/debug/log.h"

namespace portico::kernel::arch {

extern "C" {
BOOT_CONSTANT uint64_t kernel_root;
}

namespace {

constexpr uint64_t kData = entry::kPresent | entry::kWrite | entry::kGlobal | entry::kNoExecute;
constexpr uint64_t kConstant = entry::kPresent | entry::kGlobal | entry::kNoExecute;
constexpr uint64_t kText = entry::kPresent | entry::kGlobal;
constexpr uint64_t kDevice = kData | entry::kNoCache | entry::kWriteThrough;

uint64_t physical_of(const char* symbol) {
    return reinterpret_cast<uint64_t>(symbol) - kKernelBase;
}
constexpr uint64_t round_down(uint64_t value, uint64_t to) {
    return value & ~(to - 1);
}
constexpr uint64_t round_up(uint64_t value, uint64_t to) {
    return round_down(value + to - 1, to);
}

bool has_huge_pages() {
    return cpuid(0x8000'0001).edx & (1u << 26);
}

}  // namespace

void KernelMap::build() {
    kernel_root = memory_.take_page();
    huge_or_large_ = has_huge_pages() ? kHugePageBytes : kLargePageBytes;

    // Around the image, whose large pages are split, RAM is mapped in large pages, rounded outwards: the kernel touches none
    // of what is mapped too much, and the firmware's MTRRs keep its memory type.
    const uint64_t image = round_down(physical_of(kernel_start), kLargePageBytes);
    const uint64_t image_end = round_up(physical_of(kernel_end), kLargePageBytes);
    uint64_t mapped_end = 0;
    auto map_direct = [&](uint64_t base, uint64_t end) {
        if (base < end) map(kDirectBase + base, base, end - base, kData, huge_or_large_);
    };
    for (const MemoryRange& range : memory_.ram()) {
        const uint64_t base = std::max(round_down(range.base.value, kLargePageBytes), mapped_end);
        const uint64_t end = round_up(range.base.value + range.length_bytes, kLargePageBytes);
        map_direct(base, std::min(end, image));
        map_direct(std::max(base, image_end), end);
        mapped_end = std::max(mapped_end, end);
    }
    map_image(kDirectBase, kConstant);
    map(kDirectBase + physical_of(kernel_end), physical_of(kernel_end), image_end - physical_of(kernel_end), kData, kPageBytes);
    map_image(kKernelBase, kText);
    descend(kStacksBase, 0);
    write_control3(kernel_root);
}

void KernelMap::map_image(uint64_t address_of_zero, uint64_t text_flags) {
    auto map_part = [&](const char* from, const char* to, uint64_t flags) {
        map(address_of_zero + physical_of(from), physical_of(from), static_cast<uint64_t>(to - from), flags, kPageBytes);
    };
    map_part(kernel_start, kernel_text_end, text_flags);
    map_part(kernel_text_end, kernel_rodata_end, kConstant);
    map_part(kernel_rodata_end, kernel_end, kData);
}

void KernelMap::map_stacks(unsigned cpu) {
    for (const StackPages& stack : kStacks)
        for (uint64_t page = stack.first; page < stack.first + stack.count; ++page)
            map(stack_slot(cpu) + page * kPageBytes, memory_.take_page(), kPageBytes, kData, kPageBytes);
}

volatile uint32_t* KernelMap::map_device(uint64_t physical, uint64_t length_bytes) {
    if (physical >= kDirectBytesMax) panic("boot: device registers at %lx", physical);
    const uint64_t base = round_down(physical, kPageBytes);
    map(kDirectBase + base, base, round_up(physical + length_bytes, kPageBytes) - base, kDevice, kPageBytes);
    return reinterpret_cast<volatile uint32_t*>(kDirectBase + physical);
}

const void* KernelMap::reach(uint64_t physical, uint64_t length_bytes) {
    constexpr uint64_t kLengthMax = 16 << 20;
    if (physical == 0 || physical >= kDirectBytesMax - kLengthMax || length_bytes > kLengthMax) return nullptr;
    for (uint64_t page = round_down(physical, kPageBytes); page < physical + length_bytes; page += kPageBytes) {
        uint64_t table = kernel_root;
        unsigned level = 3;
        uint64_t value = table_at(table)[table_index(kDirectBase + page, level)];
        while ((value & entry::kPresent) && level > 0 && !(level < 3 && (value & entry::kLarge)))
            value = table_at(value)[table_index(kDirectBase + page, --level)];
        if (!(value & entry::kPresent)) map(kDirectBase + page, page, kPageBytes, kConstant, kPageBytes);
    }
    return reinterpret_cast<const void*>(kDirectBase + physical);
}

/// The entry for `address` in the table of that level (0: pages of 4 KiB), with tables made on the way.
uint64_t* KernelMap::descend(uint64_t address, unsigned level) {
    uint64_t* table = table_at(kernel_root);
    for (unsigned at = 3; at > level; --at) {
        uint64_t& value = table[table_index(address, at)];
        if (!(value & entry::kPresent)) value = memory_.take_page() | entry::kPresent | entry::kWrite;
        if (at < 3 && (value & entry::kLarge)) panic("boot: %lx is mapped already", address);
        table = table_at(value);
    }
    return &table[table_index(address, level)];
}

void KernelMap::map(uint64_t address, uint64_t physical, uint64_t length_bytes, uint64_t flags, uint64_t page_bytes_max) {
    const uint64_t end = address + length_bytes;
    while (address < end) {
        unsigned level = 0;
        uint64_t page_bytes = kPageBytes;
        for (const uint64_t larger : {kLargePageBytes, kHugePageBytes}) {
            if (larger > page_bytes_max || (address | physical) % larger != 0 || end - address < larger) break;
            page_bytes = larger;
            ++level;
        }
        uint64_t* slot = descend(address, level);
        const uint64_t size_flag = level > 0 ? entry::kLarge : 0;
        // On in the same table, one descent for up to 512 pages, until a larger page might do.
        const uint64_t until = level == 0 && page_bytes_max > kPageBytes ? kLargePageBytes : kHugePageBytes;
        do {
            *slot++ = physical | flags | size_flag;
            address += page_bytes;
            physical += page_bytes;
        } while (end - address >= page_bytes && reinterpret_cast<uint64_t>(slot) % kPageBytes != 0 && address % until != 0);
    }
}

}  // namespace portico::kernel::arch
