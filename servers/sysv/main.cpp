#include <cstdio>

#include "runtime/boot.h"
#include "servers/sysv/server.h"

/// The server of System V's shared memory, semaphores and message queues, and of POSIX's message queues.
int main() {
    const portico::sysv_server::Server::Handles handles{.port = portico::boot::grant("sysv.port"),
                                                        .process = portico::boot::grant("process")};
    if (!handles.port || !handles.process) {
        fprintf(stderr, "sysv: cannot start: sysv.port or process was not granted\n");
        return 1;
    }
    portico::sysv_server::Server server(handles);
    server.run();
}
