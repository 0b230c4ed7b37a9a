#include <cstdio>

#include "drivers/virtio/granted_device.h"
#include "drivers/virtio_9p/server.h"
#include "runtime/boot.h"

/// Drives one virtio device that carries 9P: the one that init granted.
namespace portico::virtio_9p {
namespace {

constexpr uint64_t kTimeoutNs = 60'000'000'000;  // an exchange that takes longer is lost: the host may have much to write for an fsync

Result<> run(std::string_view name) {
    static const virtio::GrantedDevice granted = TRY(virtio::GrantedDevice::open());
    static Device device(*granted.transport, granted.memory, kTimeoutNs);

    const OwnedHandle self(TRY(native::call(abi::PortBadge{granted.port, 0, 1})).sender);
    const abi::Handle timer = TRY(native::call(abi::TimerCreate{self.get(), Server::kTimerBits})).timer;
    const auto name_bytes = static_cast<int>(name.size());
    if (device.start())
        fprintf(stderr, "%.*s: the host calls it %s\n", name_bytes, name.data(), device.tag().c_str());
    else
        fprintf(stderr, "%.*s: no virtio share that can be used; every call will fail with NoDevice\n", name_bytes, name.data());
    static Server server(device, {.interrupt = granted.interrupt, .timer = timer});
    server.service();  // a predecessor may have died between an interrupt and its acknowledgement
    ipc::run(server, granted.port, share::Protocol{});
}

}  // namespace
}  // namespace portico::virtio_9p

int main() {
    const std::string_view name = portico::boot::argument(0).value_or("virtio_9p");
    const portico::Result<> result = portico::virtio_9p::run(name);
    fprintf(stderr, "%.*s: cannot start: %s\n", static_cast<int>(name.size()), name.data(), portico::abi::name_of(result.error()).data());
    return 1;
}
