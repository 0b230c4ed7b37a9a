#include "servers/process/wait_selection.h"

#include <gtest/gtest.h>

namespace portico::process {
namespace {

struct WaitSelection : testing::Test {
    ProcessTable table;
    Process& parent = **table.create(table.init());
    Process& first = **table.create(parent);
    Process& second = **table.create(parent);

    void SetUp() override {
        table.lead_new_session(parent);
        table.move_to_group(first, parent.pid);
        table.move_to_group(second, second.pid);
        first.state = second.state = State::Running;
    }
    static void end(Process& process, uint32_t status) {
        process.state = State::Zombie;
        process.wait_status = status;
    }
};

TEST_F(WaitSelection, NothingNewYet) {
    const auto news = find_wait_news(table, parent, -1, kWaitExited);
    ASSERT_TRUE(news);
    EXPECT_EQ(news->child, nullptr);
}

TEST_F(WaitSelection, NoChildForStrangersAndTheChildless) {
    EXPECT_EQ(find_wait_news(table, parent, 99, kWaitExited).error(), Error::NoChild);
    EXPECT_EQ(find_wait_news(table, first, -1, kWaitExited).error(), Error::NoChild);
    EXPECT_EQ(find_wait_news(table, parent, INT64_MIN, kWaitExited).error(), Error::NoChild);
}

TEST_F(WaitSelection, SelectsByPidGroupAndOwnGroup) {
    end(first, 0x100);
    end(second, 0x200);
    EXPECT_EQ(find_wait_news(table, parent, second.pid, kWaitExited)->child, &second);
    EXPECT_EQ(find_wait_news(table, parent, -second.pid, kWaitExited)->child, &second);
    EXPECT_EQ(find_wait_news(table, parent, 0, kWaitExited)->child, &first);
    EXPECT_EQ(find_wait_news(table, parent, -1, 0)->status, 0x100u);
}

TEST_F(WaitSelection, StopsAndContinuesOnlyIfAskedFor) {
    first.state = State::Stopped;
    first.stop_signal = kTerminalStop;
    first.stop_unreported = true;
    EXPECT_EQ(find_wait_news(table, parent, -1, kWaitExited)->child, nullptr);
    EXPECT_EQ(find_wait_news(table, parent, -1, kWaitExited | kWaitStopped)->status, 0x147Fu);
    first.state = State::Running;
    first.continue_unreported = true;
    EXPECT_EQ(find_wait_news(table, parent, -1, kWaitStopped)->child, nullptr);
    EXPECT_EQ(find_wait_news(table, parent, -1, kWaitContinued)->status, 0xFFFFu);
}

}  // namespace
}  // namespace portico::process
