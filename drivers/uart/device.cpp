#include "drivers/uart/device.h"

#include <algorithm>

namespace portico::uart {

std::unexpected<Error> Device::lost() {
    present_ = false;
    enabled_ = 0;
    (void)registers_.write(Register::InterruptEnable, 0);
    return fail(Error::NoDevice);
}

Result<uint8_t> Device::status() {
    const uint8_t value = TRY(registers_.read(Register::LineStatus));
    if (value == kNothingThere) return lost();
    return value;
}

Result<> Device::enable(uint8_t interrupts) {
    if (interrupts == enabled_) return {};
    TRY(registers_.write(Register::InterruptEnable, interrupts));
    enabled_ = interrupts;
    return {};
}

Result<> Device::start() {
    TRY(status());
    TRY(registers_.write(Register::InterruptEnable, 0));
    TRY(registers_.write(Register::LineControl, kLineDivisorLatch));
    TRY(registers_.write(Register::Data, 1));  // divisor 1: 115200 baud
    TRY(registers_.write(Register::InterruptEnable, 0));
    TRY(registers_.write(Register::LineControl, kLine8N1));
    // Fourteen bytes an interrupt; fewer are announced by the receive timeout, a few byte times later.
    TRY(registers_.write(Register::FifoControl, kFifoEnable | kFifoTrigger14));
    TRY(registers_.write(Register::ModemControl, kModemReady));
    if (TRY(registers_.read(Register::LineControl)) != kLine8N1) return lost();
    present_ = true;
    endless_services_ = 0;
    enabled_ = 0;
    return enable(kInterruptReceived);
}

Result<> Device::receive() {
    // The FIFO is never read ahead of the buffer: what does not fit stays in the device and, beyond it, with the sender.
    for (size_t i = 0; i <= ReceiveBuffer::kBytesMax && !received_.full(); ++i) {
        if ((TRY(status()) & kStatusDataReady) == 0) return {};
        received_.push(TRY(registers_.read(Register::Data)));
    }
    return received_.full() ? enable(enabled_ & ~kInterruptReceived) : Result<>{};
}

Result<> Device::service() {
    if (!present_) return fail(Error::NoDevice);
    for (unsigned i = 0; i < kCausesMax; ++i) {
        const uint8_t cause = TRY(registers_.read(Register::InterruptCause));
        if ((cause & kCauseNone) != 0) {
            endless_services_ = 0;
            return cause == kNothingThere ? lost() : Result<>{};
        }
        switch (cause & kCauseMask) {
        case kCauseReceived:
        case kCauseReceiveTimeout:
            TRY(receive());
            break;
        case kCauseTransmitterEmpty:
            TRY(enable(enabled_ & ~kInterruptTransmitterEmpty));
            break;
        case kCauseLineStatus:
            TRY(status());
            break;
        default:
            TRY(registers_.read(Register::ModemStatus));
            break;
        }
    }
    if (++endless_services_ == kEndlessServicesMax) return lost();
    // Let others run, but have the line make an edge for what is still pending.
    const uint8_t wanted = enabled_;
    TRY(enable(0));
    return enable(wanted);
}

Result<size_t> Device::transmit(std::span<const uint8_t> bytes) {
    if (!present_) return fail(Error::NoDevice);
    for (unsigned i = 0; i < kTransmitPolls; ++i) {
        const uint8_t value = TRY(status());
        // A long transmission must not let the receive FIFO run over.
        if ((value & kStatusDataReady) != 0 && !received_.full()) TRY(receive());
        if ((value & kStatusTransmitterEmpty) == 0) continue;
        const auto chunk = bytes.first(std::min<size_t>(bytes.size(), kFifoBytes));
        TRY(registers_.write_bytes(Register::Data, chunk));
        return chunk.size();
    }
    return size_t{0};
}

Result<> Device::request_transmitter_interrupt() {
    if (!present_) return fail(Error::NoDevice);
    return enable(enabled_ | kInterruptTransmitterEmpty);
}

Result<> Device::consume(size_t count) {
    received_.consume(count);
    if (!present_ || received_.full() || (enabled_ & kInterruptReceived) != 0) return {};
    TRY(receive());
    return received_.full() ? Result<>{} : enable(enabled_ | kInterruptReceived);
}

}  // namespace portico::uart
