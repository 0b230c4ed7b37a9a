#include <cstdio>

#include "runtime/boot.h"
#include "servers/pipe/server.h"

/// The pipe server: pipes and fifos.
int main() {
    const portico::abi::Handle port = portico::boot::grant("pipe.port");
    if (!port) {
        fprintf(stderr, "pipe: cannot start: no pipe.port was granted\n");
        return 1;
    }
    portico::pipe_server::Server server(port);
    portico::ipc::run(server, port, portico::protocols::file::Protocol{});
}
