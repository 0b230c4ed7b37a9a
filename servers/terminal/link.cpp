#include "servers/terminal/link.h"

#include <algorithm>

#include "runtime/ipc.h"
#include "runtime/native.h"
#include "servers/terminal/clock.h"

namespace portico::terminal {

namespace uart = protocols::uart;

void Link::failed(uint64_t now_ns) {
    due_ns_ = now_ns + delay_ns_;
    delay_ns_ = std::clamp(delay_ns_ * 2, kRetryNs, kDelayMaxNs);
}

void Link::read_if_due(uint64_t now_ns) {
    if (now_ns < due_ns()) return;
    if (const Result<uint64_t> id = native::call_async(uart_, ipc::request_message(uart::Read{}), port_))
        in_flight_ = *id;
    else
        failed(now_ns);
}

uart::Read::Reply Link::take_reply(const abi::Message& reply, uint64_t now_ns) {
    in_flight_ = 0;
    const bool had_driver = std::exchange(had_driver_, true);
    const Result<uart::Read::Reply> result = ipc::unpack_reply<uart::Read>(reply);
    if (!result || result->length_bytes > sizeof result->bytes) {
        failed(now_ns);
        return {};
    }
    lost_ = had_driver && result->length_bytes == 0;
    delay_ns_ = 0;
    due_ns_ = now_ns;
    return *result;
}

Result<> Link::write(std::string_view bytes) {
    if (bytes.empty()) return {};
    TRY(ipc::call(uart_, uart::Write{.length_bytes = bytes.size()}, ipc::Lend::text(bytes)));
    return {};
}

void Link::transmit(OutputQueue& output) {
    const std::string chunk = output.next_chunk();
    bool broken = down_;  // something of this chunk or of the last may be on the line
    for (unsigned tries = down_ ? 1 : kWriteTries; tries > 0; --tries) {
        Result<> written;
        if (broken) written = write(output.repeat_mark());
        if (written) written = write(chunk);
        if (written) {
            down_ = false;
            return;
        }
        broken = true;
        if (written.error() != Error::PeerClosed) break;
        if (tries > 1) (void)native::call(abi::ThreadSleep{.deadline = clock_now_ns() + kRetryNs});
    }
    if (!down_) {
        constexpr std::string_view kLost = "terminal: the serial line does not answer; output is lost\n";
        native::log(kLost.data(), kLost.size());
    }
    down_ = true;
}

}  // namespace portico::terminal
