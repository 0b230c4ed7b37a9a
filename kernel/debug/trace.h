#pragma once

#include <array>
#include <cstdint>

namespace portico::kernel {

enum class TraceEvent : uint32_t { None, Call, Switch, Fault, Interrupt, Timer, Kick, Upcall, Exit };

struct TraceEntry {
    uint64_t time_ns;
    uint64_t thread_id;
    TraceEvent event;
    uint32_t detail;  ///< Call: number; Fault: FaultKind; Interrupt: line; Switch: the thread switched to
    uint64_t value;
};

/// Whether events are recorded.
inline bool tracing = false;

/// The last events of one CPU, written by that CPU only; panics print it.
class TraceRing {
public:
    static constexpr uint32_t kEntries = 128;

    void add(uint64_t time_ns, uint64_t thread_id, TraceEvent event, uint32_t detail, uint64_t value) {
        entries_[next_++ % kEntries] = {time_ns, thread_id, event, detail, value};
    }
    /// Calls `visit` for up to `count` entries, the newest first.
    template <class Visit>
    void for_newest(uint32_t count, Visit visit) const {
        for (uint32_t i = 0; i < count && i < kEntries && i < next_; ++i) visit(entries_[(next_ - 1 - i) % kEntries]);
    }

private:
    std::array<TraceEntry, kEntries> entries_{};
    uint32_t next_ = 0;
};

}  // namespace portico::kernel
