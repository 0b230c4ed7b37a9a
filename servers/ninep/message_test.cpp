#include "servers/ninep/message.h"

#include <array>
#include <random>

#include "servers/ninep/host_error.h"
#include "servers/ninep/session.h"

namespace portico::ninep {
namespace {

TEST(MessageTest, WhatIsWrittenIsRead) {
    std::array<std::byte, 64> bytes{};
    MessageWriter writer(bytes, Request::Walk, 7);
    writer.put(uint32_t{1}).put(uint16_t{2}).put(std::string_view("name")).put(Time{3, 4});
    const size_t size = writer.finish();
    ASSERT_EQ(size, 7u + 4 + 2 + 6 + 16);
    MessageReader reader(std::span(bytes).first(size));
    EXPECT_EQ(reader.get<uint32_t>(), size);
    EXPECT_EQ(reader.get<uint8_t>(), 110);
    EXPECT_EQ(reader.get<uint16_t>(), 7);
    EXPECT_EQ(reader.get<uint32_t>(), 1u);
    EXPECT_EQ(reader.get<uint16_t>(), 2);
    EXPECT_EQ(reader.text(), "name");
    EXPECT_EQ(reader.time().nanoseconds, 4u);
    EXPECT_EQ(reader.left(), 0u);
    EXPECT_FALSE(reader.failed());
    EXPECT_EQ(reader.get<uint8_t>(), 0);
    EXPECT_TRUE(reader.failed());
}

TEST(MessageTest, NothingGoesBeyondTheBuffer) {
    const std::string long_text(70'000, 'x');
    for (size_t room = kHeaderBytes; room < 40; ++room) {
        std::vector<std::byte> bytes(room);
        MessageWriter writer(bytes, Request::Attach, 1);
        writer.put(uint64_t{1}).put(std::string_view("twelve bytes")).put(uint32_t{1});
        EXPECT_EQ(writer.finish(), room >= 33 ? 33u : 0u) << room;
    }
    std::vector<std::byte> bytes(100'000);
    MessageWriter writer(bytes, Request::Attach, 1);
    writer.put(std::string_view(long_text));
    EXPECT_EQ(writer.finish(), 0u) << "longer than a string can be";
}

TEST(MessageTest, AnyBytesCanBeRead) {
    std::mt19937 random(5);
    for (unsigned round = 0; round < 20'000; ++round) {
        std::vector<std::byte> bytes(random() % 40);
        for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() % (round % 2 != 0 ? 256 : 8));
        MessageReader reader(bytes);
        size_t taken = 0;
        for (unsigned step = 0; step < 8; ++step) {
            switch (random() % 4) {
            case 0:
                (void)reader.get<uint64_t>();
                break;
            case 1:
                taken += reader.text().size();
                break;
            case 2:
                (void)reader.qid();
                break;
            default:
                taken += reader.take(random() % 20).size();
                break;
            }
        }
        EXPECT_LE(taken, bytes.size());
    }
}

TEST(HostErrorTest, EveryNumberMeansAnErrorThatIsNoDeath) {
    for (uint32_t number = 0; number < 300; ++number) {
        const Error error = error_of(number);
        EXPECT_NE(error, Error::None) << number;
        EXPECT_FALSE(Session::is_death(error)) << number;
    }
    EXPECT_EQ(error_of(2), Error::NotFound);
    EXPECT_EQ(error_of(30), Error::ReadOnly);
    EXPECT_EQ(error_of(28), Error::NoSpace);
    EXPECT_EQ(error_of(~0u), Error::IoError);
}

}  // namespace
}  // namespace portico::ninep
