#include "posix/files/directory_records.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "protocols/file.h"

namespace portico::posix {
namespace {

namespace file = protocols::file;

void append(std::vector<std::byte>& records, std::string_view name, uint64_t inode, file::Kind kind) {
    const size_t at = records.size();
    records.resize(at + file::DirectoryEntry::bytes_of(name.size()), std::byte{0xFF});
    file::DirectoryEntry::write(&records[at], inode, inode + 1000, kind, name);
}

template <class T>
T load(const std::vector<std::byte>& bytes, size_t at) {
    T value;
    std::memcpy(&value, &bytes[at], sizeof(value));
    return value;
}

TEST(DirectoryRecords, EntriesAreDirent64) {
    for (size_t length = 1; length <= file::kNameBytesMax; ++length) {
        const std::string name(length, 'n');
        std::vector<std::byte> records;
        append(records, name, 7, file::Kind::Directory);
        ASSERT_EQ(records.size() % 8, 0u);
        EXPECT_EQ(load<uint64_t>(records, 0), 7u);
        EXPECT_EQ(load<uint64_t>(records, 8), 1007u);
        EXPECT_EQ(load<uint16_t>(records, 16), records.size());
        EXPECT_EQ(load<uint8_t>(records, 18), 4u);
        EXPECT_STREQ(reinterpret_cast<const char*>(&records[19]), name.c_str());
        for (size_t at = 19 + length; at < records.size(); ++at) EXPECT_EQ(records[at], std::byte{0});
    }
}

TEST(DirectoryRecords, OldDirentHasTypeLast) {
    std::vector<std::byte> records;
    append(records, "pipe", 5, file::Kind::Fifo);
    append(records, "full", 6, file::Kind::File);
    append(records, "seventy", 7, file::Kind::File);
    EXPECT_EQ(make_old_entries(records), records.size());
    EXPECT_EQ(load<uint16_t>(records, 16), 24u);
    EXPECT_STREQ(reinterpret_cast<const char*>(&records[18]), "pipe");
    EXPECT_EQ(load<uint8_t>(records, 23), 1u);
    EXPECT_EQ(load<uint64_t>(records, 24), 6u);
    EXPECT_STREQ(reinterpret_cast<const char*>(&records[48 + 18]), "seventy");
    EXPECT_EQ(load<uint8_t>(records, records.size() - 1), 8u);
}

TEST(DirectoryRecords, DamagedRecordEndsIt) {
    std::vector<std::byte> records;
    append(records, "good", 1, file::Kind::File);
    append(records, "bad", 2, file::Kind::File);
    for (const uint16_t damaged : {uint16_t{0}, uint16_t{25}, uint16_t{200}}) {
        std::vector<std::byte> copy = records;
        std::memcpy(&copy[24 + 16], &damaged, sizeof(damaged));
        EXPECT_EQ(make_old_entries(copy), 24u);
    }
    EXPECT_EQ(make_old_entries(std::span(records).first(20)), 0u);
}

}  // namespace
}  // namespace portico::posix
