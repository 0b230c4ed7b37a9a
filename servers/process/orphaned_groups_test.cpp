#include "servers/process/orphaned_groups.h"

#include <gtest/gtest.h>

namespace portico::process {
namespace {

/// first (pid 1, session leader) -> shell (its own session) -> job (own group in the shell's session)
struct OrphanedGroups : testing::Test {
    ProcessTable table;
    Process& first = make(table.init());
    Process& shell = make(first);
    Process& job = make(shell);

    Process& make(Process& parent) {
        Process& process = **table.create(parent);
        process.state = State::Running;
        return process;
    }
    void SetUp() override {
        table.lead_new_session(first);
        table.lead_new_session(shell);
        table.remove(job);  // made again, so that it is born into the shell's session
    }
    Process& make_job() {
        Process& made = make(shell);
        table.move_to_group(made, made.pid);
        return made;
    }
};

TEST_F(OrphanedGroups, JobOfALivingShellIsNot) {
    EXPECT_FALSE(is_orphaned(table, make_job().group));
    EXPECT_TRUE(is_orphaned(table, shell.group));  // its parent is in another session
}

TEST_F(OrphanedGroups, ShellsEndOrphansItsStoppedJobs) {
    Process& stopped = make_job();
    make_job();
    stopped.state = State::Stopped;
    EXPECT_EQ(stopped_groups_orphaned_by(table, shell, &first), (std::vector<int32_t>{stopped.pid}));
}

TEST_F(OrphanedGroups, HeirInTheSessionKeepsTheGroup) {
    Process& helper = make_job();
    Process& grandchild = make(helper);
    table.move_to_group(grandchild, grandchild.pid);
    grandchild.state = State::Stopped;
    EXPECT_TRUE(stopped_groups_orphaned_by(table, helper, &shell).empty());
    EXPECT_EQ(stopped_groups_orphaned_by(table, helper, &first), (std::vector<int32_t>{grandchild.pid}));
}

TEST_F(OrphanedGroups, EndOfTheMemberThatTiedTheGroup) {
    Process& leader = make_job();
    Process& other = make(leader);  // in the leader's group: its parent ties nothing
    other.state = State::Stopped;
    EXPECT_EQ(stopped_groups_orphaned_by(table, leader, &first), (std::vector<int32_t>{leader.pid}));
}

}  // namespace
}  // namespace portico::process
