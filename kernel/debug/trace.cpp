#include "kernel/debug/trace.h"

#include <algorithm>
#include <bit>

#include "kernel/debug/log.h"
#include "kernel/object/process.h"
#include "kernel/sched/cpu.h"

namespace portico::kernel {

bool tracing = false;
TraceRings trace_rings;

namespace {

__attribute__((section(".trace"), used)) TraceHeader trace_header;

constexpr uint64_t kPhysicalEnd = uint64_t{1} << 32;  // RAM beyond lies elsewhere in the file that the host reads

/// What follows "trace" in the command line: nothing, "=…", or no such word.
struct Wanted {
    bool on = false;
    uint64_t ring_bytes = 0;
};

uint64_t parse_bytes(std::string_view text) {
    uint64_t value = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        value = std::min(value * 10 + static_cast<uint64_t>(text.front() - '0'), kPhysicalEnd);
        text.remove_prefix(1);
    }
    if (text == "K") return value << 10;
    if (text == "M") return value << 20;
    return text.empty() ? value : 0;
}

Wanted parse(std::string_view command_line) {
    constexpr std::string_view kWord = "trace";
    while (!command_line.empty()) {
        const size_t end = std::min(command_line.find(' '), command_line.size());
        const std::string_view word = command_line.substr(0, end);
        command_line.remove_prefix(std::min(end + 1, command_line.size()));
        if (word == kWord) return {true, TraceRings::kBytesMin};
        if (word.starts_with(kWord) && word[kWord.size()] == '=') {
            const uint64_t bytes = std::min(parse_bytes(word.substr(kWord.size() + 1)), kPhysicalEnd);
            return {true, std::bit_floor(std::max(bytes, TraceRings::kBytesMin))};
        }
    }
    return {};
}

/// Cuts `bytes` off the end of the lowest range with room for twice that.
PhysicalAddress cut_off(std::span<MemoryRange> ranges, uint64_t bytes) {
    for (MemoryRange& range : ranges) {
        const uint64_t end = (range.base.value + range.length_bytes) & ~(abi::kPageBytes - 1);
        if (range.length_bytes / 2 < bytes + abi::kPageBytes || end > kPhysicalEnd) continue;
        range.length_bytes = end - bytes - range.base.value;
        return {end - bytes};
    }
    return {};
}

}  // namespace

const TraceHeader& TraceRings::header() {
    return trace_header;
}

void TraceRings::reserve(std::span<MemoryRange> ranges, std::string_view command_line, unsigned cpu_count) {
    const Wanted wanted = parse(command_line);
    if (!wanted.on) return;
    const uint64_t bytes = wanted.ring_bytes * (cpu_count + 1);
    const PhysicalAddress base = cut_off(ranges, bytes);
    if (base.value == 0) {
        log("trace: no room for %u rings of %lu KiB: nothing is recorded", cpu_count + 1, wanted.ring_bytes >> 10);
        return;
    }
    entries_ = static_cast<TraceEntry*>(arch::to_virtual(base));
    abi::SystemInfo clock;
    arch::describe_clock(clock);
    trace_header = {.base = base.value,
                    .ring_entries = wanted.ring_bytes / sizeof(TraceEntry),
                    .cpu_count = cpu_count,
                    .ticks_hz = clock.tsc_hz,
                    .ticks_at_zero = clock.tsc_at_zero,
                    .rings = {}};
    trace_header.magic = TraceHeader::kMagic;
    tracing = true;
    log("trace: %u rings of %lu KiB at %lx", cpu_count + 1, wanted.ring_bytes >> 10, base.value);
}

void TraceRings::stop() {
    tracing = false;
    trace_header = {};
    entries_ = nullptr;
}

unsigned TraceRings::names_ring() const {
    return trace_header.cpu_count;
}

TraceEntry& TraceRings::entry_at(unsigned ring, uint64_t number) const {
    const uint64_t count = trace_header.ring_entries;
    return entries_[ring * count + (number & (count - 1))];
}

void TraceRings::add(unsigned ring, const TraceEntry& entry) {
    uint64_t& written = trace_header.rings[ring].written;
    entry_at(ring, written) = entry;
    // The host may look at any moment: what is counted is there.
    std::atomic_ref(written).store(written + 1, std::memory_order_release);
}

[[clang::preserve_most]] void record(TraceEvent event, const Thread* thread, uint64_t detail, uint64_t value, uint64_t other) {
    trace_rings.add(arch::this_cpu().index, {.ticks = arch::ticks(),
                                             .thread = thread != nullptr ? static_cast<uint32_t>(thread->id()) : 0,
                                             .event = event,
                                             .detail = static_cast<uint16_t>(std::min<uint64_t>(detail, 0xFFFF)),
                                             .value = value,
                                             .other = other});
}

namespace {

void record_name(TraceEvent event, uint64_t id, uint64_t value, uint64_t other) {
    if (!tracing) return;
    trace_rings.add(trace_rings.names_ring(),
                    {.ticks = arch::ticks(), .thread = static_cast<uint32_t>(id), .event = event, .value = value, .other = other});
}

void record_name(TraceEvent event, uint64_t id, const ObjectName& name) {
    const auto words = std::bit_cast<std::array<uint64_t, 2>>(name);
    record_name(event, id, words[0], words[1]);
}

}  // namespace

void note_thread(const Thread& thread) {
    record_name(TraceEvent::Thread, thread.id(), thread.process().id(), 0);
}
void note_thread_name(const Thread& thread) {
    record_name(TraceEvent::ThreadName, thread.id(), thread.name());
}
void note_process_name(uint64_t process_id, const ObjectName& name) {
    record_name(TraceEvent::ProcessName, process_id, name);
}

}  // namespace portico::kernel
