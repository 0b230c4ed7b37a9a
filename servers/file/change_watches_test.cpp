#include "servers/file/change_watches.h"

#include <gtest/gtest.h>

#include "servers/file/name_space.h"
#include "servers/file/test_memory.h"
#include "servers/file/tmp_file_system.h"

namespace portico::file_server {
namespace {

constexpr uint64_t kWatcher = 20;

class ChangeWatchesTest : public testing::Test {
protected:
    ChangeWatchesTest() {
        names_.changes().add_watcher(kWatcher);
        EXPECT_TRUE(names_.make(names_.root(), "/d", {.kind = Kind::Directory, .mode = 0755}));
    }
    NodeRef node(std::string_view path) { return *names_.find(names_.root(), path, FinalLink::Follow); }
    int32_t watch(std::string_view path, uint32_t mask = change::kAllEvents) {
        return *names_.changes().watch(kWatcher, *node(path), mask);
    }
    NodeRef create(std::string_view path) { return names_.open(names_.root(), path, file::kCreate | file::kWriteOnly, 0644)->node; }

    /// What was told since the last time, as "watch mask name".
    std::vector<std::string> told() {
        std::vector<std::string> lines;
        const auto watcher = names_.changes().find(kWatcher);
        for (const ChangeEvent& event : watcher->events())
            lines.push_back(std::to_string(event.watch) + " " + std::to_string(event.mask & ~change::kIsDirectory) + " " + event.name);
        watcher->consume(watcher->events().size());
        return lines;
    }
    static std::string line(int32_t watch, uint32_t mask, const std::string& name = "") {
        return std::to_string(watch) + " " + std::to_string(mask) + " " + name;
    }
    using Lines = std::vector<std::string>;

    VectorMemorySource memory_;
    TmpFileSystem file_system_{1, memory_, 0755};
    NameSpace names_{file_system_};
};

TEST_F(ChangeWatchesTest, ADirectorysWatchHearsOfItsEntriesByName) {
    const int32_t number = watch("/d");
    const NodeRef file = create("/d/a");
    names_.changes().happened(*file, change::kModify);
    ASSERT_TRUE(names_.rename(names_.root(), "/d/a", names_.root(), "/d/b", 0));
    ASSERT_TRUE(names_.remove(names_.root(), "/d/b", false));
    EXPECT_EQ(told(), (Lines{line(number, change::kCreate, "a"), line(number, change::kModify, "a"), line(number, change::kMovedFrom, "a"),
                             line(number, change::kMovedTo, "b"), line(number, change::kDelete, "b")}));
}

TEST_F(ChangeWatchesTest, AFilesWatchEndsWithItsLastName) {
    create("/d/a");
    const int32_t number = watch("/d/a");
    ASSERT_TRUE(names_.link(names_.root(), "/d/a", names_.root(), "/d/b", FinalLink::Keep));
    ASSERT_TRUE(names_.remove(names_.root(), "/d/a", false));
    EXPECT_EQ(told(), Lines{});
    ASSERT_TRUE(names_.remove(names_.root(), "/d/b", false));
    EXPECT_EQ(told(), (Lines{line(number, change::kDeleteSelf), line(number, change::kIgnored)}));
    EXPECT_EQ(names_.changes().unwatch(kWatcher, number).error(), Error::InvalidArgument);
}

TEST_F(ChangeWatchesTest, WhatWasNotAskedForIsNotTold) {
    watch("/d", change::kDelete);
    create("/d/a");
    EXPECT_EQ(told(), Lines{});
}

TEST_F(ChangeWatchesTest, AWatchOfTheSameFileKeepsItsNumberAndChangesItsMask) {
    const int32_t number = watch("/d", change::kCreate);
    EXPECT_EQ(watch("/d", change::kDelete | change::kAdd), number);
    create("/d/a");
    EXPECT_EQ(told().size(), 1u);
    EXPECT_EQ(watch("/d", change::kDelete), number);
    create("/d/b");
    EXPECT_EQ(told(), Lines{});
    EXPECT_EQ(names_.changes().watch(kWatcher, *node("/d"), change::kCreate | change::kMustBeNew).error(), Error::Exists);
}

TEST_F(ChangeWatchesTest, TheSameTwiceIsToldOnceAndTooManyEndInOneOverflow) {
    const int32_t number = watch("/d");
    const NodeRef file = create("/d/a");
    told();
    names_.changes().happened(*file, change::kModify);
    names_.changes().happened(*file, change::kModify);
    EXPECT_EQ(told(), Lines{line(number, change::kModify, "a")});
    for (size_t i = 0; i < ChangeWatches::kEventsMax + 10; ++i)
        names_.changes().happened(*file, i % 2 == 0 ? change::kModify : change::kAccess);
    const Lines all = told();
    ASSERT_EQ(all.size(), ChangeWatches::kEventsMax + 1);
    EXPECT_EQ(all.back(), line(-1, change::kOverflow));
}

TEST_F(ChangeWatchesTest, AOneShotWatchEndsByItself) {
    const int32_t number = watch("/d", change::kCreate | change::kOnce);
    create("/d/a");
    create("/d/b");
    EXPECT_EQ(told(), (Lines{line(number, change::kCreate, "a"), line(number, change::kIgnored)}));
    names_.changes().forget_watcher(kWatcher);
    EXPECT_FALSE(names_.changes().any());
}

}  // namespace
}  // namespace portico::file_server
