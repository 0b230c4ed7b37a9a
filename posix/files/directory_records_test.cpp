#include "posix/files/directory_records.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "protocols/file.h"

namespace portico::posix {
namespace {

namespace file = protocols::file;

void append(std::vector<std::byte>& records, std::string_view name, uint64_t inode, file::Kind kind) {
    const size_t at = records.size();
    const file::DirectoryEntry entry{
        .inode = inode, .next_cookie = inode + 1000, .kind = static_cast<uint32_t>(kind), .name_bytes = static_cast<uint32_t>(name.size())};
    records.resize(at + sizeof(entry) + (name.size() + 7) / 8 * 8);
    std::memcpy(&records[at], &entry, sizeof(entry));
    std::memcpy(&records[at] + sizeof(entry), name.data(), name.size());
}

template <class T>
T load(const std::vector<std::byte>& bytes, size_t at) {
    T value;
    std::memcpy(&value, &bytes[at], sizeof(value));
    return value;
}

TEST(DirectoryRecords, Dirent64) {
    std::vector<std::byte> records;
    append(records, "a", 1, file::Kind::Directory);
    append(records, "longer-name", 2, file::Kind::File);
    std::vector<std::byte> output(records.size());
    const TranslatedEntries done = translate_entries(records, output, DirentFormat::Dirent64);
    EXPECT_EQ(done.input_bytes, records.size());
    EXPECT_EQ(done.next_cookie, 1002u);
    EXPECT_EQ(load<uint64_t>(output, 0), 1u);
    EXPECT_EQ(load<uint64_t>(output, 8), 1001u);
    const auto length = load<uint16_t>(output, 16);
    EXPECT_EQ(length, 24u);
    EXPECT_EQ(load<uint8_t>(output, 18), 4u);
    EXPECT_STREQ(reinterpret_cast<const char*>(&output[19]), "a");
    EXPECT_EQ(load<uint8_t>(output, length + 18u), 8u);
    EXPECT_STREQ(reinterpret_cast<const char*>(&output[length + 19u]), "longer-name");
    EXPECT_EQ(done.output_bytes, uint64_t{length} + load<uint16_t>(output, length + 16u));
}

TEST(DirectoryRecords, OldDirentHasTypeLast) {
    std::vector<std::byte> records;
    append(records, "pipe", 5, file::Kind::Fifo);
    std::vector<std::byte> output(64);
    const TranslatedEntries done = translate_entries(records, output, DirentFormat::Dirent);
    EXPECT_EQ(done.output_bytes, 24u);
    EXPECT_STREQ(reinterpret_cast<const char*>(&output[18]), "pipe");
    EXPECT_EQ(load<uint8_t>(output, 23), 1u);
}

TEST(DirectoryRecords, StopsWhereTheOutputIsFull) {
    std::vector<std::byte> records;
    append(records, "first", 1, file::Kind::File);
    append(records, "second", 2, file::Kind::File);
    std::vector<std::byte> output(40);
    const TranslatedEntries done = translate_entries(records, output, DirentFormat::Dirent64);
    EXPECT_EQ(done.input_bytes, 32u);
    EXPECT_EQ(done.next_cookie, 1001u);
    EXPECT_EQ(translate_entries(records, std::span(output).first(8), DirentFormat::Dirent64).input_bytes, 0u);
}

TEST(DirectoryRecords, DamagedRecordEndsIt) {
    std::vector<std::byte> records;
    append(records, "good", 1, file::Kind::File);
    append(records, "bad", 2, file::Kind::File);
    const uint32_t beyond = 200;
    std::memcpy(&records[32 + 20], &beyond, sizeof(beyond));
    std::vector<std::byte> output(1024);
    EXPECT_EQ(translate_entries(records, output, DirentFormat::Dirent64).input_bytes, 32u);
    EXPECT_EQ(translate_entries(std::span(records).first(20), output, DirentFormat::Dirent64).input_bytes, 0u);
}

}  // namespace
}  // namespace portico::posix
