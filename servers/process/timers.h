#pragma once

#include <cstdint>
#include <map>

#include "libs/result.h"

namespace portico::process {

/// One timer of a process. What it sends when it expires; `overruns` count expirations while that signal is not taken.
struct Timer {
    int signal = 0;            ///< 0: none is sent
    int32_t tid = 0;           ///< to that thread; 0: to the process
    uint64_t value = 0;        ///< for siginfo
    bool cpu_time = false;     ///< counts the process's CPU time
    uint64_t deadline_ns = 0;  ///< on its clock; 0: not armed
    uint64_t interval_ns = 0;
    bool pending = false;  ///< its signal was sent, and not taken yet
    uint32_t overruns = 0, overruns_told = 0;
};

/// The two clocks that timers go by.
struct Clocks {
    uint64_t now_ns = 0, cpu_ns = 0;
    uint64_t of(const Timer& timer) const { return timer.cpu_time ? cpu_ns : now_ns; }
};

/// The timers of one process: those of timer_create by their ids, from 0 on, and the three of setitimer, which are always there.
///
/// Ownership: values. Locks: none, the server is one thread. Bound: kTimersMax.
class Timers {
public:
    static constexpr size_t kTimersMax = 1024;
    static constexpr int32_t kReal = -1, kVirtual = -2, kProfiling = -3;

    /// Errors: WouldBlock (too many; EAGAIN).
    Result<int32_t> create(const Timer& timer);
    /// Null: there is none.
    Timer* find(int32_t id);
    bool remove(int32_t id) { return id >= 0 && timers_.erase(id) != 0; }
    void remove_created();  ///< exec keeps those of setitimer only

    struct State {
        uint64_t left_ns, interval_ns;
    };
    static State state(const Timer& timer, const Clocks& clocks);

    /// Calls expired(id, timer, count) for each that has expired, which is then armed for the next time if it has an interval.
    template <class Expired>
    void expire(const Clocks& clocks, Expired&& expired) {
        for (auto& [id, timer] : timers_) {
            const uint64_t count = take_expirations(timer, clocks.of(timer));
            if (count > 0) expired(id, timer, count);
        }
    }

    /// When to look next, in the monotonic clock; kForever: not at all. CPU time is looked at when it could have passed.
    uint64_t next_look_ns(const Clocks& clocks, uint32_t threads) const;
    bool uses_cpu_time() const;

private:
    static uint64_t take_expirations(Timer& timer, uint64_t now_ns);

    std::map<int32_t, Timer> timers_;
    int32_t next_id_ = 0;
};

}  // namespace portico::process
