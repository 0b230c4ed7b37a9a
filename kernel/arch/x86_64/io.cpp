#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/layout.h"

/// I/O ports, and contents of memory.
namespace portico::kernel::arch {

uint32_t io_read(uint16_t port, unsigned width_bytes) {
    switch (width_bytes) {
    case 1:
        return in8(port);
    case 2:
        return in16(port);
    default:
        return in32(port);
    }
}

void io_write(uint16_t port, unsigned width_bytes, uint32_t value) {
    switch (width_bytes) {
    case 1:
        return out8(port, static_cast<uint8_t>(value));
    case 2:
        return out16(port, static_cast<uint16_t>(value));
    default:
        return out32(port, value);
    }
}

extern "C" void arch_zero_page(void* page);
extern "C" void arch_copy_wide(void* to, const void* from, uint64_t bytes);
extern "C" bool arch_wide_moves;
constexpr uint64_t kCopyWideMin = 32;

void zero_page(void* page) {
    arch_zero_page(page);
}
void copy_page(void* to, const void* from) {
    copy(to, from, abi::kPageBytes);
}

void copy(void* to, const void* from, uint64_t bytes) {
    const bool may_go_upwards = static_cast<uint64_t>(static_cast<uint8_t*>(to) - static_cast<const uint8_t*>(from)) >= bytes;
    if (!arch_wide_moves || !may_go_upwards || bytes < kCopyWideMin) {
        __builtin_memmove(to, from, bytes);
        return;
    }
    arch_copy_wide(to, from, bytes);
}

}  // namespace portico::kernel::arch
