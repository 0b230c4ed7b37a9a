#include "servers/file/archive_loader.h"

#include <gtest/gtest.h>

#include "servers/file/test_memory.h"

namespace portico::file_server {
namespace {

struct Packed {
    std::string name;
    uint32_t mode = 0;
    std::string data{};
    uint32_t inode = 0, links = 1, device_major = 0, device_minor = 0;
};

std::string pack(const std::vector<Packed>& entries) {
    std::string archive;
    const auto align = [&] { archive.resize((archive.size() + 3) & ~size_t{3}); };
    for (const Packed& entry : entries) {
        char header[111];
        snprintf(header, sizeof header, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", entry.inode, entry.mode, 3u, 4u,
                 entry.links, 1000u, entry.data.size(), 0u, 0u, entry.device_major, entry.device_minor, entry.name.size() + 1, 0u);
        archive += header + entry.name + '\0';
        align();
        archive += entry.data;
        align();
    }
    return archive;
}

class ArchiveLoaderTest : public testing::Test {
protected:
    ArchiveLoader::Count load(const std::vector<Packed>& entries) {
        archive = pack(entries);
        return ArchiveLoader(root).load({reinterpret_cast<const uint8_t*>(archive.data()), archive.size()}, "root/");
    }
    NodeRef at(std::string_view directory, std::string_view name) {
        const NodeRef above = directory.empty() ? root.root() : *root.root()->lookup(directory);
        const auto node = above->lookup(name);
        return node ? *node : nullptr;
    }

    VectorMemorySource memory;
    std::string archive;
    TmpFileSystem root{1, memory, 0755};
};

TEST_F(ArchiveLoaderTest, PlacesEverything) {
    const auto count = load({{"boot/init", 0100755, "skip"},
                             {"rootless", 0100644, "skip"},
                             {"root", 0040711},
                             {"root/bin", 0040755},
                             {"root/bin/sh", 0100755, "#!"},
                             {"root/etc/deep/file", 0100600, "made on the way"},
                             {"root/bin/link", 0120777, "sh"},
                             {"root/null", 0020666, "", 0, 1, 1, 3},
                             {"TRAILER!!!", 0},
                             {"root/joined", 0100644, "second archive"}});
    EXPECT_EQ(count.loaded, 7u);
    EXPECT_EQ(count.skipped, 0u);
    EXPECT_EQ(root.root()->attributes().mode, 0040711u);
    EXPECT_EQ(at("", "boot"), nullptr);
    const NodeRef shell = at("bin", "sh");
    EXPECT_EQ(read_all(**shell->content()), "#!");
    EXPECT_EQ(shell->attributes().mode, 0100755u);
    EXPECT_EQ(shell->attributes().uid, 3u);
    EXPECT_EQ(shell->attributes().gid, 4u);
    EXPECT_EQ(shell->attributes().modify_ns, 1'000'000'000'000);
    EXPECT_EQ(*at("bin", "link")->target(), "sh");
    EXPECT_EQ(at("", "null")->attributes().special_device, 0x103u);
    EXPECT_NE(at("etc", "deep"), nullptr);
    EXPECT_EQ(read_all(**at("", "joined")->content()), "second archive");
    EXPECT_EQ(memory.archive_copies, 0u);
}

TEST_F(ArchiveLoaderTest, HardLinksShareTheLastOnesData) {
    load({{"root/a", 0100644, "", 9, 3},
          {"root/b", 0100644, "", 9, 3},
          {"root/c", 0100644, "shared", 9, 3},
          {"root/d", 0100644, "other", 9, 2}});  // the number comes again
    EXPECT_EQ(at("", "a"), at("", "c"));
    EXPECT_EQ(at("", "a")->attributes().links, 3u);
    EXPECT_EQ(read_all(**at("", "b")->content()), "shared");
    EXPECT_NE(at("", "d"), at("", "a"));
}

TEST_F(ArchiveLoaderTest, BadNamesAreSkippedAndLaterEntriesWin) {
    const auto count = load({{"root/../escape", 0100644, "x"},
                             {"root/file", 0100644, "old"},
                             {"root/file/below", 0100644, "x"},
                             {"root/file", 0100644, "new"},
                             {"root/strange", 0000644, "x"}});
    EXPECT_EQ(count.skipped, 3u);
    EXPECT_EQ(read_all(**at("", "file")->content()), "new");
    EXPECT_EQ(at("", "strange"), nullptr);
}

}  // namespace
}  // namespace portico::file_server
