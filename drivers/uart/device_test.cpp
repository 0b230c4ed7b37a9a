#include "drivers/uart/device.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

namespace portico::uart {
namespace {

/// A model of the chip, as far as the driver uses it.
class Model final : public Registers {
public:
    Result<uint8_t> read(Register offset) override {
        ++accesses;
        if (missing) return kNothingThere;
        switch (offset) {
        case Register::Data: {
            if (input.empty()) return uint8_t{0};
            const uint8_t byte = input.front();
            input.pop_front();
            return byte;
        }
        case Register::InterruptEnable:
            return enabled;
        case Register::InterruptCause:
            return cause();
        case Register::LineControl:
            return line_control;
        case Register::LineStatus:
            return static_cast<uint8_t>((input.empty() ? 0 : kStatusDataReady) | (transmitter_busy ? 0 : kStatusTransmitterEmpty));
        default:
            return uint8_t{0};
        }
    }
    Result<> write(Register offset, uint8_t value) override {
        ++accesses;
        if (offset == Register::LineControl) line_control = value;
        if (offset == Register::InterruptEnable && (line_control & kLineDivisorLatch) == 0) enabled = value;
        return {};
    }
    Result<> write_bytes(Register, std::span<const uint8_t> bytes) override {
        EXPECT_LE(bytes.size(), kFifoBytes);
        EXPECT_FALSE(transmitter_busy);
        output.append(bytes.begin(), bytes.end());
        return {};
    }
    bool line() { return (cause() & kCauseNone) == 0; }

    std::deque<uint8_t> input;
    std::string output;
    uint8_t enabled = 0;
    uint8_t line_control = 0;
    bool transmitter_busy = false;
    bool missing = false;
    bool stuck = false;
    unsigned accesses = 0;

private:
    uint8_t cause() const {
        if (stuck) return kCauseModem;
        if ((enabled & kInterruptReceived) != 0 && !input.empty()) return kCauseReceived;
        if ((enabled & kInterruptTransmitterEmpty) != 0 && !transmitter_busy) return kCauseTransmitterEmpty;
        return kCauseNone;
    }
};

TEST(Device, IsAbsentWhereNothingAnswers) {
    Model model;
    model.missing = true;
    Device device(model);
    EXPECT_EQ(device.start().error(), Error::NoDevice);
    EXPECT_FALSE(device.present());
    EXPECT_EQ(device.service().error(), Error::NoDevice);
    EXPECT_EQ(device.transmit({}).error(), Error::NoDevice);
}

TEST(Device, ReceivesAndLowersTheLine) {
    Model model;
    Device device(model);
    ASSERT_TRUE(device.start());
    for (uint8_t byte : {1, 2, 3}) model.input.push_back(byte);
    EXPECT_TRUE(model.line());
    ASSERT_TRUE(device.service());
    EXPECT_FALSE(model.line());
    EXPECT_EQ(device.received().size(), 3u);
}

TEST(Device, KeepsFifoBytesOverStart) {
    Model model;
    model.input = {9};
    Device device(model);
    ASSERT_TRUE(device.start());
    ASSERT_TRUE(device.service());
    EXPECT_EQ(device.received().size(), 1u);
}

TEST(Device, StopsReadingWhenFullAndGoesOnWhenDrained) {
    Model model;
    Device device(model);
    ASSERT_TRUE(device.start());
    for (size_t i = 0; i < ReceiveBuffer::kBytesMax + 10; ++i) model.input.push_back(static_cast<uint8_t>(i));
    ASSERT_TRUE(device.service());
    EXPECT_TRUE(device.received().full());
    EXPECT_EQ(model.input.size(), 10u);
    EXPECT_FALSE(model.line());
    EXPECT_EQ(model.enabled & kInterruptReceived, 0);
    ASSERT_TRUE(device.consume(4));
    EXPECT_TRUE(device.received().full());
    EXPECT_EQ(model.input.size(), 6u);
    ASSERT_TRUE(device.consume(100));
    EXPECT_TRUE(model.input.empty());
    EXPECT_NE(model.enabled & kInterruptReceived, 0);
}

TEST(Device, TransmitsByFifosAndWaitsByInterrupt) {
    Model model;
    Device device(model);
    ASSERT_TRUE(device.start());
    const std::string text(40, 'x');
    const std::span bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    EXPECT_EQ(*device.transmit(bytes), 16u);
    model.transmitter_busy = true;
    EXPECT_EQ(*device.transmit(bytes), 0u);
    ASSERT_TRUE(device.request_transmitter_interrupt());
    EXPECT_FALSE(model.line());
    model.transmitter_busy = false;
    EXPECT_TRUE(model.line());
    ASSERT_TRUE(device.service());
    EXPECT_FALSE(model.line());
    EXPECT_EQ(*device.transmit(bytes.subspan(32)), 8u);
    EXPECT_EQ(model.output.size(), 24u);
}

TEST(Device, ReceivesWhileTransmitting) {
    Model model;
    Device device(model);
    ASSERT_TRUE(device.start());
    model.input = {7};
    const uint8_t byte = 1;
    EXPECT_EQ(*device.transmit({&byte, 1}), 1u);
    EXPECT_EQ(device.received().size(), 1u);
}

TEST(Device, GivesUpADeviceWhoseInterruptsNeverEnd) {
    Model model;
    Device device(model);
    ASSERT_TRUE(device.start());
    model.stuck = true;
    Result<> result;
    for (int i = 0; i < 100 && result; ++i) result = device.service();
    EXPECT_EQ(result.error(), Error::NoDevice);
    EXPECT_LT(model.accesses, 10000u);
}

TEST(Device, NoticesThatTheDeviceWentAway) {
    Model model;
    Device device(model);
    ASSERT_TRUE(device.start());
    model.missing = true;
    EXPECT_EQ(device.service().error(), Error::NoDevice);
    EXPECT_FALSE(device.present());
}

}  // namespace
}  // namespace portico::uart
