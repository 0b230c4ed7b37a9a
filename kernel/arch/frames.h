#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/types.h"

/// The parts of Thread and Cpu that entry and exit code in assembly reaches by fixed offsets.
namespace portico::kernel {

namespace arch {
class PageTable;
}

/// First member of Thread.
struct ThreadFrame {
    abi::Registers registers;    ///< as the thread last left user mode
    uint64_t foreign_entry = 0;  ///< where Linux calls enter the runtime; 0: they come to enter_foreign_call
    uint64_t full_restore = 1;   ///< 0: rcx and r11 may be lost on return (it came by syscall), so sysret will do
    uint64_t fs_base = 0;        ///< saved when another thread is switched to
    uint64_t gs_base = 0;        ///< fixed at creation (or exec); reloaded at every switch and upcall
};
static_assert(offsetof(ThreadFrame, foreign_entry) == 144);
static_assert(offsetof(ThreadFrame, full_restore) == 152);

/// First member of Cpu.
struct CpuFrame {
    CpuFrame* self = nullptr;          ///< gs:0 in the kernel
    uint64_t kernel_stack_top = 0;     ///< one stack a CPU: every entry from user mode starts here
    uint64_t user_stack_scratch = 0;   ///< for the entry code
    ThreadFrame* current = nullptr;    ///< whose registers entry saves and exit loads; null when idle
    void* machine = nullptr;           ///< what the machine layer keeps for this CPU
    arch::PageTable* table = nullptr;  ///< whose translations it uses, see arch::activate; null: only the kernel's
};
static_assert(offsetof(CpuFrame, kernel_stack_top) == 8);
static_assert(offsetof(CpuFrame, user_stack_scratch) == 16);
static_assert(offsetof(CpuFrame, current) == 24);

}  // namespace portico::kernel
