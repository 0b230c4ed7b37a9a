#pragma once

#include <cstdint>

/// Linux's numbers of the requests that terminals answer through file::Control.
namespace portico::terminal::ioctl {

inline constexpr uint64_t kGetTermios = 0x5401, kSetTermios = 0x5402, kSetTermiosDrain = 0x5403, kSetTermiosFlush = 0x5404;
inline constexpr uint64_t kGetTermios2 = 0x802C542A, kSetTermios2 = 0x402C542B, kSetTermios2Drain = 0x402C542C,
                          kSetTermios2Flush = 0x402C542D;
inline constexpr uint64_t kBreakOrDrain = 0x5409;    ///< TCSBRK: drains if the argument is not zero
inline constexpr uint64_t kFlow = 0x540A;            ///< TCXONC: 0 stop output, 1 restart it, 2 send VSTOP, 3 send VSTART
inline constexpr uint64_t kFlush = 0x540B;           ///< TCFLSH: 0 input, 1 output, 2 both
inline constexpr uint64_t kSetControlling = 0x540E;  ///< TIOCSCTTY
inline constexpr uint64_t kGetForeground = 0x540F, kSetForeground = 0x5410;
inline constexpr uint64_t kOutputPending = 0x5411;  ///< TIOCOUTQ
inline constexpr uint64_t kFakeInput = 0x5412;      ///< TIOCSTI: refused, it lets a program type for another
inline constexpr uint64_t kGetWindowSize = 0x5413, kSetWindowSize = 0x5414;
inline constexpr uint64_t kInputPending = 0x541B;       ///< FIONREAD
inline constexpr uint64_t kSetNonBlocking = 0x5421;     ///< FIONBIO
inline constexpr uint64_t kGiveUpControlling = 0x5422;  ///< TIOCNOTTY
inline constexpr uint64_t kGetDiscipline = 0x5424;      ///< TIOCGETD
inline constexpr uint64_t kGetSession = 0x5429;         ///< TIOCGSID
// Of a pseudo-terminal's outer side:
inline constexpr uint64_t kGetPseudoNumber = 0x80045430;  ///< TIOCGPTN
inline constexpr uint64_t kSetPseudoLock = 0x40045431, kGetPseudoLock = 0x80045439;
inline constexpr uint64_t kSendSignal = 0x40045436;  ///< TIOCSIG: to the foreground group; the argument is the number

/// Requests that send SIGTTOU when a background group makes them. (TIOCSPGRP is none: shells make it from the background, with
/// SIGTTOU ignored, for every job.)
constexpr bool stops_background(uint64_t request) {
    switch (request) {
    case kSetTermios:
    case kSetTermiosDrain:
    case kSetTermiosFlush:
    case kSetTermios2:
    case kSetTermios2Drain:
    case kSetTermios2Flush:
    case kBreakOrDrain:
    case kFlow:
    case kFlush:
        return true;
    default:
        return false;
    }
}

/// Requests that wait until all output is sent.
constexpr bool drains(uint64_t request) {
    return request == kSetTermiosDrain || request == kSetTermiosFlush || request == kSetTermios2Drain || request == kSetTermios2Flush ||
           request == kBreakOrDrain;
}

}  // namespace portico::terminal::ioctl
