#include <atomic>

#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/local_apic.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/sched/cpu.h"

/// Output, backtraces and the end: works from the first instruction on, in any state, and waits for nobody.
namespace portico::kernel::arch {

extern "C" {
std::atomic<bool> arch_stop_requested{false};
}

namespace {

constexpr uint16_t kDebugPort = 0xE9;  // QEMU's isa-debugcon; reads back its number
constexpr uint16_t kSerial = 0x3F8, kSerialStatus = kSerial + 5;
constexpr uint8_t kSerialEmpty = 0x20;

void write_serial(char c) {
    constexpr unsigned kTriesMax = 100'000;
    for (unsigned tries = 0; tries < kTriesMax && !(in8(kSerialStatus) & kSerialEmpty); ++tries) pause_instruction();
    out8(kSerial, static_cast<uint8_t>(c));
}

/// Whether 16 bytes can be read there: in a stack that is mapped.
bool is_on_stack(uint64_t address) {
    if (address % 8 != 0) return false;
    if (address >= reinterpret_cast<uint64_t>(boot_stack) && address + 16 <= reinterpret_cast<uint64_t>(boot_stack_end)) return true;
    const unsigned cpu = Processor::current().index();
    for (const StackPages& stack : kStacks)
        if (address >= stack_slot(cpu) + stack.first * kPageBytes && address + 16 <= stack_top(cpu, stack)) return true;
    return false;
}

}  // namespace

void debug_write(std::string_view text) {
    if (in8(kDebugPort) == kDebugPort) {
        const char* bytes = text.data();
        size_t count = text.size();
        asm volatile("rep outsb" : "+S"(bytes), "+c"(count) : "d"(kDebugPort) : "memory");
        return;
    }
    if (in8(kSerialStatus) == 0xFF) return;  // no serial port either
    for (const char c : text) {
        if (c == '\n') write_serial('\r');
        write_serial(c);
    }
}

unsigned backtrace(std::span<uint64_t> addresses) {
    struct Frame {
        uint64_t next, return_address;
    };
    auto at = reinterpret_cast<uint64_t>(__builtin_frame_address(0));
    unsigned count = 0;
    while (count < addresses.size() && is_on_stack(at)) {
        const Frame& frame = *reinterpret_cast<const Frame*>(at);
        if (frame.return_address < kKernelBase) break;
        addresses[count++] = frame.return_address;
        at = frame.next;
    }
    return count;
}

void stop_machine() {
    constexpr uint16_t kExitPort = 0xF4, kKeyboard = 0x64, kReset = 0xCF9;
    if (!arch_stop_requested.exchange(true)) {
        local_apic::send_nmi_to_others();
        out32(kExitPort, 0x7F);  // QEMU's isa-debug-exit: ends with 255
        out8(kKeyboard, 0xFE);
        out8(kReset, 0x06);
    }
    for (;;) asm volatile("cli\n\thlt");
}

}  // namespace portico::kernel::arch
