#pragma once

#include <cstdint>

/// The host command and the guest's terminal server talk over one serial line in SLIP frames (RFC 1055): END 0xC0, ESC 0xDB,
/// END in data is DB DC, ESC in data is DB DD; a frame is sent as END data END, empty frames are ignored, so a lost byte costs
/// one frame. First byte: the channel; the rest: its bytes, at most kFrameBytesMax in all before escaping.
/// Without a host command (boot/run says link=plain) the line is simply a terminal.
namespace portico::protocols::host_link {

inline constexpr uint32_t kFrameBytesMax = 1024;

enum class Channel : uint8_t {
    Control = 0,   ///< a line of text, see below
    Terminal = 1,  ///< both ways: the terminal's bytes
    Input = 2,     ///< host to guest: standard input that is no terminal
    Output = 3,    ///< guest to host: standard output that is no terminal
    Error = 4,     ///< guest to host: standard error that is no terminal
    Trace = 5,     ///< guest to host: what strace prints, wherever the host wants it
};

// Control lines, host to guest:  "size COLUMNS ROWS"  "input-end" (end of standard input)
// guest to host:  "ready" (first process starts)  "exit STATUS" (wait status as in wait(2), decimal)
//                 "failed TEXT" (the system failed)  "credit N" (Input channel: the guest can take N more bytes;
//                 it grants 4096 at start and more as its programs read)  "lost N" (the driver of the line was started anew: of the
//                 host's frames N came, and those behind them shall be sent again)
// both ways:      "again N" (what follows are the frames behind the first N, sent perhaps for the second time: whoever has more
//                 than N drops the rest). It comes behind ESC END, which makes a frame that broke off a damaged one.
// The frames that are counted are all undamaged ones but "again".

}  // namespace portico::protocols::host_link
