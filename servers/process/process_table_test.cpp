#include "servers/process/process_table.h"

#include <gtest/gtest.h>

namespace portico::process {
namespace {

TEST(ProcessTable, FirstIsPidOneAndItsChildrenShareGroupAndSession) {
    ProcessTable table;
    Process& first = **table.create(table.init());
    table.lead_new_session(first);
    Process& child = **table.create(first);
    EXPECT_EQ(first.pid, 1);
    EXPECT_EQ(child.pid, 2);
    EXPECT_EQ(child.parent, 1);
    EXPECT_EQ(child.group, 1);
    EXPECT_EQ(child.session, 1);
    EXPECT_TRUE(first.children.contains(2));
    EXPECT_EQ(table.group_members(1), (std::set<int32_t>{1, 2}));
    EXPECT_EQ(table.session_of(child).member_count, 2u);
}

TEST(ProcessTable, PublishesWhatIsTrueNow) {
    std::vector<Identity> identities(ProcessTable::kIdMax);
    ProcessTable table(ProcessTable::kIdMax, identities);
    Process& first = **table.create(table.init());
    table.lead_new_session(first);
    Process& parent = **table.create(first);
    table.set_credentials(parent, {.uid = 10, .euid = 11, .gid = 12, .egid = 13});
    Process& child = **table.create(parent);
    const Identity& seen = identities.at(static_cast<size_t>(child.pid));
    EXPECT_EQ(seen.parent, parent.pid);
    EXPECT_EQ(seen.group, first.pid);
    EXPECT_EQ(seen.session, first.pid);
    EXPECT_EQ(seen.uid, 10u);
    EXPECT_EQ(seen.euid, 11u);
    EXPECT_EQ(seen.gid, 12u);
    EXPECT_EQ(seen.egid, 13u);
    table.move_to_group(child, child.pid);
    EXPECT_EQ(seen.group, child.pid);
    EXPECT_EQ(seen.session, first.pid);
    table.set_parent(child, first);
    EXPECT_EQ(seen.parent, first.pid);
    table.lead_new_session(child);
    EXPECT_EQ(seen.session, child.pid);
    table.set_credentials(child, {});
    EXPECT_EQ(seen.uid, 0u);
    EXPECT_EQ(identities.at(static_cast<size_t>(parent.pid)).uid, 10u);
    table.remove(child);
    EXPECT_EQ(seen.group, 0) << "nobody";
    EXPECT_EQ(seen.parent, 0);
}

TEST(ProcessTable, NumbersWrapAndSkipWhatLives) {
    ProcessTable table;
    Process& first = **table.create(table.init());
    Process& kept = **table.create(first);
    const int32_t tid = *table.add_thread(kept, {});
    EXPECT_EQ(tid, 3);
    for (int32_t expected = 4; expected < ProcessTable::kIdMax; ++expected) {
        Process& passing = **table.create(first);
        ASSERT_EQ(passing.pid, expected);
        table.remove(passing);
    }
    EXPECT_EQ((*table.create(first))->pid, 4);
}

TEST(ProcessTable, NumberOfALivingGroupOrSessionIsNotGivenOut) {
    ProcessTable table;
    Process& first = **table.create(table.init());
    table.lead_new_session(first);
    Process& leader = **table.create(first);
    table.lead_new_session(leader);
    Process& member = **table.create(leader);
    const int32_t gone = leader.pid;
    table.set_parent(member, first);
    table.remove(leader);
    for (int i = 0; i < ProcessTable::kIdMax; ++i) {
        Process& passing = **table.create(first);
        ASSERT_NE(passing.pid, gone);
        table.remove(passing);
    }
    EXPECT_TRUE(table.group_in_session(gone, gone));
}

TEST(ProcessTable, RefusesMoreThanItsBound) {
    ProcessTable table(2);
    Process& first = **table.create(table.init());
    EXPECT_TRUE(table.create(first));
    EXPECT_EQ(table.create(first).error(), Error::NoSpace);
    EXPECT_EQ(table.count(), 2u);
}

TEST(ProcessTable, SessionSurvivesAMoveOfItsOnlyMember) {
    ProcessTable table;
    Process& first = **table.create(table.init());
    table.lead_new_session(first);
    table.session_of(first).special_device = 7;
    Process& other = **table.create(first);
    table.move_to_group(other, other.pid);
    table.remove(other);
    table.move_to_group(first, 1);
    EXPECT_EQ(table.session_of(first).special_device, 7u);
    EXPECT_EQ(table.session_of(first).member_count, 1u);
    EXPECT_TRUE(table.group_members(2).empty());
}

TEST(ProcessTable, ThreadsAreFoundByNumber) {
    ProcessTable table;
    Process& first = **table.create(table.init());
    table.add_main_thread(first, {});
    const int32_t tid = *table.add_thread(first, {});
    EXPECT_EQ(table.find_by_thread(tid), &first);
    EXPECT_EQ(table.find_by_thread(1), &first);
    table.remove_thread(first, tid);
    EXPECT_EQ(table.find_by_thread(tid), nullptr);
    table.remove_thread(first, 1);
    EXPECT_EQ(table.find_by_thread(1), &first);  // the process is still called so
    EXPECT_EQ(table.find_by_thread(-4), nullptr);
}

TEST(ProcessTable, ListsInOrderWithoutInit) {
    ProcessTable table;
    Process& first = **table.create(table.init());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(table.create(first));
    EXPECT_EQ(table.list(-5, 10), (std::vector<int32_t>{1, 2, 3, 4}));
    EXPECT_EQ(table.list(2, 1), (std::vector<int32_t>{3}));
    EXPECT_TRUE(table.list(int64_t{1} << 40, 10).empty());
}

}  // namespace
}  // namespace portico::process
