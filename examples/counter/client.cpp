#include "examples/counter/counter.h"
#include "runtime/launch.h"

int main() {
    const auto server = portico::ipc::launch("/examples/counter/server");
    if (!server) return 1;
    for (const uint64_t amount : {2, 3, 37}) {
        const auto reply = portico::ipc::call(server->get(), Add{amount});
        if (!reply) return 2;
        printf("%lu\n", reply->total);
    }
}
