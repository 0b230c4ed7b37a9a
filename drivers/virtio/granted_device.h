#pragma once

#include <memory>

#include "drivers/virtio/set_up.h"
#include "runtime/handle.h"

namespace portico::virtio {

/// The device that init granted this driver: device.port, device.registers (pages that have its registers), device.interrupt (raises
/// kInterruptBits at that port) and device.memory (RAM that the device may use).
///
/// Ownership: the handles and what is mapped stay as long as the process.
struct GrantedDevice {
    static constexpr uint64_t kInterruptBits = 1;

    abi::Handle port, interrupt;
    std::unique_ptr<Transport> transport;
    DeviceMemory memory;

    /// By the arguments that say where the registers are: registers=OFFSET, or pci=1 (with a line) or 2 (messages) and where the structures
    /// are. Errors: InvalidArgument, those of the system calls.
    static Result<GrantedDevice> open();
};

}  // namespace portico::virtio
