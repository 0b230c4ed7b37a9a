#include <cstdio>

#include "runtime/boot.h"
#include "servers/pipe/server.h"

/// The pipe server: pipes, fifos and other objects that one waits for.
int main() {
    const portico::abi::Handle port = portico::boot::grant("pipe.port");
    if (!port) {
        fprintf(stderr, "pipe: cannot start: no pipe.port was granted\n");
        return 1;
    }
    portico::pipe_server::Server server(port);
    server.run();
}
