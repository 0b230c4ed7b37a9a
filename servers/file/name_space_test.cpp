#include "servers/file/name_space.h"

#include <gtest/gtest.h>

#include "servers/file/test_memory.h"
#include "servers/file/tmp_file_system.h"

namespace portico::file_server {
namespace {

class NameSpaceTest : public testing::Test {
protected:
    NameSpaceTest() {
        for (const char* path : {"/d", "/d/e", "/d/e/f", "/empty", "/mnt"}) make(path, Kind::Directory);
        for (const char* path : {"/file", "/d/file"}) make(path, Kind::File);
        EXPECT_TRUE(names.mount("/mnt", other));
    }
    void make(std::string_view path, Kind kind) { ASSERT_TRUE(names.make(names.root(), path, {.kind = kind, .mode = 0755})) << path; }
    NodeRef at(std::string_view path) {
        const auto node = names.find(names.root(), path, FinalLink::Keep);
        return node ? *node : nullptr;
    }
    Error open(std::string_view path, uint32_t flags) {
        const auto opened = names.open(names.root(), path, flags, 0644);
        return opened ? Error::None : opened.error();
    }
    Error rename(std::string_view from, std::string_view to, uint64_t flags = 0) {
        const auto renamed = names.rename(names.root(), from, names.root(), to, flags);
        return renamed ? Error::None : renamed.error();
    }
    Error remove(std::string_view path, bool directory) {
        const auto removed = names.remove(names.root(), path, directory);
        return removed ? Error::None : removed.error();
    }
    Error link(std::string_view from, std::string_view to, FinalLink final_link = FinalLink::Keep) {
        const auto linked = names.link(names.root(), from, names.root(), to, final_link);
        return linked ? Error::None : linked.error();
    }

    VectorMemorySource memory;
    TmpFileSystem root{1, memory, 0755};
    TmpFileSystem other{2, memory, 0755};
    NameSpace names{root};
};

TEST_F(NameSpaceTest, OpenFlags) {
    using namespace file;
    EXPECT_EQ(open("/file", kReadWrite), Error::None);
    EXPECT_EQ(open("/file", kCreate | kExclusive), Error::Exists);
    EXPECT_EQ(open("/", kCreate | kExclusive), Error::Exists);
    EXPECT_EQ(open("/file", kDirectory), Error::NotDirectory);
    EXPECT_EQ(open("/d", kDirectory), Error::None);
    EXPECT_EQ(open("/d", kWriteOnly), Error::IsDirectory);
    EXPECT_EQ(open("/d", kCreate), Error::IsDirectory);
    EXPECT_EQ(open("/new/", kCreate), Error::IsDirectory);
    EXPECT_EQ(open("/none", kReadOnly), Error::NotFound);
    EXPECT_EQ(open("/none", kCreate | kPathOnly), Error::NotFound);
    EXPECT_EQ(open("/none/below", kCreate), Error::NotFound);
    EXPECT_EQ(open("/new", kCreate | kWriteOnly), Error::None);
    EXPECT_EQ(at("/new")->attributes().mode, 0100644u);
}

TEST_F(NameSpaceTest, OpenThroughLinks) {
    using namespace file;
    ASSERT_TRUE(names.make(names.root(), "/link", {.kind = Kind::SymbolicLink, .target = "d/made"}));
    EXPECT_EQ(open("/link", kReadOnly), Error::NotFound);
    EXPECT_EQ(open("/link", kCreate | kExclusive), Error::Exists);
    EXPECT_EQ(open("/link", kNoFollow), Error::TooManyLinks);
    EXPECT_EQ(open("/link", kNoFollow | kPathOnly), Error::None);
    EXPECT_EQ(open("/link", kCreate), Error::None);
    EXPECT_NE(at("/d/made"), nullptr);
}

TEST_F(NameSpaceTest, MakeAndRemove) {
    EXPECT_EQ(names.make(names.root(), "/d", {.kind = Kind::Directory}).error(), Error::Exists);
    EXPECT_EQ(names.make(names.root(), "/d/.", {.kind = Kind::Directory}).error(), Error::Exists);
    EXPECT_TRUE(names.make(names.root(), "/slash/", {.kind = Kind::Directory}));
    EXPECT_EQ(names.make(names.root(), "/fifo/", {.kind = Kind::Fifo}).error(), Error::NotFound);
    EXPECT_EQ(remove("/d", true), Error::NotEmpty);
    EXPECT_EQ(remove("/d", false), Error::IsDirectory);
    EXPECT_EQ(remove("/file", true), Error::NotDirectory);
    EXPECT_EQ(remove("/empty/.", true), Error::InvalidArgument);
    EXPECT_EQ(remove("/empty/..", true), Error::NotEmpty);
    EXPECT_EQ(remove("/", true), Error::Busy);
    EXPECT_EQ(remove("/empty", true), Error::None);
    EXPECT_EQ(remove("/empty", true), Error::NotFound);
    EXPECT_EQ(remove("/file", false), Error::None);
}

TEST_F(NameSpaceTest, Rename) {
    const NodeRef file = at("/file");
    EXPECT_EQ(rename("/file", "/d/moved"), Error::None);
    EXPECT_EQ(at("/d/moved"), file);
    EXPECT_EQ(*names.path_of(file), "/d/moved");
    EXPECT_EQ(rename("/d/moved", "/d/file"), Error::None);
    EXPECT_EQ(at("/d/file"), file);
    EXPECT_EQ(rename("/none", "/x"), Error::NotFound);
    EXPECT_EQ(rename("/d/file", "/empty"), Error::IsDirectory);
    EXPECT_EQ(rename("/empty", "/d/file"), Error::NotDirectory);
    EXPECT_EQ(rename("/empty", "/d"), Error::NotEmpty);
    EXPECT_EQ(rename("/d/e", "/empty"), Error::None);
    EXPECT_NE(at("/empty/f"), nullptr);
    EXPECT_EQ(rename("/d/file", "/mnt/file"), Error::CrossDevice);
    EXPECT_EQ(rename("/mnt", "/m2"), Error::Busy);
    EXPECT_EQ(rename("/d/.", "/x"), Error::Busy);
    EXPECT_EQ(rename("/d/file", "/x/"), Error::NotDirectory);
    EXPECT_EQ(rename("/d", "/x/"), Error::None);
    EXPECT_EQ(rename("/x", "/y", 4), Error::InvalidArgument);
}

TEST_F(NameSpaceTest, RenameMakesNoCycle) {
    EXPECT_EQ(rename("/d", "/d/e/f/d"), Error::InvalidArgument);
    EXPECT_EQ(rename("/d", "/d/e"), Error::InvalidArgument);
    EXPECT_EQ(rename("/d/e/f", "/d"), Error::NotEmpty);
    EXPECT_EQ(rename("/d/e/f", "/d", 2), Error::InvalidArgument);
    EXPECT_EQ(rename("/d", "/d"), Error::None);
}

TEST_F(NameSpaceTest, RenameFlags) {
    const NodeRef file = at("/file");
    const NodeRef directory = at("/empty");
    EXPECT_EQ(rename("/file", "/empty", 1), Error::Exists);
    EXPECT_EQ(rename("/file", "/none", 2), Error::NotFound);
    EXPECT_EQ(rename("/file", "/d/e", 2), Error::None);
    EXPECT_EQ(at("/d/e"), file);
    EXPECT_NE(at("/file/f"), nullptr);
    EXPECT_EQ(at("/d")->attributes().links, 2u);
    EXPECT_EQ(rename("/empty", "/other", 1), Error::None);
    EXPECT_EQ(at("/other"), directory);
}

TEST_F(NameSpaceTest, Links) {
    EXPECT_EQ(link("/file", "/second"), Error::None);
    EXPECT_EQ(at("/second"), at("/file"));
    EXPECT_EQ(at("/file")->attributes().links, 2u);
    EXPECT_EQ(rename("/file", "/second"), Error::None);  // one file: nothing happens
    EXPECT_NE(at("/file"), nullptr);
    EXPECT_EQ(remove("/file", false), Error::None);
    EXPECT_EQ(at("/second")->attributes().links, 1u);
    EXPECT_EQ(link("/d", "/d2"), Error::AccessDenied);
    EXPECT_EQ(link("/second", "/d/file"), Error::Exists);
    EXPECT_EQ(link("/second", "/mnt/file"), Error::CrossDevice);
    ASSERT_TRUE(names.make(names.root(), "/link", {.kind = Kind::SymbolicLink, .target = "second"}));
    EXPECT_EQ(link("/link", "/to_link"), Error::None);
    EXPECT_EQ(at("/to_link")->kind(), Kind::SymbolicLink);
    EXPECT_EQ(link("/link", "/to_file", FinalLink::Follow), Error::None);
    EXPECT_EQ(at("/to_file"), at("/second"));
}

TEST_F(NameSpaceTest, AFileWithoutANameCanGetOne) {
    using namespace file;
    EXPECT_EQ(open("/file", kTemporary | kReadWrite), Error::NotDirectory);
    const auto opened = names.open(names.root(), "/d", kTemporary | kReadWrite, 0600);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->node->attributes().links, 0u);
    EXPECT_EQ(names.path_of(opened->node).error(), Error::NotFound);
    ASSERT_TRUE(names.link(opened->node, "", names.root(), "/d/named", FinalLink::Keep));
    EXPECT_EQ(at("/d/named"), opened->node);
    EXPECT_EQ(opened->node->attributes().links, 1u);
}

TEST_F(NameSpaceTest, DirectoryLinkCounts) {
    EXPECT_EQ(names.root()->attributes().links, 2u + 3u);
    EXPECT_EQ(at("/d")->attributes().links, 3u);
    EXPECT_EQ(rename("/d/e", "/e"), Error::None);
    EXPECT_EQ(at("/d")->attributes().links, 2u);
    EXPECT_EQ(names.root()->attributes().links, 2u + 4u);
    EXPECT_EQ(*names.path_of(at("/e/f")), "/e/f");
}

}  // namespace
}  // namespace portico::file_server
