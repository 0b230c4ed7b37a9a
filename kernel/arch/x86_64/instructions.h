#pragma once

#include <cstdint>

/// Instructions that C++ has no word for, one function each.
namespace portico::kernel::arch {

struct CpuidLeaf {
    uint32_t eax, ebx, ecx, edx;
};

inline CpuidLeaf cpuid(uint32_t leaf, uint32_t subleaf = 0) {
    CpuidLeaf r;
    asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

inline uint64_t read_msr(uint32_t number) {
    uint32_t low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return uint64_t{high} << 32 | low;
}
inline void write_msr(uint32_t number, uint64_t value) {
    asm volatile("wrmsr" ::"a"(static_cast<uint32_t>(value)), "d"(static_cast<uint32_t>(value >> 32)), "c"(number) : "memory");
}

inline uint64_t read_tsc() {
    uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return uint64_t{high} << 32 | low;
}

/// From the processor's source of random numbers, which there must be (cpuid). False if it has none at the moment.
inline bool read_random(uint64_t& value) {
    bool valid;
    asm volatile("rdrand %0" : "=r"(value), "=@ccc"(valid));
    return valid;
}

inline uint64_t read_control2() {
    uint64_t value;
    asm volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}
inline uint64_t read_control3() {
    uint64_t value;
    asm volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}
inline void write_control3(uint64_t value) {
    asm volatile("mov %0, %%cr3" ::"r"(value) : "memory");
}
inline void write_control4(uint64_t value) {
    asm volatile("mov %0, %%cr4" ::"r"(value) : "memory");
}
inline void invalidate_page(uint64_t address) {
    asm volatile("invlpg (%0)" ::"r"(address) : "memory");
}

inline void out8(uint16_t port, uint8_t value) {
    asm volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
inline void out16(uint16_t port, uint16_t value) {
    asm volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
inline void out32(uint16_t port, uint32_t value) {
    asm volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
inline uint8_t in8(uint16_t port) {
    uint8_t value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
inline uint16_t in16(uint16_t port) {
    uint16_t value;
    asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
inline uint32_t in32(uint16_t port) {
    uint32_t value;
    asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

inline void pause_instruction() {
    asm volatile("pause" ::: "memory");
}
inline void write_fs_base(uint64_t value) {
    asm volatile("wrfsbase %0" ::"r"(value));
}
inline uint64_t read_fs_base() {
    uint64_t value;
    asm volatile("rdfsbase %0" : "=r"(value));
    return value;
}

}  // namespace portico::kernel::arch
