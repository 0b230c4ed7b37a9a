#pragma once

#include <span>

#include "kernel/arch/arch.h"
#include "kernel/debug/trace_entry.h"
#include "kernel/object/object_name.h"

namespace portico::kernel {

class Thread;

/// Whether events are recorded. Set once at boot, before there are threads.
extern bool tracing;

/// The rings of the last events: panics print them, and `./portico trace` reads them from outside when the guest is gone.
///
/// Ownership: their memory is taken out of RAM at boot and never given back. Bound: what the command line says.
/// Locks:     the kernel lock (a CPU's ring is written by that CPU only, the names ring by whoever names something).
class TraceRings {
public:
    static constexpr uint64_t kBytesMin = abi::kPageBytes;

    /// Switches recording on if the command line has the word `trace` (kBytesMin a CPU) or `trace=BYTES` (K and M understood): cuts
    /// the rings out of one of the ranges of free RAM below 4 GiB. If there is no room it says so in the log and stays off.
    void reserve(std::span<MemoryRange> ranges, std::string_view command_line, unsigned cpu_count);
    void stop();

    void add(unsigned ring, const TraceEntry& entry);
    unsigned names_ring() const;

    /// Calls `visit` for up to `count` entries of a ring, the newest first.
    template <class Visit>
    void for_newest(unsigned ring, uint64_t count, Visit visit) const {
        const TraceHeader& h = header();
        const uint64_t written = h.rings[ring].written;
        for (uint64_t i = 0; i < count && i < h.ring_entries && i < written; ++i) visit(entry_at(ring, written - 1 - i));
    }
    static const TraceHeader& header();

private:
    TraceEntry& entry_at(unsigned ring, uint64_t number) const;

    TraceEntry* entries_ = nullptr;
};

extern TraceRings trace_rings;

/// The slow half of note(). It keeps the registers of its callers, so that these have nothing to save on the way past it.
[[clang::preserve_most]] void record(TraceEvent event, const Thread* thread, uint64_t detail, uint64_t value, uint64_t other)
    __attribute__((noinline, cold));

/// Records an event about `thread`. While nothing is recorded this is one test and one branch, on the way of every message:
/// arguments must be cheap to name, not computed.
inline void note(TraceEvent event, const Thread* thread, uint64_t detail = 0, uint64_t value = 0, uint64_t other = 0) {
    if (tracing) [[unlikely]]
        record(event, thread, detail, value, other);
}

/// Names go into a ring of their own, which lasts when the others have come round.
void note_thread(const Thread& thread);
void note_thread_name(const Thread& thread);
void note_process_name(uint64_t process_id, const ObjectName& name);

}  // namespace portico::kernel
