#include <string_view>

#include "drivers/uart/device.h"
#include "drivers/uart/port_registers.h"
#include "drivers/uart/server.h"
#include "runtime/boot.h"
#include "runtime/native.h"

using namespace portico;

namespace {

void log(std::string_view text) {
    native::log(text.data(), text.size());
}

}  // namespace

int main() {
    const abi::Handle port = boot::grant("uart.port");
    if (!port) {
        log("uart: no uart.port was granted\n");
        return 1;
    }
    uart::PortRegisters registers(boot::grant("uart.io"));
    uart::Device device(registers);
    if (!device.start()) log("uart: no 16550 answers; every call will fail with NoDevice\n");
    uart::Server server(device, boot::grant("uart.interrupt"));
    server.service();  // a predecessor may have died between an interrupt and its acknowledgement
    ipc::run(server, port, protocols::uart::Protocol{});
}
