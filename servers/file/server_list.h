#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/result.h"
#include "protocols/init.h"

namespace portico::file_server {

/// What init told of the system's servers, in the order in which they start: the text of /proc/portico/servers, and what a line
/// written there means.
///
/// Ownership: copies. Locks: none. Bound: kServersMax, which init stays far below.
class ServerList {
public:
    static constexpr size_t kServersMax = 64;

    void take(const protocols::init::ServerChanged& change);

    /// A line a server: name, state, restarts.
    std::string text() const;

    /// The request that "kill NAME", with or without a newline, stands for.
    /// Errors: InvalidArgument for another line, NotFound for a name init did not tell.
    Result<protocols::init::Kill> parse(std::string_view line) const;

private:
    std::vector<protocols::init::ServerChanged> servers_;
};

}  // namespace portico::file_server
