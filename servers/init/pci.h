#pragma once

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "runtime/handle.h"

namespace portico::init {

/// The configuration of one PCI function, by offset; reads give all ones where nothing is.
class PciFunction {
public:
    virtual ~PciFunction() = default;
    virtual uint32_t read(uint32_t offset) = 0;  ///< four bytes, aligned
    virtual void write(uint32_t offset, uint32_t value) = 0;

    uint16_t read_half(uint32_t offset) { return static_cast<uint16_t>(read(offset & ~3u) >> (8 * (offset & 2))); }
    uint8_t read_byte(uint32_t offset) { return static_cast<uint8_t>(read(offset & ~3u) >> (8 * (offset & 3))); }
};

/// A virtio device of version 1, as its capabilities tell (virtio 1.2, section 4.1).
struct PciVirtio {
    uint16_t kind = 0;                ///< the device's number at virtio; 2 is a disk
    uint64_t registers_physical = 0;  ///< whole pages that have all its structures
    uint64_t registers_bytes = 0;
    uint32_t common = 0, notify = 0, notify_multiplier = 0, isr = 0, device = 0;  ///< offsets in them
    uint32_t message_capability = 0;                                              ///< offset in the configuration; 0: it has no MSI-X
    uint64_t message_table_physical = 0;
    uint8_t line = 0;  ///< the interrupt line that the firmware chose; 0 or 255: none
};

/// What a function is, if it is a virtio device that can be used. Whatever the device says, the loops end.
std::optional<PciVirtio> virtio_of(PciFunction& function);

/// Lets it answer at its memory and access RAM; with `messages` it raises no line.
void enable(PciFunction& function, bool messages);

/// The functions on the first bus, reached by the I/O ports 0xCF8 and 0xCFC. Errors: those of the system calls; NoDevice without PCI.
class PciBus {
public:
    static Result<PciBus> open(abi::Handle hardware);
    /// Calls `visit` for each function there is, with its number (device × 8 + function).
    void for_each(const std::function<void(unsigned number, PciFunction& function)>& visit);
    void at(unsigned number, const std::function<void(PciFunction& function)>& visit);

private:
    explicit PciBus(OwnedHandle ports) : ports_(std::move(ports)) {}
    OwnedHandle ports_;
};

/// Has the device raise its interrupt (entry 0 of its table) by writing `data` to `address`. Errors: those of the system calls.
Result<> set_message(abi::Handle hardware, unsigned number, const PciVirtio& device, uint64_t address, uint64_t data);

}  // namespace portico::init
