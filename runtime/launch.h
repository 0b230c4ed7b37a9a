#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "runtime/channel.h"
#include "runtime/ipc.h"

/// Servers that a program starts for itself, for programs in Posix mode (the system's own servers are started by init).
namespace portico::ipc {

inline constexpr const char* kLaunchedPortVariable = "PORTICO_PORT";
inline constexpr uint64_t kLauncherBadge = 0;  ///< of the one who started the server; other handles it makes have others

/// Starts `program` in a process of its own, to serve a new port (serve_launched), and returns a handle to send to it. The program
/// ends when that handle and its duplicates are closed. It inherits the caller's descriptors and other handles, as any program does.
/// Errors: NotExecutable, NoMemory. That it could not start for another reason shows as PeerClosed at the first call.
inline Result<OwnedHandle> launch(const char* program, uint64_t credits = kCreditsDefault) {
    if (access(program, X_OK) != 0) return fail(Error::NotExecutable);
    Channel channel = TRY(Channel::create(kLauncherBadge, credits));
    const std::string port = std::to_string(channel.port.get().value);
    const pid_t child = fork();
    if (child < 0) return fail(Error::NoMemory);
    if (child == 0) {
        channel.sender.reset();  // or the server would never be alone
        setenv(kLaunchedPortVariable, port.c_str(), 1);
        execl(program, program, nullptr);
        _exit(127);
    }
    return std::move(channel.sender);
}

/// Serves a port until nobody holds a handle with the launcher's badge any more.
template <class Server, class... Protocols>
void serve_until_unused(Server& server, Handle port, Protocols... protocols) {
    Answer answer;
    for (;;) {
        const Result<native::Received> received = receive(port, answer);
        if (!received) {
            if (received.error() == Error::Interrupted) continue;
            return;
        }
        answer = serve(server, *received, protocols...);
        const Message& message = received->message;
        const bool senders_gone = message.header.kind() == MessageKind::Notification && (message.word[0] & abi::kNotifySendersGone) != 0;
        if (senders_gone && message.badge == kLauncherBadge) return;
    }
}

/// The whole of a launched server's main: serves the port it was started with until its client is gone. Returns the exit status.
template <class Server, class... Protocols>
int serve_launched(Server& server, Protocols... protocols) {
    const char* const port = getenv(kLaunchedPortVariable);
    if (port == nullptr) {
        fprintf(stderr, "this is a server: a client starts it (%s is not set)\n", kLaunchedPortVariable);
        return 2;
    }
    const Handle handle{strtoull(port, nullptr, 10)};
    unsetenv(kLaunchedPortVariable);
    serve_until_unused(server, handle, protocols...);
    return 0;
}

}  // namespace portico::ipc
