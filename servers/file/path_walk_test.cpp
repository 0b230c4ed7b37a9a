#include <gtest/gtest.h>

#include "servers/file/name_space.h"
#include "servers/file/test_memory.h"
#include "servers/file/tmp_file_system.h"

namespace portico::file_server {
namespace {

class PathWalkTest : public testing::Test {
protected:
    PathWalkTest() {
        make("/a", Kind::Directory);
        make("/a/b", Kind::Directory);
        make("/a/b/file", Kind::File);
        make("/mnt", Kind::Directory);
        EXPECT_TRUE(names.mount("/mnt", other));
        make("/mnt/inside", Kind::Directory);
    }
    void make(std::string_view path, Kind kind) { ASSERT_TRUE(names.make(names.root(), path, {.kind = kind, .mode = 0755})) << path; }
    void link(std::string_view path, std::string_view target) {
        ASSERT_TRUE(names.make(names.root(), path, {.kind = Kind::SymbolicLink, .target = target})) << path;
    }
    Error error_of(std::string_view path, FinalLink final_link = FinalLink::Follow) {
        const auto node = names.find(names.root(), path, final_link);
        return node ? Error::None : node.error();
    }
    NodeRef at(std::string_view path) {
        const auto node = names.find(names.root(), path, FinalLink::Follow);
        return node ? *node : nullptr;
    }

    VectorMemorySource memory;
    TmpFileSystem root{1, memory, 0755};
    TmpFileSystem other{2, memory, 0755};
    TmpFileSystem unmounted{3, memory, 0755};
    NameSpace names{root};
};

TEST_F(PathWalkTest, PlainPaths) {
    EXPECT_EQ(at("/"), names.root());
    EXPECT_EQ(at("//a///b/."), at("/a/b"));
    EXPECT_EQ(at("/a/b/.."), at("/a"));
    EXPECT_EQ(at("/../../.."), names.root());
    EXPECT_EQ(*names.find(at("/a"), "b/file", FinalLink::Follow), at("/a/b/file"));
    EXPECT_EQ(error_of(""), Error::NotFound);
    EXPECT_EQ(error_of("/nothing"), Error::NotFound);
    EXPECT_EQ(error_of("/nothing/below"), Error::NotFound);
    EXPECT_EQ(error_of("/a/b/file/below"), Error::NotDirectory);
    EXPECT_EQ(error_of("/a/b/file/.."), Error::NotDirectory);
    EXPECT_EQ(error_of("/a/b/file/"), Error::NotDirectory);
    EXPECT_EQ(error_of("/a/b/"), Error::None);
    EXPECT_EQ(error_of("/" + std::string(256, 'x')), Error::NameTooLong);
    EXPECT_EQ(error_of(std::string_view("/a\0b", 4)), Error::InvalidArgument);
}

TEST_F(PathWalkTest, SymbolicLinks) {
    link("/to_b", "a/b");
    link("/a/up", "../a/b/file");
    link("/absolute", "/a");
    link("/dangling", "/a/new");
    EXPECT_EQ(at("/to_b/file"), at("/a/b/file"));
    EXPECT_EQ(at("/a/up"), at("/a/b/file"));
    EXPECT_EQ(at("/absolute/b"), at("/a/b"));
    EXPECT_EQ(error_of("/dangling"), Error::NotFound);
    EXPECT_EQ((*names.find(names.root(), "/to_b", FinalLink::Keep))->kind(), Kind::SymbolicLink);
    EXPECT_EQ(*names.find(names.root(), "/to_b/", FinalLink::Keep), at("/a/b"));  // a slash asks for the directory
    EXPECT_EQ(error_of("/a/up/"), Error::NotDirectory);
}

TEST_F(PathWalkTest, LinksEnd) {
    link("/loop1", "/loop2");
    link("/loop2", "/loop1");
    EXPECT_EQ(error_of("/loop1"), Error::TooManyLinks);
    EXPECT_EQ(error_of("/loop1/x"), Error::TooManyLinks);
    link("/l0", "/a");
    for (int i = 1; i < 41; ++i) link("/l" + std::to_string(i), "/l" + std::to_string(i - 1));
    EXPECT_EQ(at("/l39"), at("/a"));
    EXPECT_EQ(error_of("/l40"), Error::TooManyLinks);
}

TEST_F(PathWalkTest, Mounts) {
    EXPECT_EQ(at("/mnt"), other.root());
    EXPECT_EQ(at("/mnt/.."), names.root());
    EXPECT_EQ(at("/mnt/inside/../../a"), at("/a"));
    EXPECT_EQ(*names.path_of(at("/mnt/inside")), "/mnt/inside");
    EXPECT_EQ(*names.path_of(at("/mnt")), "/mnt");
    EXPECT_EQ(*names.path_of(names.root()), "/");
    EXPECT_EQ(*names.path_of(at("/a/b/file")), "/a/b/file");
    EXPECT_EQ(names.mount("/mnt", other).error(), Error::Busy);
    EXPECT_EQ(names.remove(names.root(), "/mnt", true).error(), Error::Busy);
}

TEST_F(PathWalkTest, RemembersDirectoriesWhileTheyStay) {
    const NodeRef file = at("/a/b/file");
    link("/way", "/a");
    EXPECT_EQ(at("/way/b/file"), file);
    EXPECT_EQ(at("/way/b/file"), file);
    ASSERT_TRUE(names.rename(names.root(), "/a/b", names.root(), "/a/moved", 0));
    EXPECT_EQ(error_of("/a/b/file"), Error::NotFound);
    EXPECT_EQ(error_of("/way/b/file"), Error::NotFound);
    EXPECT_EQ(at("/way/moved/file"), file);
    ASSERT_TRUE(names.remove(names.root(), "/way", false));
    EXPECT_EQ(error_of("/way/moved/file"), Error::NotFound);
    link("/way", "/mnt");
    EXPECT_EQ(error_of("/way/moved/file"), Error::NotFound);
    EXPECT_EQ(at("/way/inside"), at("/mnt/inside"));
    EXPECT_EQ(at("/a/moved/file"), file);
    ASSERT_TRUE(names.mount("/a/moved", unmounted));
    EXPECT_EQ(error_of("/a/moved/file"), Error::NotFound);
}

TEST_F(PathWalkTest, KeepsNoDirectoryAliveThatWasRemoved) {
    make("/a/short", Kind::Directory);
    EXPECT_EQ(error_of("/a/short/none"), Error::NotFound);  // its directory is remembered
    std::weak_ptr<Node> directory = at("/a/short");
    ASSERT_TRUE(names.remove(names.root(), "/a/short", true));
    EXPECT_TRUE(directory.expired());
}

TEST_F(PathWalkTest, RemovedDirectory) {
    make("/a/gone", Kind::Directory);
    const NodeRef gone = at("/a/gone");
    ASSERT_TRUE(names.remove(names.root(), "/a/gone", true));
    EXPECT_EQ(names.path_of(gone).error(), Error::NotFound);
    EXPECT_EQ(names.make(gone, "x", {.kind = Kind::File}).error(), Error::NotFound);
    EXPECT_EQ(*names.find(gone, "..", FinalLink::Follow), at("/a"));
    EXPECT_EQ(gone->attributes().links, 0u);
}

}  // namespace
}  // namespace portico::file_server
