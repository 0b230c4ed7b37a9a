#include "servers/file/tmp_file.h"

#include <gtest/gtest.h>

#include "servers/file/test_memory.h"
#include "servers/file/tmp_file_system.h"

namespace portico::file_server {
namespace {

class TmpFileTest : public testing::Test {
protected:
    TmpFile& make(std::string_view name) { return static_cast<TmpFile&>(**root.root()->create(name, {.kind = Kind::File, .mode = 0644})); }

    VectorMemorySource memory;
    TmpFileSystem root{1, memory, 0755};
};

TEST_F(TmpFileTest, ReadsWhatWasWritten) {
    TmpFile& file = make("f");
    EXPECT_EQ(read_all(file), "");
    EXPECT_EQ(*write_text(file, 0, "hello"), 5u);
    EXPECT_EQ(*write_text(file, 4, "p!"), 2u);
    EXPECT_EQ(read_all(file), "hellp!");
    EXPECT_EQ(read_all(file, 2, 2), "ll");
    EXPECT_EQ(read_all(file, 6), "");
    EXPECT_EQ(read_all(file, UINT64_MAX - 1), "");
    EXPECT_EQ(file.attributes().size_bytes, 6u);
}

TEST_F(TmpFileTest, HolesAreZero) {
    TmpFile& file = make("f");
    EXPECT_EQ(*write_text(file, 3, "x"), 1u);
    EXPECT_EQ(read_all(file), std::string("\0\0\0x", 4));
    EXPECT_TRUE(file.resize(1));
    EXPECT_TRUE(file.resize(4));
    EXPECT_EQ(read_all(file), std::string("\0\0\0\0", 4));
}

TEST_F(TmpFileTest, FailedWritesChangeNothing) {
    TmpFile& file = make("f");
    ASSERT_TRUE(write_text(file, 0, "abc"));
    BufferTransfer bad("defghi");
    bad.fails = true;
    EXPECT_EQ(file.write(bad, 3, 6).error(), Error::BadAddress);
    EXPECT_EQ(file.size_bytes(), 3u);
    EXPECT_EQ(read_all(file), "abc");
    EXPECT_EQ(write_text(file, TmpFile::kSizeBytesMax, "x").error(), Error::TooLarge);
    EXPECT_EQ(file.resize(TmpFile::kSizeBytesMax + 1).error(), Error::TooLarge);
    memory.free_bytes = 2;
    EXPECT_EQ(write_text(file, 3, "xyz").error(), Error::NoSpace);
    EXPECT_EQ(read_all(file), "abc");
}

TEST_F(TmpFileTest, OneTransferIsBounded) {
    TmpFile& file = make("f");
    const std::string large(3 << 20, 'x');
    EXPECT_EQ(*write_text(file, 0, large), Content::kTransferBytesMax);
    EXPECT_TRUE(file.resize(3 << 20));
    EXPECT_EQ(read_all(file, 0, 3 << 20).size(), Content::kTransferBytesMax);
}

TEST_F(TmpFileTest, ArchivedUntilWritten) {
    TmpFile& file = make("f");
    const std::string archived = "from the archive";
    file.set_archived(std::as_bytes(std::span(archived)));
    EXPECT_EQ(read_all(file, 5), "the archive");
    EXPECT_TRUE(file.resize(8));
    EXPECT_EQ(read_all(file), "from the");
    EXPECT_EQ(memory.archive_copies, 0u);
    EXPECT_TRUE(write_text(file, 0, "F"));
    EXPECT_EQ(memory.archive_copies, 1u);
    EXPECT_EQ(read_all(file), "From the");
    EXPECT_EQ(archived, "from the archive");
    EXPECT_TRUE(file.resize(10));
    EXPECT_EQ(read_all(file), std::string("From the\0\0", 10));
}

TEST_F(TmpFileTest, RemovedFileLivesWhileOpen) {
    TmpFile& file = make("f");
    const std::shared_ptr<Content> content = *file.content();
    ASSERT_TRUE(write_text(*content, 0, "still"));
    ASSERT_TRUE(root.root()->remove("f"));
    EXPECT_EQ(read_all(*content), "still");
    EXPECT_EQ(file.attributes().links, 0u);
    EXPECT_EQ(file.location().error(), Error::NotFound);
    EXPECT_EQ(root.root()->link("again", file).error(), Error::NotFound);
}

TEST_F(TmpFileTest, Attributes) {
    TmpFile& file = make("f");
    const uint32_t changes = static_cast<uint32_t>(file::Change::Mode) | static_cast<uint32_t>(file::Change::Owner) |
                             static_cast<uint32_t>(file::Change::ModifyTime);
    ASSERT_TRUE(file.change({.changes = changes, .mode = 0107755, .uid = 5, .gid = 6, .modify_ns = 123}));
    const Attributes attributes = file.attributes();
    EXPECT_EQ(attributes.mode, 0107755u);
    EXPECT_EQ(attributes.uid, 5u);
    EXPECT_EQ(attributes.gid, 0u);
    EXPECT_EQ(attributes.modify_ns, 123);
    EXPECT_GE(attributes.change_ns, attributes.birth_ns);
    ASSERT_TRUE(file.change({.changes = static_cast<uint32_t>(file::Change::Owner), .uid = 9}));
    EXPECT_EQ(file.attributes().mode, 0101755u) << "a new owner takes the set-id bits away";
}

}  // namespace
}  // namespace portico::file_server
