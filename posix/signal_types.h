#pragma once

#include <array>
#include <cstdint>

#include "protocols/process.h"

/// Linux's signal structures and numbers (x86-64), and the small containers built of them.
namespace portico::posix {

inline constexpr int kSignalMax = 64;
inline constexpr int kHangup = 1, kIll = 4, kTrap = 5, kAbort = 6, kBus = 7, kFloat = 8, kKill = 9, kSegv = 11, kPipe = 13, kAlarm = 14,
                     kChild = 17, kContinue = 18, kStop = 19, kTerminalStop = 20, kTerminalInput = 21, kTerminalOutput = 22, kUrgent = 23,
                     kWindowChange = 28;

constexpr uint64_t signal_bit(int number) {
    return uint64_t{1} << (number - 1);
}
inline constexpr uint64_t kUnblockable = signal_bit(kKill) | signal_bit(kStop);

inline constexpr uint64_t kDefault = 0, kIgnore = 1;  ///< special handlers
inline constexpr uint64_t kNoChildStop = 1, kNoChildWait = 2, kSigInfo = 4, kRestorer = 0x0400'0000, kOnStack = 0x0800'0000,
                          kRestartFlag = 0x1000'0000, kNoDefer = 0x4000'0000, kResetHand = 0x8000'0000;

/// struct kernel_sigaction.
struct SignalAction {
    uint64_t handler = kDefault;
    uint64_t flags = 0;
    uint64_t restorer = 0;
    uint64_t mask = 0;
};
static_assert(sizeof(SignalAction) == 32);

/// stack_t.
struct SignalStack {
    static constexpr int32_t kOnStackNow = 1, kDisabled = 2;
    uint64_t address = 0;
    int32_t flags = kDisabled;
    int32_t zero = 0;
    uint64_t length_bytes = 0;
};
static_assert(sizeof(SignalStack) == 24);

/// Signals kept until they are unblocked: one of each standard signal, a few of each realtime signal in order.
///
/// Bound: kRealtimeMax queued realtime signals; more are dropped (Linux refuses the sender instead, by RLIMIT_SIGPENDING).
class PendingSignals {
public:
    static constexpr unsigned kRealtimeMax = 32;

    uint64_t set() const { return set_; }
    void add(const protocols::process::SignalInfo& info);
    /// Takes the lowest signal in `wanted`; number 0 if there is none.
    protocols::process::SignalInfo take(uint64_t wanted);
    void discard(uint64_t signals);
    void clear() {
        set_ = 0;
        realtime_count_ = 0;
    }

private:
    uint64_t set_ = 0;
    /// Not cleared: `set_` and `realtime_count_` tell which mean anything, and every fork and exec makes these sets.
    union Kept {
        Kept() {}
        protocols::process::SignalInfo info;
    };
    std::array<Kept, 32> standard_;
    std::array<Kept, kRealtimeMax> realtime_;
    unsigned realtime_count_ = 0;
};

}  // namespace portico::posix
