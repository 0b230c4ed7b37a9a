#pragma once

#include "drivers/virtio_9p/device.h"
#include "protocols/share.h"
#include "runtime/ipc.h"

namespace portico::virtio_9p {

namespace share = protocols::share;

/// Serves protocols/share.h for one device. Messages are copied once each way, between the caller's windows and the memory that the device
/// reaches.
///
/// Ownership: borrows device and handles.
/// Locks:     none, one thread, one port.
/// Bound:     what clients send: each call is one coroutine; one exchange is with the device, the others wait.
/// Restart:   nothing here outlives the process. A new driver resets the device before anything else.
class Server {
public:
    static constexpr uint64_t kInterruptBits = 1, kTimerBits = 2;
    static constexpr uint64_t kLookPeriodNs = 1'000'000'000;  ///< how often the age of the exchange is looked at

    struct Handles {
        abi::Handle interrupt, timer;
    };
    Server(Device& device, const Handles& handles);

    /// Takes up what the device has done and unmasks its interrupt.
    void service();

    Result<share::Info::Reply> on(const ipc::Call& call, const share::Info& request);
    ipc::Task on(ipc::Call call, share::Exchange request);
    void on_notification(uint64_t badge, uint64_t bits);

private:
    Result<> submit(const ipc::Call& call, const share::Exchange& request);
    Result<share::Exchange::Reply> deliver(const ipc::Call& call);
    void watch_time();
    void renew_session();

    Device& device_;
    Handles handles_;
    uint64_t session_ = 0;
    unsigned resets_seen_ = 0;
    bool taken_ = false;  // the device, by an exchange
    ipc::WaitQueue free_, ended_;
    Result<uint32_t> outcome_ = 0;
    bool timer_runs_ = false;
};

}  // namespace portico::virtio_9p
