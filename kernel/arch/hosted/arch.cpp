#include "kernel/arch/arch.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "kernel/arch/hosted/explorer.h"
#include "kernel/arch/hosted/hardware.h"
#include "kernel/sched/cpu.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define PORTICO_PRINT_STACK __sanitizer_print_stack_trace
#endif
#endif

namespace portico::kernel::arch {

using hosted::Hardware;
using hosted::Processor;

// ---- CPUs

Cpu& this_cpu() {
    return cpu_at(Hardware::cpu_index());
}
unsigned cpu_count() {
    return Hardware::get().cpu_count;
}
unsigned start_cpus() {
    return cpu_count();
}

void kick(Cpu& cpu) {
    {
        Processor& processor = Hardware::get().processors[cpu.index];
        std::lock_guard guard(processor.wake_mutex);
        processor.kicked = true;
        processor.pending.store(true);
        processor.wake.notify_one();
    }
    Hardware::get().pause(hosted::Pause::KickSent, cpu.index);
}

void spin_pause() {
    if (hosted::Explorer* explorer = Hardware::get().explorer)
        explorer->spin();
    else
        std::this_thread::yield();
}

static void wait_explored(hosted::Explorer& explorer) {
    explorer.wait();
    const unsigned line = Hardware::get().take_line(Hardware::cpu_index());
    if (line == hosted::kLines) return;
    idle_interrupt(this_cpu(), line);
    explorer.lock_released();
}

/// Returns when kicked or when the timer is due. The driver of a machine whose time stands still never lets a CPU come here.
void wait_for_interrupt() {
    Processor& own = Hardware::get().own();
    hosted::Explorer* const explorer = Hardware::get().explorer;
    if (explorer != nullptr) wait_explored(*explorer);
    std::unique_lock guard(own.wake_mutex);
    while (explorer == nullptr && !own.kicked && Hardware::get().now_ns() < own.timer_ns.load())
        own.wake.wait_for(guard, std::chrono::microseconds(100));
    if (Hardware::get().now_ns() >= own.timer_ns.load()) own.timer_ns.store(abi::kForever);
    own.kicked = false;
    own.pending.store(false);
}

// ---- threads

uint32_t vector_state_bytes() {
    return hosted::kVectorBytes;
}
void init_vector_state(void* area) {
    __builtin_memset(area, 0, hosted::kVectorBytes);
}
void save_vector_state(void* area) {
    __builtin_memcpy(area, Hardware::get().own().vector.data(), hosted::kVectorBytes);
}
void load_vector_state(const void* area) {
    __builtin_memcpy(Hardware::get().own().vector.data(), area, hosted::kVectorBytes);
}

void load_fs_base(const ThreadFrame& frame) {
    Hardware::get().own().fs_base = frame.fs_base;
}
void load_user_bases(const ThreadFrame& frame) {
    Hardware::get().own().fs_base = frame.fs_base;
    Hardware::get().own().gs_base = frame.gs_base;
}
void save_user_bases(ThreadFrame& frame) {
    frame.fs_base = Hardware::get().own().fs_base;
}

// ---- time

uint64_t now_ns() {
    return Hardware::get().now_ns();
}
uint64_t ticks() {
    return now_ns();
}
uint64_t ticks_to_ns(uint64_t ticks) {
    return ticks;
}
uint64_t random() {
    return Hardware::get().random();
}
void arm_timer(uint64_t deadline_ns) {
    Hardware::get().own().timer_ns.store(deadline_ns);
}
void describe_clock(abi::SystemInfo& info) {
    info.tsc_hz = 1'000'000'000;
    info.tsc_multiplier = uint64_t{1} << 32;
}

// ---- devices

bool interrupt_exists(unsigned line) {
    return line < hosted::kWires;
}

InterruptMessage message_of_interrupt(unsigned line) {
    if (line < hosted::kWires || line >= hosted::kLines) return {};
    return {0xFEE0'0000, line};
}

void unmask_interrupt(unsigned line, bool level_triggered) {
    hosted::Line& own = Hardware::get().lines[line];
    own.masked = false;
    own.level = level_triggered;
}

void mask_interrupt(unsigned line) {
    Hardware::get().lines[line].masked = true;
}

uint32_t io_read(uint16_t port, unsigned width_bytes) {
    const uint32_t value = Hardware::get().io_ports[port];
    return width_bytes == 4 ? value : value & ((1u << (8 * width_bytes)) - 1);
}

void io_write(uint16_t port, unsigned, uint32_t value) {
    Hardware::get().io_ports[port] = value;
    Hardware::get().io_written.push_back(value);
}

// ---- debugging

void debug_write(std::string_view text) {
    Hardware::get().append_log(text);
}
unsigned backtrace(std::span<uint64_t>) {
    return 0;
}

void stop_machine() {
    std::fputs(Hardware::get().log_text().c_str(), stderr);
#ifdef PORTICO_PRINT_STACK
    PORTICO_PRINT_STACK();
#endif
    if (const hosted::Explorer* explorer = Hardware::get().explorer) explorer->print(stderr);
    std::abort();
}

}  // namespace portico::kernel::arch

/// As the exit code of real hardware does it, but for a frame that can be looked at.
extern "C" [[clang::preserve_none]] void portico::kernel::exit_with_message(uint64_t word4, uint64_t badge, ThreadFrame* frame, Cpu*,
                                                                            uint64_t id, uint64_t header, uint64_t word0, uint64_t word1,
                                                                            uint64_t word2, uint64_t word3) {
    abi::Registers& r = frame->registers;
    r.rax = 0;
    r.rdi = id, r.rsi = header, r.rdx = word0, r.r10 = word1, r.r8 = word2, r.r9 = word3, r.r12 = word4, r.r13 = badge;
    arch::load_user_bases(*frame);
}
