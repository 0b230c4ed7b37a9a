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

constexpr unsigned kBatch = 32;                  ///< messages in one system call
constexpr unsigned kBatches = kQueued / kBatch;  ///< system calls that are measured together

void send_batch(Handle to, abi::Message* messages) {
    const uint64_t address = reinterpret_cast<uint64_t>(messages);
    if (must(native::call(abi::PortSendBatch{to, address, kBatch})).sent != kBatch) give_up("a batch was not sent whole", kBatch);
}

void receive_batch(Handle port, abi::Message* messages) {
    const uint64_t address = reinterpret_cast<uint64_t>(messages);
    if (must(native::call(abi::PortReceiveBatch{port, address, kBatch, abi::kNow})).received != kBatch)
        give_up("a batch was not received whole", kBatch);
}

Figure for_each_message(const Figure& of_batch) {
    return {.minimum = of_batch.minimum / kBatch, .median = of_batch.median / kBatch};
}

void send_in_batches(Measure& measure) {
    const Channel channel = Channel::create();
    alignas(kBatch * sizeof(abi::Message)) abi::Message messages[kBatch];  // in one page
    for (abi::Message& message : messages) message = {.word = {1, 2, 3, 4, 5}};
    const auto send = [&] { send_batch(channel.sender, messages); };
    const auto drain = [&] { repeat(kQueued, [&] { receive_one(channel.port); }); };
    measure.report(for_each_message(measure.figure_of(kBatches, Measure::repeated(send), drain)));
    channel.close();
}

void receive_in_batches(Measure& measure) {
    const Channel channel = Channel::create();
    alignas(kBatch * sizeof(abi::Message)) abi::Message messages[kBatch];  // in one page
    const auto receive = [&] { receive_batch(channel.port, messages); };
    const auto fill = [&] { repeat(kQueued, [&] { send_one(channel.sender); }); };
    fill();
    measure.report(for_each_message(measure.figure_of(kBatches, Measure::repeated(receive), fill)));
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
    {"send", send_to_port_without_receiver}, {"receive", receive_from_full_queue}, {"send_batch", send_in_batches},
    {"receive_batch", receive_in_batches},   {"notify", notification_ping_pong},
};

}  // namespace

const Rows kMessageRows = kRows;

}  // namespace portico::bench
