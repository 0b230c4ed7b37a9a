#pragma once

#include <cstdint>
#include <string_view>

#include "protocols/method.h"

/// What goes between init and the file server about the system's servers (/proc/portico/servers). Servers call only downwards and
/// init is above all of them, so both methods are one-way messages: nobody waits for init.
namespace portico::protocols::init {

inline constexpr unsigned kServerNameBytes = 16;  ///< of a server's name with its zeros

struct Kill {
    static constexpr Method method{0x400, "init.kill",
                                   "To init's event port: end the server with this name. What can be restarted is; else the system ends."};
    using Reply = Empty;
    char name[kServerNameBytes];
};

enum class ServerState : uint32_t { Running, Restarting };

struct ServerChanged {
    static constexpr Method method{0x401, "init.server_changed",
                                   "From init, on the file server's control handle: a server started or ended."};
    using Reply = Empty;
    char name[kServerNameBytes];
    ServerState state;
    uint32_t restarts;  ///< since the system started
};

using Protocol = MethodList<Kill, ServerChanged>;

/// The name in such a field, whatever the sender put there.
constexpr std::string_view name_in(const char (&field)[kServerNameBytes]) {
    const std::string_view all(field, kServerNameBytes);
    return all.substr(0, all.find('\0'));
}

/// Puts a name into such a field, which is all zeros; what does not fit is cut off.
constexpr void put_name(char (&field)[kServerNameBytes], std::string_view name) {
    name.copy(field, kServerNameBytes - 1);
}

}  // namespace portico::protocols::init
