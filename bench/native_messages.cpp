#include "bench/native_rows.h"
#include "bench/service.h"

/// One-way messages and notifications.
namespace portico::bench {
namespace {

using abi::Handle;
using abi::MessageRegisters;

constexpr unsigned kQueued = 256;  ///< messages that a batch puts into the queue or takes out of it

void send_one(Handle to) {
    MessageRegisters registers{.handle_or_id = to.value, .word = {1, 2, 3, 4, 5}};
    must(native::message_call<abi::PortSend>(registers));
}

/// Takes a message that is there; never waits.
void receive_one(Handle port) {
    MessageRegisters registers{.handle_or_id = port.value, .deadline_or_badge = abi::kNow};
    must(native::message_call<abi::PortReceive>(registers));
}

template <class Operation>
void repeat(unsigned count, Operation operation) {
    for (unsigned i = 0; i < count; ++i) operation();
}

void send_to_port_without_receiver(Measure& measure) {
    const Channel channel = Channel::create();
    measure.each_then(kQueued, [&] { send_one(channel.sender); }, [&] { repeat(kQueued, [&] { receive_one(channel.port); }); });
    channel.close();
}

void receive_from_full_queue(Measure& measure) {
    const Channel channel = Channel::create();
    const auto fill = [&] { repeat(kQueued, [&] { send_one(channel.sender); }); };
    fill();
    measure.each_then(kQueued, [&] { receive_one(channel.port); }, fill);
    channel.close();
}

void notify(Handle to) {
    must(native::call(abi::PortNotify{to, 1}));
}

/// Answers each notification by one.
void serve_notifications(Handle port, Handle back) {
    for (;;) {
        MessageRegisters registers{.handle_or_id = port.value};
        must(native::message_call<abi::PortReceive>(registers));
        if (registers.word[0] & abi::kNotifySendersGone) return;
        notify(back);
    }
}

void notification_ping_pong(Measure& measure) {
    const Channel back = Channel::create();
    const Service service([&](Handle port) { serve_notifications(port, back.sender); });
    measure.each([&] {
        notify(service.sender());
        MessageRegisters registers{.handle_or_id = back.port.value};
        must(native::message_call<abi::PortReceive>(registers));
    });
    back.close();
}

constexpr Row kRows[] = {
    {"send", send_to_port_without_receiver},
    {"receive", receive_from_full_queue},
    {"notify", notification_ping_pong},
};

}  // namespace

const Rows kMessageRows = kRows;

}  // namespace portico::bench
