#pragma once

#include "abi/handle.h"
#include "drivers/uart/registers.h"

namespace portico::uart {

/// The registers behind a handle to eight I/O ports.
///
/// Ownership: borrows the handle, which lives as long as the process. Locks: none. Bound: one system call an access.
class PortRegisters final : public Registers {
public:
    explicit PortRegisters(abi::Handle ports) : ports_(ports) {}

    Result<uint8_t> read(Register offset) override;
    Result<> write(Register offset, uint8_t value) override;
    Result<> write_bytes(Register offset, std::span<const uint8_t> bytes) override;

private:
    abi::Handle ports_;
};

}  // namespace portico::uart
