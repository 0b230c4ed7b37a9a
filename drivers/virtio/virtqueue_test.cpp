#include "drivers/virtio/virtqueue.h"

#include <cstring>
#include <map>
#include <random>

namespace portico::virtio {
namespace {

/// A queue and the device's view of its memory, which a test may change as it likes.
class VirtqueueTest : public testing::Test {
protected:
    static constexpr uint16_t kSize = 8;

    RingLayout layout{kSize};
    alignas(16) std::array<std::byte, RingLayout(kSize).bytes> memory{};
    Virtqueue queue{memory, kSize};
    uint16_t device_available = 0, device_used = 0;

    template <class T>
    T& at(uint64_t offset) {
        return *reinterpret_cast<T*>(memory.data() + offset);
    }
    Descriptor& descriptor(uint16_t index) { return at<Descriptor>(index * sizeof(Descriptor)); }
    uint16_t available_index() { return at<uint16_t>(layout.available + 2); }
    uint16_t next_available() { return at<uint16_t>(layout.available + 4 + 2 * (device_available++ % kSize)); }
    void complete(uint32_t id, uint32_t length_bytes) {
        at<UsedElement>(layout.used + 4 + sizeof(UsedElement) * (device_used++ % kSize)) = {id, length_bytes};
        at<uint16_t>(layout.used + 2) = device_used;
    }
    Result<> add(uint64_t owner, unsigned pieces = 3) {
        std::vector<Virtqueue::Piece> chain(pieces, {.physical = owner << 12, .length_bytes = 16});
        chain.back().device_writes = true;
        return queue.add(chain, owner);
    }
    uint64_t taken() {
        const auto used = queue.take();
        return used && *used ? (*used)->owner : Virtqueue::kNobody;
    }
    Error taken_error() {
        const auto used = queue.take();
        return used ? Error::None : used.error();
    }
};

TEST_F(VirtqueueTest, AChainIsAsTheStandardHasIt) {
    const Virtqueue::Piece pieces[] = {{0x1000, 16, false}, {0x2000, 512, true}, {0x3000, 1, true}};
    ASSERT_TRUE(queue.add(pieces, 77));
    EXPECT_EQ(available_index(), 0) << "not shown yet";
    EXPECT_TRUE(queue.publish());
    EXPECT_FALSE(queue.publish()) << "nothing new";
    EXPECT_EQ(available_index(), 1);
    const uint16_t first = next_available();
    EXPECT_EQ(descriptor(first).address, 0x1000u);
    EXPECT_EQ(descriptor(first).flags, kDescriptorNext);
    const uint16_t second = descriptor(first).next;
    EXPECT_EQ(descriptor(second).length_bytes, 512u);
    EXPECT_EQ(descriptor(second).flags, kDescriptorNext | kDescriptorDeviceWrites);
    EXPECT_EQ(descriptor(descriptor(second).next).flags, kDescriptorDeviceWrites);
    EXPECT_EQ(taken(), Virtqueue::kNobody);
    complete(first, 513);
    const auto used = queue.take();
    ASSERT_TRUE(used && *used);
    EXPECT_EQ((*used)->owner, 77u);
    EXPECT_EQ((*used)->length_bytes, 513u);
    EXPECT_EQ(queue.free_count(), kSize);
}

TEST_F(VirtqueueTest, ADeviceThatLooksByItselfIsNotTold) {
    at<uint16_t>(layout.used) = 1;
    ASSERT_TRUE(add(1));
    EXPECT_FALSE(queue.publish());
    EXPECT_EQ(available_index(), 1);
}

TEST_F(VirtqueueTest, FullIsRefusedAndEndsMayComeInAnyOrder) {
    ASSERT_TRUE(add(1));
    ASSERT_TRUE(add(2));
    EXPECT_EQ(add(3).error(), Error::WouldBlock);
    ASSERT_TRUE(add(3, 2));
    EXPECT_EQ(queue.free_count(), 0);
    queue.publish();
    const uint16_t first = next_available(), second = next_available(), third = next_available();
    complete(second, 0);
    complete(third, 16);
    EXPECT_EQ(taken(), 2u);
    EXPECT_EQ(taken(), 3u);
    EXPECT_EQ(taken(), Virtqueue::kNobody);
    ASSERT_TRUE(add(4, 5)) << "out of what came back";
    complete(first, 1);
    EXPECT_EQ(taken(), 1u);
}

TEST_F(VirtqueueTest, NothingIsNoChain) {
    EXPECT_EQ(queue.add({}, 1).error(), Error::InvalidArgument);
    EXPECT_EQ(add(Virtqueue::kNobody).error(), Error::InvalidArgument);
}

TEST_F(VirtqueueTest, IndexesWrap) {
    for (uint32_t i = 0; i < 3 * 65536; ++i) {
        ASSERT_TRUE(add(i));
        queue.publish();
        complete(next_available(), 16);
        ASSERT_EQ(taken(), i);
    }
    EXPECT_EQ(queue.free_count(), kSize);
}

TEST_F(VirtqueueTest, AChainThatIsNotWithTheDeviceIsRefused) {
    ASSERT_TRUE(add(1));
    queue.publish();
    const uint16_t id = next_available();
    complete(descriptor(id).next, 0);  // the middle of one
    EXPECT_EQ(taken_error(), Error::BadProtocol);
    EXPECT_TRUE(queue.broken());
    complete(id, 0);
    EXPECT_EQ(taken_error(), Error::BadProtocol) << "for good";
    EXPECT_EQ(add(2).error(), Error::WouldBlock);
}

TEST_F(VirtqueueTest, ANumberThatIsNoneIsRefused) {
    for (const uint32_t id : {uint32_t{kSize}, 0xFFFFu, 0x1'0000u, ~0u}) {
        Virtqueue other(memory, kSize);
        memory.fill({});
        device_used = 0;
        const Virtqueue::Piece piece{0x1000, 16, true};
        ASSERT_TRUE(other.add({&piece, 1}, 1));
        complete(id, 0);
        const auto used = other.take();
        ASSERT_FALSE(used) << id;
        EXPECT_EQ(used.error(), Error::BadProtocol);
    }
}

TEST_F(VirtqueueTest, ADoubleEndIsRefused) {
    ASSERT_TRUE(add(1));
    ASSERT_TRUE(add(2));
    queue.publish();
    const uint16_t id = next_available();
    complete(id, 0);
    complete(id, 0);
    EXPECT_EQ(taken(), 1u);
    EXPECT_EQ(taken_error(), Error::BadProtocol);
}

TEST_F(VirtqueueTest, MoreBytesThanItWasGivenAreRefused) {
    ASSERT_TRUE(add(1));
    queue.publish();
    complete(next_available(), 17);
    EXPECT_EQ(taken_error(), Error::BadProtocol);
}

TEST_F(VirtqueueTest, AnIndexThatJumpsIsRefused) {
    ASSERT_TRUE(add(1));
    queue.publish();
    at<uint16_t>(layout.used + 2) = 4;
    EXPECT_EQ(taken_error(), Error::BadProtocol);
    Virtqueue idle(memory, kSize);
    at<uint16_t>(layout.used + 2) = 0xFFFF;  // backwards
    EXPECT_FALSE(idle.take());
}

/// Whatever the device writes anywhere into the ring, at any time: no access outside it (the address sanitizer looks on), and no owner is
/// told twice or without having been given.
TEST_F(VirtqueueTest, AHostileDeviceEndsNoChainTwice) {
    std::mt19937 random(7);
    for (unsigned round = 0; round < 3000; ++round) {
        memory.fill({});
        Virtqueue own(memory, kSize);
        std::map<uint64_t, bool> pending;
        uint64_t next_owner = 0;
        for (unsigned step = 0; step < 100 && !own.broken(); ++step) {
            switch (random() % 4) {
            case 0: {
                std::vector<Virtqueue::Piece> chain(1 + random() % 4,
                                                    {.physical = 0x1000, .length_bytes = 16, .device_writes = random() % 2 == 0});
                if (own.add(chain, next_owner)) pending[next_owner++] = true;
                own.publish();
                break;
            }
            case 1:
                memory[random() % memory.size()] = static_cast<std::byte>(random());
                break;
            case 2: {  // nearly honest, so that rounds last
                const auto index = at<uint16_t>(layout.used + 2);
                at<UsedElement>(layout.used + 4 + sizeof(UsedElement) * (index % kSize)) = {static_cast<uint32_t>(random() % kSize), 0};
                at<uint16_t>(layout.used + 2) = static_cast<uint16_t>(index + 1);
                break;
            }
            default: {
                const auto used = own.take();
                if (!used || !*used) break;
                ASSERT_TRUE(pending[(*used)->owner]) << "round " << round;
                pending[(*used)->owner] = false;
                break;
            }
            }
            ASSERT_LE(own.free_count(), kSize);
        }
    }
}

}  // namespace
}  // namespace portico::virtio
