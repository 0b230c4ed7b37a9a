#include "posix/files/control_requests.h"

namespace portico::posix {
namespace {

constexpr uint16_t kTermios = 36, kTermio = 18, kWindowSize = 8, kInteger = 4, kLong = 8;

struct Row {
    uint16_t request;
    ControlShape shape;
};

constexpr ControlShape in(uint16_t bytes) {
    return {.input_bytes = bytes};
}
constexpr ControlShape out(uint16_t bytes) {
    return {.output_bytes = bytes};
}
constexpr ControlShape kValue{.by_value = true};

/// Numbers of the time before requests told their argument's size (ioctl_tty(2)).
constexpr Row kRows[] = {
    {0x125E, out(kInteger)},     // BLKROGET
    {0x1260, out(kLong)},        // BLKGETSIZE
    {0x1261, kValue},            // BLKFLSBUF
    {0x1268, out(kInteger)},     // BLKSSZGET
    {0x1278, out(kInteger)},     // BLKIOMIN
    {0x1279, out(kInteger)},     // BLKIOOPT
    {0x127B, out(kInteger)},     // BLKPBSZGET
    {0x5401, out(kTermios)},     // TCGETS
    {0x5402, in(kTermios)},      // TCSETS
    {0x5403, in(kTermios)},      // TCSETSW
    {0x5404, in(kTermios)},      // TCSETSF
    {0x5405, out(kTermio)},      // TCGETA
    {0x5406, in(kTermio)},       // TCSETA
    {0x5407, in(kTermio)},       // TCSETAW
    {0x5408, in(kTermio)},       // TCSETAF
    {0x5409, kValue},            // TCSBRK
    {0x540A, kValue},            // TCXONC
    {0x540B, kValue},            // TCFLSH
    {0x540C, kValue},            // TIOCEXCL
    {0x540D, kValue},            // TIOCNXCL
    {0x540E, kValue},            // TIOCSCTTY
    {0x540F, out(kInteger)},     // TIOCGPGRP
    {0x5410, in(kInteger)},      // TIOCSPGRP
    {0x5411, out(kInteger)},     // TIOCOUTQ
    {0x5412, in(1)},             // TIOCSTI
    {0x5413, out(kWindowSize)},  // TIOCGWINSZ
    {0x5414, in(kWindowSize)},   // TIOCSWINSZ
    {0x5415, out(kInteger)},     // TIOCMGET
    {0x5416, in(kInteger)},      // TIOCMBIS
    {0x5417, in(kInteger)},      // TIOCMBIC
    {0x5418, in(kInteger)},      // TIOCMSET
    {0x5419, out(kInteger)},     // TIOCGSOFTCAR
    {0x541A, in(kInteger)},      // TIOCSSOFTCAR
    {0x541B, out(kInteger)},     // FIONREAD
    {0x541D, kValue},            // TIOCCONS
    {0x5420, in(kInteger)},      // TIOCPKT
    {0x5421, in(kInteger)},      // FIONBIO
    {0x5422, kValue},            // TIOCNOTTY
    {0x5423, in(kInteger)},      // TIOCSETD
    {0x5424, out(kInteger)},     // TIOCGETD
    {0x5425, kValue},            // TCSBRKP
    {0x5427, kValue},            // TIOCSBRK
    {0x5428, kValue},            // TIOCCBRK
    {0x5429, out(kInteger)},     // TIOCGSID
    {0x5450, kValue},            // FIONCLEX
    {0x5451, kValue},            // FIOCLEX
    {0x5452, in(kInteger)},      // FIOASYNC
    {0x5460, out(8)},            // FIOQSIZE
};

}  // namespace

ControlShape control_shape(uint64_t request) {
    for (const Row& row : kRows)
        if (row.request == request) return row.shape;
    if (request == kSendSignal) return kValue;                 // its number tells otherwise
    constexpr uint64_t kProgramWrites = 1, kProgramReads = 2;  // _IOC_WRITE, _IOC_READ
    const uint64_t direction = (request >> 30) & 3;
    const auto bytes = static_cast<uint16_t>((request >> 16) & 0x3FFF);
    if (direction == 0 || bytes == 0) return kValue;
    return {.input_bytes = (direction & kProgramWrites) != 0 ? bytes : uint16_t{0},
            .output_bytes = (direction & kProgramReads) != 0 ? bytes : uint16_t{0}};
}

}  // namespace portico::posix
