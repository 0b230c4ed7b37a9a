#pragma once

#include <cstdint>
#include <span>

#include "libs/result.h"

/// The registers of a 16550A and how to reach them. Numbers are from the PC16550D data sheet.
namespace portico::uart {

/// Offsets from the first of the eight I/O ports. With kLineDivisorLatch set, the first two are the divisor's bytes.
enum class Register : uint8_t {
    Data = 0,  ///< read: received byte; write: byte to transmit
    InterruptEnable = 1,
    InterruptCause = 2,  ///< read; writing is FifoControl
    FifoControl = 2,
    LineControl = 3,
    ModemControl = 4,
    LineStatus = 5,
    ModemStatus = 6,
};

inline constexpr uint8_t kInterruptReceived = 0x01, kInterruptTransmitterEmpty = 0x02;
inline constexpr uint8_t kCauseNone = 0x01, kCauseMask = 0x0E;  // kCauseNone is a bit: set if nothing is pending
inline constexpr uint8_t kCauseModem = 0x00, kCauseTransmitterEmpty = 0x02, kCauseReceived = 0x04, kCauseLineStatus = 0x06,
                         kCauseReceiveTimeout = 0x0C;
inline constexpr uint8_t kFifoEnable = 0x01, kFifoTrigger14 = 0xC0;
inline constexpr uint8_t kLine8N1 = 0x03, kLineDivisorLatch = 0x80;
inline constexpr uint8_t kModemReady = 0x0B;  // DTR, RTS, and OUT2, which gates the interrupt on a PC
inline constexpr uint8_t kStatusDataReady = 0x01, kStatusTransmitterEmpty = 0x20;
inline constexpr uint8_t kNothingThere = 0xFF;  // what a bus without a device reads as; no 16550 has this line status
inline constexpr unsigned kFifoBytes = 16;

/// Access to the registers: I/O ports on the machine, a model in tests.
class Registers {
public:
    Registers() = default;
    Registers(const Registers&) = delete;
    Registers& operator=(const Registers&) = delete;
    virtual ~Registers() = default;

    virtual Result<uint8_t> read(Register offset) = 0;
    virtual Result<> write(Register offset, uint8_t value) = 0;
    /// Writes all bytes to one register, in order.
    virtual Result<> write_bytes(Register offset, std::span<const uint8_t> bytes) = 0;
};

}  // namespace portico::uart
