#include "drivers/virtio_blk/device.h"

#include "drivers/virtio_blk/model_device.h"

namespace portico::virtio_blk {
namespace {

constexpr uint64_t kTimeoutNs = 1000;

class DeviceTest : public testing::Test {
protected:
    ModelDevice model{1 << 20};
    Device device{model, model.memory(), kTimeoutNs};
    std::vector<Device::Ended> ended;
    uint64_t now = 100;

    Result<> submit(unsigned slot, RequestType type, uint64_t position, uint64_t length) {
        return device.submit(slot, {.type = type, .position_bytes = position, .length_bytes = length}, now);
    }
    void service() { device.service(now, ended); }
    void fill(unsigned slot, uint64_t length, int value) { std::memset(device.data(slot).data(), value, length); }
    std::vector<unsigned> slots_ended() const {
        std::vector<unsigned> slots;
        for (const Device::Ended& each : ended) slots.push_back(each.slot);
        return slots;
    }
};

TEST_F(DeviceTest, WritesAndReadsBack) {
    ASSERT_TRUE(device.start());
    EXPECT_EQ(device.geometry(), (Device::Geometry{.size_bytes = 1 << 20, .flush = true}));
    fill(0, 4096, 0xAB);
    ASSERT_TRUE(submit(0, RequestType::Write, 8192, 4096));
    EXPECT_EQ(model.notified, 1u);
    service();
    EXPECT_TRUE(ended.empty()) << "the device has not come to it";
    model.work();
    service();
    ASSERT_EQ(slots_ended(), std::vector{0u});
    EXPECT_TRUE(ended[0].outcome);
    EXPECT_EQ(model.disk[8192], std::byte{0xAB});
    EXPECT_EQ(model.disk[8192 + 4096], std::byte{0});
    ASSERT_TRUE(submit(5, RequestType::Read, 8192 + 4096 - 512, 1024));
    ASSERT_TRUE(submit(6, RequestType::Flush, 0, 0));
    model.work();
    service();
    EXPECT_EQ(slots_ended(), (std::vector{5u, 6u}));
    EXPECT_EQ(device.data(5)[511], std::byte{0xAB});
    EXPECT_EQ(device.data(5)[512], std::byte{0});
    EXPECT_EQ(model.flushes, 1u);
    EXPECT_EQ(device.pending(), 0u);
}

TEST_F(DeviceTest, AllSlotsAtOnceEndInTheDevicesOrder) {
    ASSERT_TRUE(device.start());
    for (unsigned slot = 0; slot < Device::kSlots; ++slot) {
        fill(slot, 512, static_cast<int>(slot + 1));
        ASSERT_TRUE(submit(slot, RequestType::Write, slot * 512, 512));
    }
    model.work(true);
    service();
    ASSERT_EQ(ended.size(), size_t{Device::kSlots});
    EXPECT_EQ(ended.front().slot, Device::kSlots - 1);
    for (unsigned slot = 0; slot < Device::kSlots; ++slot) EXPECT_EQ(model.disk[slot * 512], static_cast<std::byte>(slot + 1));
}

TEST_F(DeviceTest, SeveralQueuesAndFullOnes) {
    model.offered |= kFeatureQueues;
    model.queues = 3;
    model.queue_size = 8;  // two requests each
    ASSERT_TRUE(device.start());
    EXPECT_EQ(device.queue_count(), 3u);
    for (unsigned slot = 0; slot < 6; ++slot) ASSERT_TRUE(submit(slot, RequestType::Read, 0, 512));
    EXPECT_EQ(submit(6, RequestType::Read, 0, 512).error(), Error::WouldBlock);
    model.work();
    service();
    EXPECT_EQ(ended.size(), 6u);
    EXPECT_TRUE(submit(6, RequestType::Read, 0, 512));
}

TEST_F(DeviceTest, WhatTheDiskSaysOfItself) {
    model.offered |= kFeatureReadOnly | kFeatureSectorSize | kFeatureDiscard | uint64_t{1} << 28 | 1 << 2;
    model.sector_bytes = 4096;
    model.generation_changes = 3;  // while it is read
    model.disk.resize((1 << 20) + 512);
    ASSERT_TRUE(device.start());
    EXPECT_EQ(
        device.geometry(),
        (Device::Geometry{.size_bytes = 1 << 20, .sector_bytes = 4096, .discard_bytes_max = 32768, .read_only = true, .flush = true}));
    EXPECT_EQ(model.accepted & (uint64_t{1} << 28 | 1 << 2), 0u) << "nothing that is not understood";
    ASSERT_TRUE(submit(0, RequestType::Discard, 4096, 8192));
    model.work();
    EXPECT_EQ(model.discarded_bytes, 8192u);
}

TEST_F(DeviceTest, AnErrorIsThatRequestsAlone) {
    ASSERT_TRUE(device.start());
    model.bad_position = 512;
    ASSERT_TRUE(submit(0, RequestType::Read, 0, 512));
    ASSERT_TRUE(submit(1, RequestType::Read, 512, 512));
    model.work();
    service();
    EXPECT_TRUE(ended[0].outcome);
    EXPECT_EQ(ended[1].outcome.error(), Error::IoError);
    EXPECT_EQ(device.resets(), 0u);
}

TEST_F(DeviceTest, DevicesThatCannotBeUsed) {
    model.offered = kFeatureFlush;  // a legacy one
    EXPECT_FALSE(device.start());
    EXPECT_EQ(submit(0, RequestType::Read, 0, 512).error(), Error::NoDevice);
    model.offered = virtio::kFeatureVersion1 | kFeatureSectorSize;
    for (const uint32_t sector_bytes : {0u, 1u, 256u, 513u, 3u << 9, 1u << 31}) {
        model.sector_bytes = sector_bytes;
        EXPECT_FALSE(device.start()) << sector_bytes;
    }
    model.sector_bytes = 512;
    model.queue_size = 2;
    EXPECT_FALSE(device.start());
    model.queue_size = 128;
    model.generation_changes = 1'000'000;  // never still
    EXPECT_FALSE(device.start());
    model.generation_changes = 0;
    EXPECT_TRUE(device.start());
}

TEST_F(DeviceTest, AHungDeviceFailsItsRequestsAndGoesOn) {
    ASSERT_TRUE(device.start());
    ASSERT_TRUE(submit(0, RequestType::Read, 0, 512));
    now += kTimeoutNs;
    service();
    EXPECT_TRUE(ended.empty());
    ASSERT_TRUE(submit(1, RequestType::Read, 0, 512));
    now += 1;
    service();
    ASSERT_EQ(slots_ended(), (std::vector{0u, 1u}));
    EXPECT_EQ(ended[0].outcome.error(), Error::IoError);
    EXPECT_EQ(device.resets(), 1u);
    ASSERT_TRUE(submit(0, RequestType::Read, 0, 512));
    model.work();
    service();
    ASSERT_EQ(ended.size(), 1u);
    EXPECT_TRUE(ended[0].outcome);
}

TEST_F(DeviceTest, OneThatDoesNotEvenResetIsOff) {
    ASSERT_TRUE(device.start());
    ASSERT_TRUE(submit(3, RequestType::Read, 0, 512));
    model.resets = false;
    now += kTimeoutNs + 1;
    service();
    ASSERT_EQ(slots_ended(), std::vector{3u});
    EXPECT_EQ(ended[0].outcome.error(), Error::NoDevice);
    EXPECT_FALSE(device.running());
    EXPECT_EQ(submit(3, RequestType::Read, 0, 512).error(), Error::NoDevice);
}

TEST_F(DeviceTest, OneThatAsksForAResetGetsIt) {
    ASSERT_TRUE(device.start());
    model.need_reset();
    service();
    EXPECT_EQ(device.resets(), 1u);
    EXPECT_TRUE(device.running());
}

TEST_F(DeviceTest, OneThatGrowsIsSeen) {
    ASSERT_TRUE(device.start());
    model.disk.resize(2 << 20);
    model.pending_causes = virtio::kInterruptConfiguration;
    service();
    EXPECT_EQ(device.geometry().size_bytes, uint64_t{2} << 20);
}

TEST_F(DeviceTest, OneThatAlwaysLiesIsGivenUp) {
    ASSERT_TRUE(device.start());
    for (unsigned i = 0; i <= Device::kResetsMax; ++i) {
        ASSERT_TRUE(submit(0, RequestType::Read, 0, 512));
        model.end(model.rings()[0], 77, 0);
        service();
        ASSERT_EQ(slots_ended(), std::vector{0u});
        EXPECT_FALSE(ended[0].outcome);
    }
    EXPECT_FALSE(device.running());
}

TEST_F(DeviceTest, AReadThatIsShortIsNoData) {
    ASSERT_TRUE(device.start());
    ASSERT_TRUE(submit(0, RequestType::Read, 0, 512));
    auto& ring = model.rings()[0];
    *model.at(ModelDevice::kPhysicalBase + Device::kQueuesMax * 4096 + 32) = std::byte{kDone};
    model.end(ring, 0, 100);
    service();
    ASSERT_EQ(ended.size(), 1u);
    EXPECT_EQ(ended[0].outcome.error(), Error::IoError);
}

/// A device that writes anything anywhere into the memory it was given, and into its configuration. Under the address sanitizer: nothing
/// else is touched, and each request ends once.
TEST_F(DeviceTest, AHostileDeviceEndsEachRequestOnce) {
    std::mt19937 random(11);
    for (unsigned round = 0; round < 150; ++round) {
        ModelDevice hostile(64 << 10);
        hostile.offered |= kFeatureQueues | kFeatureSectorSize | kFeatureDiscard;
        hostile.queues = static_cast<uint16_t>(1 + random() % 6);
        Device own(hostile, hostile.memory(), kTimeoutNs);
        (void)own.start();
        std::array<bool, Device::kSlots> pending{};
        uint64_t time = 0;
        for (unsigned step = 0; step < 400; ++step, time += random() % 100) {
            const unsigned slot = random() % Device::kSlots;
            switch (random() % 8) {
            case 0:
            case 1:
            case 2:
                if (!pending[slot])
                    pending[slot] =
                        own.submit(slot, {static_cast<RequestType>(random() % 2), 512 * (random() % 64), 512}, time).has_value();
                break;
            case 3:
                hostile.work(random() % 2 == 0);
                break;
            case 4:  // in rings, headers and states
                if (random() % 8 == 0 && !hostile.rings().empty())
                    hostile.end(hostile.rings().begin()->second, static_cast<uint32_t>(random() % 64),
                                static_cast<uint32_t>(random() % 1024));
                break;
            case 5:
                if (random() % 4 == 0) hostile.sector_bytes = random() % 8 == 0 ? static_cast<uint32_t>(random()) : 512;
                if (random() % 4 == 0) hostile.pending_causes = static_cast<uint32_t>(random() % 4);
                break;
            default:
                own.service(time, ended);
                for (const Device::Ended& each : ended) {
                    ASSERT_TRUE(pending[each.slot]) << "round " << round << " step " << step;
                    pending[each.slot] = false;
                }
                break;
            }
        }
        own.service(time + 2 * kTimeoutNs, ended);
        for (const Device::Ended& each : ended) pending[each.slot] = false;
        EXPECT_EQ(std::ranges::count(pending, true), 0) << "round " << round;
        EXPECT_EQ(own.pending(), 0u);
    }
}

}  // namespace
}  // namespace portico::virtio_blk
