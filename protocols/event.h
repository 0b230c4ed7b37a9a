#pragma once

#include <cstdint>

#include "protocols/method.h"

/// Objects of the pipe server that are not files: event counters (eventfd), timers (timerfd), sets of signals (signalfd) and epolls. Like
/// all open objects they also answer protocols/file.h (Poll, GetFlags, SetFlags, GetAttributes). Times are CLOCK_MONOTONIC.
namespace portico::protocols::event {

inline constexpr uint64_t kNonBlocking = 04000;  ///< of the Make methods' flags, as file::kNonBlocking
inline constexpr uint64_t kSemaphore = 1;        ///< EFD_SEMAPHORE

struct Made {
    static constexpr unsigned kHandles = 1;
    uint64_t zero[4]{};
    Handle object;
};

// ---- on the pipe server's handle

struct MakeCounter {
    static constexpr Method method{0x700, "event.make_counter", "Make an event counter."};
    using Reply = Made;
    uint64_t value;
    uint64_t flags;
};

struct MakeTimer {
    static constexpr Method method{0x701, "event.make_timer", "Make a timer, not armed."};
    using Reply = Made;
    uint64_t flags;
};

struct MakeSignalSet {
    static constexpr Method method{0x702, "event.make_signal_set", "Make a set of signals; bit n-1 is signal n."};
    using Reply = Made;
    uint64_t signals;
    uint64_t flags;
};

struct MakeEpoll {
    static constexpr Method method{0x703, "event.make_epoll", "Make an epoll that watches nothing."};
    using Reply = Made;
};

// ---- on a counter or timer

struct Take {
    static constexpr Method method{0x710, "event.take",
                                   "Take the count (of a semaphore, 1), or how often the timer has expired since; waits while it is 0."};
    struct Reply {
        uint64_t count;
    };
};

struct Add {
    static constexpr Method method{0x711, "event.add", "Add to a counter; waits while the sum would be beyond 2^64 - 2."};
    using Reply = Empty;
    uint64_t count;
};

struct TimerState {
    uint64_t left_ns;  ///< 0: not armed
    uint64_t interval_ns;
};

struct SetTimer {
    static constexpr Method method{0x712, "event.set_timer", "Arm the timer, or with deadline 0 stop it; tells what was set before."};
    using Reply = TimerState;
    uint64_t deadline_ns;
    uint64_t interval_ns;
};

struct GetTimer {
    static constexpr Method method{0x713, "event.get_timer", "Tell what is left.", Repeat::Yes};
    using Reply = TimerState;
};

// ---- on a set of signals: what is pending only its users know, and they tell it

struct SetSignals {
    static constexpr Method method{0x718, "event.set_signals", "Change the set.", Repeat::Yes};
    using Reply = Empty;
    uint64_t signals;
};

struct GetSignals {
    static constexpr Method method{0x71A, "event.get_signals", "Tell the set, and the flags (kNonBlocking).", Repeat::Yes};
    struct Reply {
        uint64_t signals, flags;
    };
};

struct TellPending {
    static constexpr Method method{0x719, "event.tell_pending", "Tell which signals pend: it is readable if one is in the set.",
                                   Repeat::Yes};
    using Reply = Empty;
    uint64_t signals;
};

// ---- on an epoll

enum class Operation : uint32_t { Add = 1, Delete = 2, Modify = 3 };  ///< EPOLL_CTL_ADD, _DEL, _MOD

struct Watch {
    static constexpr Method method{0x720, "event.watch",
                                   "epoll_ctl. An entry is named by number and object; of an object at another server by `name`, the "
                                   "caller's handle value, in its stead. Errors: Exists, NotFound, TooManyLinks (epolls in a circle)."};
    using Reply = Empty;
    static constexpr unsigned kHandles = 1;
    Operation operation;
    int32_t number;
    uint32_t events;  ///< EPOLLIN … EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE
    uint32_t zero;
    uint64_t data;
    uint64_t name;
    Handle object;
};

/// struct epoll_event as x86-64 packs it.
struct [[gnu::packed]] Event {
    uint32_t events;
    uint64_t data;
};
static_assert(sizeof(Event) == 12);

struct Wait {
    static constexpr Method method{0x721, "event.wait",
                                   "epoll_wait: as many as `count_max` events; if there is none, waits or replies 0. Up to two travel in "
                                   "the reply, more in the writable window, an Event each."};
    struct Reply {
        static constexpr uint32_t kInline = 2;
        uint64_t count;
        uint32_t events[kInline];
        uint64_t data[kInline];
    };
    uint32_t count_max;
    uint32_t waits;
};

// ---- on any object

struct Identify {
    static constexpr Method method{0x730, "event.identify",
                                   "From the pipe server to itself, through a handle that it was given: whose badge arrives, that it is."};
    using Reply = Empty;
    uint64_t nonce;
};

using Protocol = MethodList<MakeCounter, MakeTimer, MakeSignalSet, MakeEpoll, Take, Add, SetTimer, GetTimer, SetSignals, GetSignals,
                            TellPending, Watch, Wait, Identify>;

}  // namespace portico::protocols::event
