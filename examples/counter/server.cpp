#include "examples/counter/counter.h"
#include "runtime/launch.h"

struct Server {
    uint64_t total = 0;
    portico::Result<Add::Reply> on(const portico::ipc::Call&, const Add& request) { return Add::Reply{total += request.amount}; }
};

int main() {
    Server server;
    return portico::ipc::serve_launched(server, Counter{});
}
