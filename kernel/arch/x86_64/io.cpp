#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/layout.h"

/// I/O ports, and pages as a whole.
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
extern "C" void arch_copy_page(void* to, const void* from);

void zero_page(void* page) {
    arch_zero_page(page);
}
void copy_page(void* to, const void* from) {
    arch_copy_page(to, from);
}

}  // namespace portico::kernel::arch
