#pragma once

#include <cstdint>
#include <span>

#include "drivers/uart/receive_buffer.h"
#include "drivers/uart/registers.h"
#include "libs/result.h"

namespace portico::uart {

/// A 16550A with its FIFOs on, and the bytes received from it.
///
///     absent ──start()──▶ present ──(status reads 0xFF, or interrupts never end)──▶ absent
///
/// Ownership: borrows the registers. Locks: none, one thread.
/// Bound: kBytesMax received bytes; no loop over the device runs more than a fixed number of times, however it behaves.
/// Invariant: the receive interrupt is enabled exactly while the device is present and the buffer has room. The line's edge is
///            made again when the interrupt is enabled again, so bytes that waited in the FIFO meanwhile are not forgotten.
class Device {
public:
    explicit Device(Registers& registers) : registers_(registers) {}

    /// Sets the line up (115200 baud, 8N1) without emptying the receive FIFO: after a restart its bytes are still wanted.
    /// Errors: NoDevice.
    Result<> start();

    bool present() const { return present_; }
    const ReceiveBuffer& received() const { return received_; }

    /// Handles all pending causes of interrupts. To be called before and after the line is unmasked: an edge that came in between
    /// is seen by the second call. Errors: NoDevice.
    Result<> service();

    /// Gives the transmitter at most a FIFO of bytes if it is empty; tells how many it took, 0 if it is still busy. Errors: NoDevice.
    Result<size_t> transmit(std::span<const uint8_t> bytes);

    /// Has the device interrupt once when the transmitter is empty (at once, if it is).
    Result<> request_transmitter_interrupt();

    /// Drops received bytes that a reader has got, and goes on receiving if the buffer was full.
    Result<> consume(size_t count);

private:
    static constexpr unsigned kTransmitPolls = 32;       // short: a busy transmitter is waited for by interrupt
    static constexpr unsigned kCausesMax = 64;           // handled in one go
    static constexpr unsigned kEndlessServicesMax = 16;  // in a row, before the device counts as broken

    Result<uint8_t> status();
    Result<> receive();
    Result<> enable(uint8_t interrupts);
    std::unexpected<Error> lost();

    Registers& registers_;
    ReceiveBuffer received_;
    uint8_t enabled_ = 0;  // as written to InterruptEnable
    unsigned endless_services_ = 0;
    bool present_ = false;
};

}  // namespace portico::uart
