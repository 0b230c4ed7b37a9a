#pragma once

#include <cstdint>

/// Linux's signal numbers and codes (x86-64) as far as the process server acts on them.
namespace portico::process {

inline constexpr int kSignalMax = 64;
inline constexpr int kRealTimeMin = 32;  ///< the first that queues; C libraries keep the first few for themselves

inline constexpr int kHangup = 1, kIllegal = 4, kTrap = 5, kBus = 7, kFloatingPoint = 8, kKill = 9, kSegmentation = 11, kAlarm = 14,
                     kChild = 17, kContinue = 18, kStop = 19, kTerminalStop = 20, kTerminalInput = 21, kTerminalOutput = 22, kUrgent = 23,
                     kVirtualAlarm = 26, kProfilingAlarm = 27, kWindowChanged = 28, kBadSystemCall = 31;

/// SignalInfo.code
inline constexpr int kCodeUser = 0, kCodeKernel = 0x80, kCodeThreadKill = -6;
inline constexpr int kCodeExited = 1, kCodeKilled = 2, kCodeDumped = 3, kCodeStopped = 5, kCodeContinued = 6;

/// A set of signals: bit n-1 is signal n.
constexpr uint64_t signal_bit(int number) {
    return uint64_t{1} << (number - 1);
}

inline constexpr uint64_t kStopSignals =
    signal_bit(kStop) | signal_bit(kTerminalStop) | signal_bit(kTerminalInput) | signal_bit(kTerminalOutput);
inline constexpr uint64_t kNeverIgnored = signal_bit(kKill) | signal_bit(kStop);
/// What a new program ignores because the default action has no effect.
inline constexpr uint64_t kIgnoredByDefault = signal_bit(kChild) | signal_bit(kContinue) | signal_bit(kUrgent) | signal_bit(kWindowChanged);

/// Bits of SetIgnored's child_flags.
inline constexpr uint64_t kNoStopNotice = 1, kNoZombies = 2;

/// Wait statuses, as wait(2) tells them.
constexpr uint32_t stopped_status(int signal) {
    return static_cast<uint32_t>(signal) << 8 | 0x7F;
}
inline constexpr uint32_t kContinuedStatus = 0xFFFF;

}  // namespace portico::process
