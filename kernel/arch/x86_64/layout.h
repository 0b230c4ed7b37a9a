#pragma once

#include <cstdint>

#include "abi/types.h"
#include "kernel/arch/arch.h"

/// The kernel half of every address space and the bits of a page table entry.
///
///   ffff8000'00000000  direct map: all RAM, and what device memory the kernel itself uses
///   ffffffff'40000000  kernel stacks: 16 pages a CPU, unmapped pages between them
///   ffffffff'80000000  kernel image, at this + physical address
namespace portico::kernel::arch {

inline constexpr uint64_t kDirectBase = 0xFFFF'8000'0000'0000;
inline constexpr uint64_t kDirectBytesMax = uint64_t{1} << 46;
inline constexpr uint64_t kStacksBase = 0xFFFF'FFFF'4000'0000;
inline constexpr uint64_t kKernelBase = 0xFFFF'FFFF'8000'0000;
inline constexpr uint64_t kPageBytes = abi::kPageBytes;
inline constexpr uint64_t kLargePageBytes = uint64_t{1} << 21;
inline constexpr uint64_t kHugePageBytes = uint64_t{1} << 30;

/// Stacks of one CPU, as page numbers in its slot; the pages in between are guards.
inline constexpr uint64_t kStackSlotPages = 16;
struct StackPages {
    uint64_t first, count;
};
inline constexpr StackPages kMainStack{1, 4};
inline constexpr StackPages kDoubleFaultStack{6, 2};
inline constexpr StackPages kMachineCheckStack{9, 2};
inline constexpr StackPages kNmiStack{12, 1};
inline constexpr StackPages kStacks[] = {kMainStack, kDoubleFaultStack, kMachineCheckStack, kNmiStack};
constexpr uint64_t stack_slot(unsigned cpu) {
    return kStacksBase + cpu * kStackSlotPages * kPageBytes;
}
constexpr uint64_t stack_top(unsigned cpu, StackPages stack) {
    return stack_slot(cpu) + (stack.first + stack.count) * kPageBytes;
}

namespace entry {
inline constexpr uint64_t kPresent = 1, kWrite = 2, kUser = 4, kWriteThrough = 8, kNoCache = 16, kAccessed = 32, kDirty = 64, kLarge = 128;
inline constexpr uint64_t kGlobal = 256;
inline constexpr uint64_t kHeld = 512;  ///< ours: the entry holds a page, even one that nobody may touch now (no kPresent)
inline constexpr uint64_t kNoExecute = uint64_t{1} << 63;
inline constexpr uint64_t kAddress = 0x000F'FFFF'FFFF'F000;
}  // namespace entry

inline uint64_t* table_at(uint64_t physical) {
    return reinterpret_cast<uint64_t*>(kDirectBase + (physical & entry::kAddress));
}
constexpr unsigned table_index(uint64_t address, unsigned level) {
    return (address >> (12 + 9 * level)) & 511;
}

/// Set once at boot; the same on all CPUs.
#define BOOT_CONSTANT __attribute__((section(".boot_constants")))

extern "C" {
extern char kernel_start[], kernel_text_end[], kernel_rodata_end[], kernel_end[];  // kernel.ld
extern char boot_stack[], boot_stack_end[];                                        // boot.S
extern uint64_t kernel_root;                                                       ///< physical; for CR3 without a user half
}

}  // namespace portico::kernel::arch
