#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "posix/boot_block_builder.h"
#include "posix/boot_block_reader.h"

namespace portico::posix {
namespace {

TEST(BootBlock, ReadsBackWhatWasBuilt) {
    std::vector<std::byte> buffer(64 * 1024);
    BootBlockBuilder builder(buffer, 2, 3);
    builder.block().mode = abi::RuntimeMode::Posix;
    builder.block().pid = 7;
    builder.set_path("/bin/sh");
    builder.add_argument("sh");
    builder.add_argument("");
    const std::span<char> room = builder.reserve_argument(3);
    ASSERT_EQ(room.size(), 4u);
    std::memcpy(room.data(), "abc", 4);
    builder.add_environment("HOME=/root");
    builder.add_grant("archive", abi::Handle{42});
    builder.add_descriptor({.number = 1, .flags = 1, .kind = 4, .status = 2, .handle = {9}});
    ASSERT_TRUE(builder.finish());
    EXPECT_EQ(builder.block().block_bytes % abi::kPageBytes, 0u);

    const auto reader = BootBlockReader::open(buffer);
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->block().pid, 7);
    EXPECT_EQ(reader->path(), "/bin/sh");
    EXPECT_EQ(reader->arguments(), std::string_view("sh\0\0abc\0", 8));
    EXPECT_EQ(reader->block().argument_count, 3u);
    EXPECT_EQ(reader->environment(), std::string_view("HOME=/root\0", 11));
    EXPECT_EQ(reader->grant("archive").value, 42u);
    EXPECT_FALSE(reader->grant("nothing"));
    EXPECT_EQ(reader->descriptor(0).handle.value, 9u);
    EXPECT_EQ(reader->descriptor(0).flags, 1u);
    EXPECT_EQ(reader->descriptor(1).handle.value, 0u);
}

TEST(BootBlock, SaysWhenItDoesNotFit) {
    std::vector<std::byte> buffer(abi::kPageBytes);
    BootBlockBuilder builder(buffer, 0, 0);
    builder.add_argument(std::string(5000, 'x'));
    EXPECT_FALSE(builder.finish());

    BootBlockBuilder records(buffer, 0, 1);
    records.add_descriptor({});
    records.add_descriptor({});
    EXPECT_FALSE(records.finish());

    std::vector<std::byte> tiny(16);
    EXPECT_FALSE(BootBlockBuilder(tiny, 0, 0).finish());
}

TEST(BootBlock, ReaderDoesNotFollowBadOffsets) {
    std::vector<std::byte> buffer(2 * abi::kPageBytes);
    EXPECT_FALSE(BootBlockReader::open(buffer));
    abi::BootBlock block{.block_bytes = buffer.size(),
                         .program_path = 0xFFFF'FFF0,
                         .argument_count = 1000000,
                         .arguments = 400,
                         .descriptor_count = 0xFFFF'FFFF,
                         .descriptors = 0xFFFF'FF00};
    std::memcpy(buffer.data(), &block, sizeof(block));
    const auto reader = BootBlockReader::open(buffer);
    ASSERT_TRUE(reader);
    EXPECT_TRUE(reader->path().empty());
    EXPECT_TRUE(reader->arguments().empty());
    EXPECT_EQ(reader->descriptor(3).handle.value, 0u);
    block.block_bytes = buffer.size() + 1;
    std::memcpy(buffer.data(), &block, sizeof(block));
    EXPECT_FALSE(BootBlockReader::open(buffer));
}

}  // namespace
}  // namespace portico::posix
