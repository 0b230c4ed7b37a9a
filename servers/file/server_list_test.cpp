#include "servers/file/server_list.h"

#include <gtest/gtest.h>

namespace portico::file_server {
namespace {

using protocols::init::ServerChanged;
using protocols::init::ServerState;

ServerChanged change(std::string_view name, ServerState state = ServerState::Running, uint32_t restarts = 0) {
    ServerChanged made{.name = {}, .state = state, .restarts = restarts};
    protocols::init::put_name(made.name, name);
    return made;
}

TEST(ServerList, ShowsTheLastStateInTheOrderOfTheFirst) {
    ServerList list;
    EXPECT_EQ(list.text(), "");
    list.take(change("uart"));
    list.take(change("file"));
    list.take(change("uart", ServerState::Restarting, 2));
    EXPECT_EQ(list.text(), "uart restarting 2\nfile running 0\n");
    list.take(change("uart", ServerState::Running, 3));
    EXPECT_EQ(list.text(), "uart running 3\nfile running 0\n");
}

TEST(ServerList, UnderstandsKill) {
    ServerList list;
    list.take(change("uart"));
    EXPECT_EQ(protocols::init::name_in(list.parse("kill uart\n")->name), "uart");
    EXPECT_EQ(protocols::init::name_in(list.parse("kill uart")->name), "uart");
    for (const char* line : {"", "\n", "kill", "kill ", "kill \n", "uart", "KILL uart", "restart uart", "killuart"})
        EXPECT_EQ(list.parse(line).error(), Error::InvalidArgument) << line;
    for (const char* line : {"kill init", "kill uart\n\n", "kill uart ", "kill uart\nkill uart", "kill uartuartuartuartuart"})
        EXPECT_EQ(list.parse(line).error(), Error::NotFound) << line;
}

TEST(ServerList, SurvivesAnySender) {
    ServerList list;
    ServerChanged endless{.name = {}, .state = static_cast<ServerState>(77), .restarts = 0};
    std::fill(std::begin(endless.name), std::end(endless.name), 'x');
    list.take(endless);
    EXPECT_EQ(list.text(), "xxxxxxxxxxxxxxxx unknown 0\n");
    for (unsigned i = 0; i < 2 * ServerList::kServersMax; ++i) list.take(change(std::to_string(i)));
    EXPECT_EQ(std::ranges::count(list.text(), '\n'), ServerList::kServersMax);
}

}  // namespace
}  // namespace portico::file_server
