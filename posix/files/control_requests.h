#pragma once

#include <cstdint>

namespace portico::posix {

/// Numbers of requests that the library itself looks at.
inline constexpr uint64_t kTerminalSetControlling = 0x540E, kTerminalGiveUp = 0x5422, kReadable = 0x541B, kNonBlockingIo = 0x5421,
                          kClearCloseOnExec = 0x5450, kSetCloseOnExec = 0x5451, kPseudoPeer = 0x5441, kSendSignal = 0x40045436,
                          kAsynchronousIo = 0x5452;

/// What an ioctl request's argument is: a structure the server reads, one it writes, or a plain value.
struct ControlShape {
    uint16_t input_bytes = 0;
    uint16_t output_bytes = 0;
    bool by_value = false;
};

/// By table for the old numbers, by the number itself for those that encode direction and size. Pure.
ControlShape control_shape(uint64_t request);

}  // namespace portico::posix
