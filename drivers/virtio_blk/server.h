#pragma once

#include <map>
#include <memory>
#include <vector>

#include "drivers/virtio_blk/device.h"
#include "drivers/virtio_blk/range_order.h"
#include "protocols/block.h"
#include "runtime/ipc.h"

namespace portico::virtio_blk {

namespace block = protocols::block;

/// Serves protocols/block.h for one disk.
///
/// Data is copied once, between the device's slots and the caller's windows or attached memory.
///
/// Ownership: borrows device and handles; owns the handles of attached memory.
/// Locks:     none, one thread, one port.
/// Bound:     what clients send: each call is one coroutine; kSlots are with the device, the others wait.
/// Restart:   nothing here outlives the process. A new driver resets the device before anything else.
class Server {
public:
    static constexpr uint64_t kTransferBytesMax = 1 << 20;
    static constexpr uint64_t kInterruptBits = 1, kTimerBits = 2;
    static constexpr uint64_t kLookPeriodNs = 1'000'000'000;  ///< how often pending requests' age is looked at

    struct Handles {
        abi::Handle interrupt, timer;
    };
    Server(Device& device, const Handles& handles) : device_(device), handles_(handles) {}

    /// Takes up what the device has done and unmasks its interrupt.
    void service();

    Result<block::Info::Reply> on(const ipc::Call& call, const block::Info& request);
    Result<block::Attach::Reply> on(const ipc::Call& call, const block::Attach& request);
    Result<protocols::Empty> on(const ipc::Call& call, const block::Detach& request);
    ipc::Task on(const ipc::Call& call, const block::Read& request);
    ipc::Task on(const ipc::Call& call, const block::Write& request);
    ipc::Task on(const ipc::Call& call, const block::ReadInto& request);
    ipc::Task on(const ipc::Call& call, const block::WriteFrom& request);
    ipc::Task on(ipc::Call call, block::Flush request);
    ipc::Task on(ipc::Call call, block::Discard request);
    void on_notification(uint64_t badge, uint64_t bits);

private:
    using Memory = std::shared_ptr<OwnedHandle>;
    /// One read or write: between the disk and attached memory, or without that the caller's window.
    struct Transfer {
        RequestType type;
        uint64_t position_bytes, length_bytes;
        Memory memory{};
        uint64_t offset_bytes = 0;
    };
    struct Slot {
        ipc::WaitQueue ended;
        Result<> outcome;
        bool taken = false;
    };
    struct Client {
        std::map<uint64_t, Memory> attached;
        uint64_t last_buffer = 0;
    };

    Result<> check(const Transfer& transfer) const;
    Result<Memory> attached(uint64_t badge, uint64_t buffer);
    ipc::Task start(const ipc::Call& call, Result<Transfer> transfer);
    ipc::Task run(ipc::Call call, Transfer transfer);
    Result<> fill(const ipc::Call& call, const Transfer& transfer, unsigned slot, uint64_t done, uint64_t length_bytes);
    Result<> deliver(const ipc::Call& call, const Transfer& transfer, unsigned slot, uint64_t done, uint64_t length_bytes);
    bool take_slot(unsigned& slot);
    void give_back(unsigned slot);
    Result<> submit(unsigned slot, const Device::Request& request);
    void watch_time();

    Device& device_;
    Handles handles_;
    std::map<uint64_t, Client> clients_;  // by badge
    std::array<Slot, Device::kSlots> slots_;
    ipc::WaitQueue free_slots_;
    RangeOrder order_;
    std::vector<Device::Ended> ended_;
    bool timer_runs_ = false;
};

}  // namespace portico::virtio_blk
