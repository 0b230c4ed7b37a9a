#pragma once

#include <atomic>
#include <cstdint>

#include "kernel/arch/arch.h"

namespace portico::kernel::arch {

struct __attribute__((packed)) TaskState {
    uint32_t reserved0 = 0;
    uint64_t stack[3]{};
    uint64_t reserved1 = 0;
    uint64_t interrupt_stack[7]{};  ///< IST 1 to 7
    uint64_t reserved2 = 0;
    uint16_t reserved3 = 0;
    uint16_t port_map_offset = 0;
};
static_assert(sizeof(TaskState) == 104);

/// What the machine layer keeps for each CPU; its index is that of cpu_at().
struct Processor {
    uint64_t descriptors[10]{};
    TaskState task;
    uint32_t apic_id = 0;
    uint64_t timer_armed_ns = abi::kForever;  ///< when the hardware will fire; not later than:
    uint64_t timer_wanted_ns = abi::kForever;

    CpuMask bit = 0;  ///< 1 << index()

    unsigned index() const;
    /// Descriptor tables, control registers, system call entry, GS: on the CPU itself, on its own stack.
    void start();

    static Processor& at(unsigned index);
    static Processor& of(const Cpu& cpu);
    static Processor& current();
    /// Refuses, with a message, a machine that lacks what we need. Before the final page tables.
    static void check_features();
    /// Points GS at the Cpu, so that this_cpu() works.
    static void set_cpu(unsigned index);
};

/// The interrupt vectors.
inline constexpr unsigned kVectorDevice = 0x30;  ///< + line
inline constexpr unsigned kLinesMax = 0xF0 - kVectorDevice;
inline constexpr unsigned kVectorTimer = 0xF0;
inline constexpr unsigned kVectorKick = 0xF1;
inline constexpr unsigned kVectorShootDown = 0xF2;
inline constexpr unsigned kVectorSpurious = 0xFF;

void fill_interrupt_table();  ///< once, before the final page tables
void load_interrupt_table();

}  // namespace portico::kernel::arch
