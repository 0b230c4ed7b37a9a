#include "servers/init/system_end.h"

#include "protocols/terminal.h"
#include "servers/init/log.h"

namespace portico::init {

Result<> report_end(Supervisor& supervisor, uint64_t wait_status) {
    const uint64_t id = TRY(supervisor.ask_later(supervisor.service("terminal").client(), protocols::terminal::Report{wait_status}));
    // The host may read slowly, so there is no deadline: only the end of a server ends the wait.
    while (const auto reply = supervisor.next())
        if (reply->id == id) return ipc::unpack_reply<protocols::terminal::Report>(*reply).transform([](auto) {});
    return fail(Error::PeerClosed);
}

void report_failure(Supervisor& supervisor) {
    const std::string& text = supervisor.failure();
    log("the system failed: " + text);
    const uint64_t give_up = now_ns() + 5 * Supervisor::kSecond;
    supervisor.wait_for_restarts(give_up);
    if (!supervisor.running("terminal") || !supervisor.running("uart")) return;
    // Not `ask`, which gives up once the system has failed. The servers below the terminal are not looked after any more.
    const auto told =
        ipc::call(supervisor.service("terminal").client().get(), protocols::terminal::Report{}, ipc::Lend::text(text), give_up);
    if (!told) log("the host could not be told: " + std::string(abi::name_of(told.error())));
}

void power_off(abi::Handle hardware, Outcome outcome) {
    constexpr uint64_t exit_port = 0xF4, exit_port_count = 4;  // QEMU's isa-debug-exit
    if (const auto ports = native::call(abi::IoCreate{hardware, exit_port, exit_port_count}))
        (void)native::call(abi::IoWrite{ports->io, 0, 1, static_cast<uint64_t>(outcome)});
    log("the machine can not be powered off; it is idle now");
    for (;;) (void)native::call(abi::ThreadSleep{abi::kForever});
}

}  // namespace portico::init
