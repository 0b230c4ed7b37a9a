#include "drivers/virtio_9p/device.h"

#include <random>

#include "drivers/virtio_9p/model_device.h"

namespace portico::virtio_9p {
namespace {

constexpr uint64_t kTimeoutNs = 1000;

class ShareDeviceTest : public testing::Test {
protected:
    ModelDevice model;
    Device device{model, model.memory(), kTimeoutNs};

    Result<> submit(std::string_view text, uint32_t answer_bytes_max = 4096) {
        std::memcpy(device.request().data(), text.data(), text.size());
        return device.submit(static_cast<uint32_t>(text.size()), answer_bytes_max, 100);
    }
    std::string answer(uint32_t length_bytes) { return {reinterpret_cast<const char*>(device.answer().data()), length_bytes}; }
};

TEST_F(ShareDeviceTest, AMessageForAMessage) {
    ASSERT_TRUE(device.start());
    EXPECT_EQ(device.tag(), "name");
    for (unsigned i = 0; i < 20; ++i) {
        ASSERT_TRUE(submit("abc"));
        EXPECT_FALSE(device.service(100));
        model.work();
        const auto ended = device.service(100);
        ASSERT_TRUE(ended && *ended);
        EXPECT_EQ(answer(**ended), "cba");
        EXPECT_FALSE(device.pending());
    }
    ASSERT_TRUE(submit("abc", 2));
    model.work();
    EXPECT_EQ(**device.service(100), 2u);
}

TEST_F(ShareDeviceTest, DevicesThatCannotBeUsed) {
    model.offered = 1;
    EXPECT_FALSE(device.start()) << "an old one";
    model.offered = virtio::kFeatureVersion1;
    EXPECT_FALSE(device.start()) << "without a name";
    model.offered |= 1;
    for (const std::string& tag : {std::string(), std::string(300, 'x'), std::string("a\0b", 3)}) {
        model.tag = tag;
        EXPECT_FALSE(device.start()) << tag;
    }
    model.tag = "x";
    model.queue_size = 1;
    EXPECT_FALSE(device.start());
    model.queue_size = 128;
    model.resets = false;
    model.set_status(virtio::kStatusAcknowledge);
    EXPECT_FALSE(device.start());
    EXPECT_EQ(submit("abc").error_or(Error::None), Error::NoDevice);
}

TEST_F(ShareDeviceTest, OneThatLiesOrHangsIsReset) {
    ASSERT_TRUE(device.start());
    ASSERT_TRUE(submit("abc"));
    model.end(7, 3);
    EXPECT_EQ(device.service(100)->error_or(Error::None), Error::IoError);
    EXPECT_TRUE(device.running());
    ASSERT_TRUE(submit("abc", 2));
    model.end(0, 3);
    EXPECT_EQ(device.service(100)->error_or(Error::None), Error::IoError) << "more than it was given";
    ASSERT_TRUE(submit("abc"));
    EXPECT_FALSE(device.service(100 + kTimeoutNs));
    EXPECT_EQ(device.service(101 + kTimeoutNs)->error_or(Error::None), Error::IoError);
    model.need_reset();
    EXPECT_FALSE(device.service(100)) << "nobody waited";
    EXPECT_EQ(device.resets(), 4u);
    for (unsigned i = 0; i <= Device::kResetsMax; ++i) {
        (void)submit("abc");
        model.end(9, 0);
        (void)device.service(100);
    }
    EXPECT_FALSE(device.running());
    EXPECT_EQ(submit("abc").error_or(Error::None), Error::NoDevice);
}

TEST_F(ShareDeviceTest, AHostileDeviceEndsEachExchangeOnce) {
    std::mt19937 random(29);
    for (unsigned round = 0; round < 100; ++round) {
        ModelDevice hostile;
        Device own(hostile, hostile.memory(), kTimeoutNs);
        (void)own.start();
        bool pending = false;
        uint64_t now = 100;
        for (unsigned step = 0; step < 200; ++step, now += random() % 50) {
            switch (random() % 5) {
            case 0:
                if (!pending) pending = own.submit(random() % 100, random() % 5000, now).has_value();
                break;
            case 1:
                hostile.work();
                break;
            case 2:
                if (random() % 6 == 0) hostile.end(static_cast<uint32_t>(random() % 12), static_cast<uint32_t>(random()));
                break;
            case 3:  // what a device may write of the ring, and what it says of itself
                if (random() % 4 == 0) hostile.ram[virtio::RingLayout(8).used + random() % 80] = static_cast<std::byte>(random());
                if (random() % 8 == 0) hostile.tag = std::string(random() % 300, 'x');
                if (random() % 20 == 0) hostile.need_reset();
                break;
            default:
                if (const auto ended = own.service(now)) {
                    ASSERT_TRUE(pending) << "round " << round << " step " << step;
                    if (*ended) EXPECT_LE(**ended, Device::kMessageBytesMax);
                    pending = false;
                }
                break;
            }
            ASSERT_EQ(own.pending(), pending);
        }
    }
}

}  // namespace
}  // namespace portico::virtio_9p
