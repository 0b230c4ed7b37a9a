#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// What the trace rings hold. The host reads them out of the guest's memory (host/trace_rings.py), with the names below as
/// tools/trace_names prints them.
namespace portico::kernel {

/// `thread` is whom an event is about, which need not be who runs: a message is taken on behalf of a receiver that waits.
/// To the right: detail; value; other.
enum class TraceEvent : uint16_t {
    None,
    Enter,        ///< a system call begins: its number; first and second argument
    Leave,        ///< and ends without having waited: its Error
    Send,         ///< a one-way message is posted: operation; what names it until it is taken; port
    Call,         ///< a call is posted, or forwarded (then again): operation; call id; port, and MessageKind from bit 56 on
    Reply,        ///< a call is answered: Error; call id; the thread that waits for it, or 0
    Notify,       ///< bits are raised on a sender that had none: -; what names it; port
    Take,         ///< a receiver gets a message: MessageKind; call id or what named it; port
    Wake,         ///< its wait is over: Error
    Switch,       ///< the CPU goes over to a thread, or to none: -; its process; instruction
    Fault,        ///< FaultKind; address; instruction
    Upcall,       ///< the thread is diverted to its runtime: FaultKind; address; interrupted instruction
    Interrupt,    ///< line
    Timer,        ///< this CPU's timer
    Kick,         ///< another CPU asked for attention
    ThreadEnd,    ///< -; its process
    ProcessEnd,   ///< of the process in value, with the exit code in other
    Thread,       ///< names ring: a thread was made: -; its process
    ThreadName,   ///< names ring: 16 bytes in value and other
    ProcessName,  ///< names ring: the same of the process whose id is in `thread`
};

inline constexpr std::array<std::string_view, 20> kTraceEventNames{
    "none",  "enter",  "leave",     "send",  "call", "reply",      "notify",      "take",   "wake",        "switch",
    "fault", "upcall", "interrupt", "timer", "kick", "thread-end", "process-end", "thread", "thread-name", "process-name"};
static_assert(kTraceEventNames.size() == static_cast<size_t>(TraceEvent::ProcessName) + 1);

struct TraceEntry {
    uint64_t ticks = 0;   ///< arch::ticks
    uint32_t thread = 0;  ///< low half of the thread's id; 0 for none
    TraceEvent event = TraceEvent::None;
    uint16_t detail = 0;
    uint64_t value = 0;
    uint64_t other = 0;
};
static_assert(sizeof(TraceEntry) == 32);

inline constexpr unsigned kTraceRingsMax = 33;  ///< one a CPU, and the names ring behind them

/// Where the rings are. It is the section .trace of the kernel image, so the host finds it by the image's section table.
/// A ring of N entries holds the last N of those `written`; entry number i is at index i % N.
struct TraceHeader {
    static constexpr uint64_t kMagic = 0x3145'4341'5254'504F;  // "OPTRACE1"

    uint64_t magic = 0;         ///< set when the rings are there
    uint64_t base = 0;          ///< physical address of the first; they lie behind each other
    uint64_t ring_entries = 0;  ///< of each: a power of two
    uint32_t cpu_count = 0;
    uint32_t entry_bytes = sizeof(TraceEntry);
    uint64_t ticks_hz = 0;
    uint64_t ticks_at_zero = 0;
    uint64_t reserved[2]{};

    struct alignas(64) Ring {
        uint64_t written = 0;
    };
    Ring rings[kTraceRingsMax];
};
static_assert(offsetof(TraceHeader, rings) == 64);
static_assert(sizeof(TraceHeader) == 64 + 64 * kTraceRingsMax);

}  // namespace portico::kernel
