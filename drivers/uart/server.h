#pragma once

#include "drivers/uart/device.h"
#include "protocols/uart.h"
#include "runtime/ipc.h"

namespace portico::uart {

/// Serves protocols/uart.h for one device.
///
/// Ownership: borrows device and handles. Locks: none, one thread, one port.
/// Bound: one reader waits; every waiting writer keeps at most one chunk, and only the one whose turn it is has a copy of it.
/// Restart: nothing here outlives the process; clients see PeerClosed and call again, and the first read after it gets no bytes.
class Server {
public:
    Server(Device& device, abi::Handle interrupt) : device_(device), interrupt_(interrupt) {}

    /// Takes up what the device has pending and unmasks its interrupt.
    void service();

    ipc::Task on(ipc::Call call, protocols::uart::Write request);
    ipc::Task on(ipc::Call call, protocols::uart::Read request);
    void on_notification(uint64_t badge, uint64_t bits);

private:
    /// Wakes whoever the device has something for.
    void wake();

    Device& device_;
    abi::Handle interrupt_;
    ipc::WaitQueue received_;     // the reader
    ipc::WaitQueue transmitter_;  // the writer whose turn it is
    ipc::WaitQueue turn_;         // the other writers
    bool introduced_ = false;     // a reader knows that this driver is new
    bool reader_waits_ = false;
    bool writing_ = false;
};

}  // namespace portico::uart
