#include <atomic>

#include "abi/syscalls.h"
#include "kernel/debug/log.h"
#include "kernel/object/process.h"
#include "kernel/sched/cpu.h"

namespace portico::kernel {
namespace {

std::string_view symbols;
std::atomic<bool> panicking{false};

uint64_t parse_hex(std::string_view text) {
    uint64_t value = 0;
    for (char c : text) value = value << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    return value;
}

void print_address(unsigned index, uint64_t address) {
    const Symbol symbol = find_symbol(address);
    if (symbol.name.empty())
        log("  #%u %lx", index, address);
    else
        log("  #%u %lx %.*s+0x%lx", index, address, static_cast<int>(symbol.name.size()), symbol.name.data(), symbol.offset);
}

void print_event(const TraceEntry& entry) {
    const bool is_call = entry.event == TraceEvent::Enter && entry.detail < abi::Syscalls::kCount;
    const std::string_view event = kTraceEventNames[static_cast<size_t>(entry.event) % kTraceEventNames.size()];
    const std::string_view call = is_call ? abi::Syscalls::kDocs[entry.detail].name : std::string_view{};
    log("  %12lu thread %u %.*s %u %.*s %lx %lx", arch::ticks_to_ns(entry.ticks - TraceRings::header().ticks_at_zero), entry.thread,
        static_cast<int>(event.size()), event.data(), entry.detail, static_cast<int>(call.size()), call.data(), entry.value, entry.other);
}

void print_trace(const Cpu& cpu) {
    if (!tracing) {
        log("no events were recorded (run with --kernel-words trace)");
        return;
    }
    log("last events of cpu %u, newest first:", cpu.index);
    trace_rings.for_newest(cpu.index, 24, print_event);
}

void print_evidence() {
    uint64_t addresses[24];
    const unsigned count = arch::backtrace(addresses);
    log("backtrace:");
    for (unsigned i = 0; i < count; ++i) print_address(i, addresses[i]);
    const Cpu& cpu = arch::this_cpu();
    if (cpu.running != nullptr) {
        const abi::Registers& r = cpu.running->frame.registers;
        log("cpu %u, thread %lu of process %lu: rip %lx rsp %lx rax %lx rdi %lx rsi %lx", cpu.index, cpu.running->id(),
            cpu.running->process().id(), r.rip, r.rsp, r.rax, r.rdi, r.rsi);
    } else {
        log("cpu %u, idle", cpu.index);
    }
    print_trace(cpu);
}

}  // namespace

void set_symbols(std::string_view table) {
    symbols = table;
}

Symbol find_symbol(uint64_t address) {
    Symbol best;
    for (size_t start = 0; start < symbols.size();) {
        const size_t end = std::min(symbols.find('\n', start), symbols.size());
        const std::string_view line = symbols.substr(start, end - start);
        start = end + 1;
        const size_t space = line.find(' ');
        if (space == std::string_view::npos) continue;
        const uint64_t at = parse_hex(line.substr(0, space));
        if (at > address) break;
        best = {line.substr(space + 1), address - at};
    }
    return best;
}

void panic(const char* format, ...) {
    if (panicking.exchange(true)) arch::stop_machine();
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    format_text(text, sizeof(text), format, arguments);
    va_end(arguments);
    log("panic: %s", text);
    print_evidence();
    arch::stop_machine();
}

void assertion_failed(const char* condition, const char* file, unsigned line) {
    panic("assertion failed: %s (%s:%u)", condition, file, line);
}

}  // namespace portico::kernel
