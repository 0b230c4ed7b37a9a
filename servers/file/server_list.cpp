#include "servers/file/server_list.h"

#include <algorithm>

namespace portico::file_server {

using protocols::init::name_in;
using protocols::init::ServerChanged;

namespace {

std::string_view name_of(protocols::init::ServerState state) {
    switch (state) {
    case protocols::init::ServerState::Running:
        return "running";
    case protocols::init::ServerState::Restarting:
        return "restarting";
    }
    return "unknown";
}

}  // namespace

void ServerList::take(const ServerChanged& change) {
    const auto known = std::ranges::find(servers_, name_in(change.name), [](const ServerChanged& server) { return name_in(server.name); });
    if (known != servers_.end())
        *known = change;
    else if (servers_.size() < kServersMax)
        servers_.push_back(change);
}

std::string ServerList::text() const {
    std::string text;
    for (const ServerChanged& server : servers_)
        text.append(name_in(server.name)).append(" ").append(name_of(server.state)) += " " + std::to_string(server.restarts) + "\n";
    return text;
}

Result<protocols::init::Kill> ServerList::parse(std::string_view line) const {
    constexpr std::string_view kCommand = "kill ";
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (!line.starts_with(kCommand)) return fail(Error::InvalidArgument);
    const std::string_view name = line.substr(kCommand.size());
    if (name.empty()) return fail(Error::InvalidArgument);
    if (std::ranges::none_of(servers_, [&](const ServerChanged& server) { return name_in(server.name) == name; }))
        return fail(Error::NotFound);
    protocols::init::Kill request{};
    protocols::init::put_name(request.name, name);
    return request;
}

}  // namespace portico::file_server
