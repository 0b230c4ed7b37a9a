#include "servers/file/tmp_directory.h"

#include <gtest/gtest.h>

#include "servers/file/directory_records.h"
#include "servers/file/test_memory.h"
#include "servers/file/tmp_file_system.h"

namespace portico::file_server {
namespace {

class TmpDirectoryTest : public testing::Test {
protected:
    /// The next `count` names behind `cookie`, which moves on.
    std::vector<std::string> some(uint64_t& cookie, size_t count) {
        std::vector<std::string> names;
        EXPECT_TRUE(root.root()->list(cookie, [&](const ListedEntry& entry) {
            if (names.size() == count) return false;
            names.emplace_back(entry.name);
            cookie = entry.cookie;
            return true;
        }));
        return names;
    }
    void add(std::string_view name) { ASSERT_TRUE(root.root()->create(name, {.kind = Kind::File})); }

    VectorMemorySource memory;
    TmpFileSystem root{1, memory, 0755};
};

using Names = std::vector<std::string>;

TEST_F(TmpDirectoryTest, ListsDotsFirst) {
    add("z");
    add("a");
    uint64_t cookie = 0;
    EXPECT_EQ(some(cookie, 10), (Names{".", "..", "z", "a"}));
    EXPECT_EQ(some(cookie, 10), Names{});
}

TEST_F(TmpDirectoryTest, CookiesSurviveChanges) {
    for (const char* name : {"a", "b", "c", "d"}) add(name);
    uint64_t cookie = 0;
    EXPECT_EQ(some(cookie, 4), (Names{".", "..", "a", "b"}));
    ASSERT_TRUE(root.root()->remove("b"));  // where the listing stands
    ASSERT_TRUE(root.root()->remove("a"));
    add("e");
    EXPECT_EQ(some(cookie, 1), Names{"c"});
    ASSERT_TRUE(root.root()->remove("d"));
    EXPECT_EQ(some(cookie, 10), Names{"e"});
    add("f");
    EXPECT_EQ(some(cookie, 10), Names{"f"});
}

TEST_F(TmpDirectoryTest, RemovingWhileListingSeesEverything) {
    for (int i = 0; i < 100; ++i) add("n" + std::to_string(i));
    uint64_t cookie = 2;
    size_t seen = 0;
    for (Names part = some(cookie, 7); !part.empty(); part = some(cookie, 7))
        for (const std::string& name : part) {
            ++seen;
            ASSERT_TRUE(root.root()->remove(name));
        }
    EXPECT_EQ(seen, 100u);
}

TEST_F(TmpDirectoryTest, Records) {
    std::array<std::byte, file::DirectoryEntry::bytes_of(8) + file::DirectoryEntry::bytes_of(9)> buffer;
    DirectoryRecords records(buffer);
    EXPECT_TRUE(records.add({.name = "12345678", .inode = 7, .cookie = 3, .kind = Kind::File}));
    EXPECT_TRUE(records.add({.name = "123456789", .inode = 8, .cookie = 4, .kind = Kind::File}));
    EXPECT_FALSE(records.add({.name = "x", .inode = 9, .cookie = 5, .kind = Kind::File}));
    EXPECT_EQ(records.last_cookie(), 4u);
    EXPECT_EQ(records.bytes().size(), buffer.size());
}

TEST_F(TmpDirectoryTest, FullMemoryRefusesNames) {
    memory.free_bytes = 100;
    EXPECT_EQ(root.root()->create("x", {.kind = Kind::File}).error(), Error::NoSpace);
    EXPECT_EQ(root.root()->lookup("x").error(), Error::NotFound);
}

TEST_F(TmpDirectoryTest, SetGroupIdIsInherited) {
    ASSERT_TRUE(root.root()->change(
        {.changes = static_cast<uint32_t>(file::Change::Group) | static_cast<uint32_t>(file::Change::Mode), .mode = 02755, .gid = 7}));
    const NodeRef directory = *root.root()->create("d", {.kind = Kind::Directory, .mode = 0755});
    EXPECT_EQ(directory->attributes().gid, 7u);
    EXPECT_EQ(directory->attributes().mode, 0042755u);
}

}  // namespace
}  // namespace portico::file_server
