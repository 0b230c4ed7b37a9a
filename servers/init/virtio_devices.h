#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/handle.h"
#include "servers/init/pci.h"

namespace portico::init {

/// Where a virtio device is, and what its driver is told.
struct VirtioDevice {
    uint32_t kind = 0;                ///< its number at virtio: 2 is a disk, 9 a share of a folder
    uint64_t registers_physical = 0;  ///< whole pages
    uint64_t registers_bytes = 0;
    uint64_t line = 0;               ///< its interrupt, level-triggered; not used with messages
    std::vector<std::string> words;  ///< more arguments for the driver
    std::optional<PciVirtio> pci;    ///< if it is on PCI,
    unsigned pci_number = 0;         ///< as that function

    bool has_messages() const { return pci && pci->message_capability != 0; }
};

/// A device that the kernel command line tells of, as Linux understands it: virtio_mmio.device=SIZE[KM]@ADDRESS:LINE[:ID].
struct MmioDevice {
    uint64_t size_bytes = 0, physical = 0, line = 0;
    bool operator==(const MmioDevice&) const = default;
};
std::optional<MmioDevice> parse_mmio_device(std::string_view word);

/// The machine's devices of these kinds: first those of the command line, in its order, then those on PCI's first bus, enabled. What cannot
/// be looked at is left out and logged.
std::vector<VirtioDevice> find_devices(abi::Handle hardware, const std::vector<std::string>& words, std::span<const uint32_t> kinds);

}  // namespace portico::init
