#include "drivers/uart/port_registers.h"

#include "runtime/native.h"

namespace portico::uart {

Result<uint8_t> PortRegisters::read(Register offset) {
    return static_cast<uint8_t>(TRY(native::call(abi::IoRead{.io = ports_, .offset = static_cast<uint64_t>(offset), .width = 1})).value);
}

Result<> PortRegisters::write(Register offset, uint8_t value) {
    return native::call(abi::IoWrite{.io = ports_, .offset = static_cast<uint64_t>(offset), .width = 1, .value = value});
}

Result<> PortRegisters::write_bytes(Register offset, std::span<const uint8_t> bytes) {
    return native::call(abi::IoWriteBytes{.io = ports_,
                                          .offset = static_cast<uint64_t>(offset),
                                          .address = reinterpret_cast<uint64_t>(bytes.data()),
                                          .length = bytes.size()});
}

}  // namespace portico::uart
