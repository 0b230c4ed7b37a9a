#include <cstdio>

#include "drivers/virtio/granted_device.h"
#include "drivers/virtio_blk/server.h"
#include "runtime/boot.h"

/// Drives one virtio disk: the one that init granted.
namespace portico::virtio_blk {
namespace {

constexpr uint64_t kTimeoutNs = 20'000'000'000;  // a request that takes longer is lost

Result<> run(std::string_view name) {
    static const virtio::GrantedDevice granted = TRY(virtio::GrantedDevice::open());
    static Device device(*granted.transport, granted.memory, kTimeoutNs);

    const OwnedHandle self(TRY(native::call(abi::PortBadge{granted.port, 0, 1})).sender);
    const abi::Handle timer = TRY(native::call(abi::TimerCreate{self.get(), Server::kTimerBits})).timer;
    if (device.start())
        fprintf(stderr, "%.*s: %llu sectors of %llu bytes, %u queues%s\n", static_cast<int>(name.size()), name.data(),
                static_cast<unsigned long long>(device.geometry().size_bytes / device.geometry().sector_bytes),
                static_cast<unsigned long long>(device.geometry().sector_bytes), device.queue_count(),
                device.geometry().read_only ? ", read-only" : "");
    else
        fprintf(stderr, "%.*s: no virtio disk that can be used; every call will fail with NoDevice\n", static_cast<int>(name.size()),
                name.data());
    static Server server(device, {.interrupt = granted.interrupt, .timer = timer});
    server.service();  // a predecessor may have died between an interrupt and its acknowledgement
    ipc::run(server, granted.port, block::Protocol{});
}

}  // namespace
}  // namespace portico::virtio_blk

int main() {
    const std::string_view name = portico::boot::argument(0).value_or("virtio_blk");
    const portico::Result<> result = portico::virtio_blk::run(name);
    fprintf(stderr, "%.*s: cannot start: %s\n", static_cast<int>(name.size()), name.data(), portico::abi::name_of(result.error()).data());
    return 1;
}
