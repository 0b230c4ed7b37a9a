#pragma once

#include <cstdint>

/// Terminal settings with Linux's numbers and layouts (x86-64): programs send these structures as they are.
namespace portico::terminal {

/// Indices of Termios::characters.
enum class Special : uint8_t {
    Interrupt,
    Quit,
    Erase,
    Kill,
    EndOfFile,
    Time,
    Minimum,
    Switch,
    Start,
    Stop,
    Suspend,
    EndOfLine,
    Reprint,
    Discard,
    WordErase,
    LiteralNext,
    EndOfLine2
};

namespace input_flag {
inline constexpr uint32_t kStrip = 040, kNewlineToReturn = 0100, kIgnoreReturn = 0200, kReturnToNewline = 0400, kFlowControl = 02000,
                          kAnyRestarts = 04000, kBellWhenFull = 020000, kUtf8 = 040000;
}
namespace output_flag {
inline constexpr uint32_t kProcess = 01, kUpperCase = 02, kNewlineToReturnNewline = 04, kReturnToNewline = 010, kNoReturnAtColumn0 = 020,
                          kNewlineReturns = 040, kTabDelay = 014000, kExpandTabs = 014000;
}
namespace control_flag {
inline constexpr uint32_t kHangUpOnClose = 02000;
}
namespace local_flag {
inline constexpr uint32_t kSignals = 01, kCanonical = 02, kEcho = 010, kEchoErase = 020, kEchoKill = 040, kEchoNewline = 0100,
                          kNoFlush = 0200, kBackgroundStops = 0400, kEchoControl = 01000, kEchoKillErase = 04000, kExtended = 0100000;
}

/// struct termios as TCGETS and TCSETS carry it. The defaults are Linux's for a new terminal.
struct Termios {
    uint32_t input = input_flag::kReturnToNewline | input_flag::kFlowControl;
    uint32_t output = output_flag::kProcess | output_flag::kNewlineToReturnNewline;
    uint32_t control = 017 | 060 | 0200 | 02000;  // 38400 baud, 8 bits, receiver on, hang up on close: kept, without effect
    uint32_t local = local_flag::kSignals | local_flag::kCanonical | local_flag::kEcho | local_flag::kEchoErase | local_flag::kEchoKill |
                     local_flag::kEchoControl | local_flag::kEchoKillErase | local_flag::kExtended;
    uint8_t line = 0;
    uint8_t characters[19]{3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0};

    bool operator==(const Termios&) const = default;
    uint8_t operator[](Special index) const { return characters[static_cast<uint8_t>(index)]; }
    /// Is `byte` this special character? A special character set to zero is none.
    bool is(uint8_t byte, Special index) const { return byte != 0 && byte == (*this)[index]; }
    bool in(uint32_t flag) const { return (input & flag) != 0; }
    bool out(uint32_t flag) const { return (output & flag) != 0; }
    bool local_has(uint32_t flag) const { return (local & flag) != 0; }
    bool canonical() const { return local_has(local_flag::kCanonical); }
};
static_assert(sizeof(Termios) == 36);

/// struct termios2: the same and the speeds, which mean nothing here.
struct Termios2 {
    Termios termios;
    uint32_t input_speed = 38400;
    uint32_t output_speed = 38400;
};
static_assert(sizeof(Termios2) == 44);

/// struct winsize.
struct WindowSize {
    uint16_t rows = 0, columns = 0;
    uint16_t width_pixels = 0, height_pixels = 0;
    bool operator==(const WindowSize&) const = default;
};
static_assert(sizeof(WindowSize) == 8);

/// Signals that terminals send.
inline constexpr int kSignalHangUp = 1, kSignalInterrupt = 2, kSignalQuit = 3, kSignalContinue = 18, kSignalSuspend = 20,
                     kSignalBackgroundRead = 21, kSignalBackgroundWrite = 22, kSignalWindowChanged = 28;

}  // namespace portico::terminal
