#include <algorithm>
#include <array>

#include "bench/native_rows.h"
#include "bench/service.h"
#include "runtime/stream.h"

/// One process sends records to another, as fast as both can: what a record costs both together, by the ring in shared memory, by messages
/// (as many as the record needs), by batches of messages, and by calls with a window. A batch ends when the receiver has it all.
namespace portico::bench {
namespace {

using abi::Handle;

constexpr uint64_t kRecordBytesMax = 4096;
constexpr uint64_t kMessageBytes = 8 * abi::kMessageWords;
constexpr std::byte kLast{1};  ///< first byte of a batch's last record: tell the sender

/// Where the sender learns that the receiver has a batch. Made before the fork, so that both have it.
struct Done {
    Channel channel = Channel::create();
    ~Done() { channel.close(); }

    void tell() const { must(native::call(abi::PortNotify{channel.sender, 1})); }
    void wait() const { must(native::receive(channel.port)); }
};

// ---- by the ring

std::unique_ptr<ipc::InStream> answer_connect(Handle port) {
    const native::Received received = must(native::receive(port));
    auto answer = ipc::InStream::answer(protocols::unpack<protocols::stream::Connect>(received.message));
    if (!answer) must(answer.error());
    must(ipc::Call(received).reply<protocols::stream::Connect>(answer->reply));
    return std::move(answer->stream);
}

template <unsigned kSpins>
void take_from_ring(Handle port, const Done& done) {
    const std::unique_ptr<ipc::InStream> stream = answer_connect(port);
    stream->end().side().set_spins(kSpins);
    std::array<std::byte, kRecordBytesMax> record;
    for (;;) {
        const auto length = stream->end().read_record(record, abi::kForever);
        if (!length) return;
        if (record[0] == kLast) done.tell();
    }
}

template <uint64_t kBytes, unsigned kSpins>
void by_ring(Measure& measure) {
    const Done done;
    const Service service([&](Handle port) { take_from_ring<kSpins>(port, done); });
    const auto stream = ipc::OutStream::connect(service.sender());
    if (!stream) must(stream.error());
    (*stream)->end().side().set_spins(kSpins);
    std::array<std::byte, kBytes> record{};
    const auto batch = [&](unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            record[0] = i + 1 == count ? kLast : std::byte{0};
            must((*stream)->end().write_record(record, abi::kForever));
        }
        done.wait();
    };
    measure.report(measure.figure_of(measure.settings().operations, batch, [] {}));
}

// ---- by messages

void take_messages(Handle port, const Done& done) {
    for (;;) {
        abi::MessageRegisters registers{.handle_or_id = port.value};
        must(native::message_call<abi::PortReceive>(registers));
        if (registers.header.kind() == abi::MessageKind::Notification) return;
        if (registers.header.operation() != 0) done.tell();
    }
}

/// The words that come are the record; a program would put them together, which is not counted against them here.
template <uint64_t kBytes>
void by_messages(Measure& measure) {
    const Done done;
    const Service service([&](Handle port) { take_messages(port, done); });
    constexpr uint64_t kMessages = (kBytes + kMessageBytes - 1) / kMessageBytes;
    const auto batch = [&](unsigned count) {
        for (uint64_t i = 0; i < count * kMessages; ++i) {
            const bool last = i + 1 == count * kMessages;
            abi::MessageRegisters registers{
                .handle_or_id = service.sender().value, .header = abi::Header::make(last), .word = {1, 2, 3, 4, 5}};
            must(native::message_call<abi::PortSend>(registers));
        }
        done.wait();
    };
    measure.report(measure.figure_of(measure.settings().operations, batch, [] {}));
}

// ---- by batches of messages

constexpr uint64_t kBatch = 32;

void take_batches(Handle port, const Done& done) {
    std::array<abi::Message, kBatch> messages;
    for (;;) {
        const auto received =
            native::call(abi::PortReceiveBatch{port, reinterpret_cast<uint64_t>(messages.data()), messages.size(), abi::kForever});
        if (!received && is_missing(received.error())) return done.tell();
        for (uint64_t i = 0; i < must(received).received; ++i) {
            if (messages[i].header.kind() == abi::MessageKind::Notification) return;
            if (messages[i].header.operation() != 0) done.tell();
        }
    }
}

template <uint64_t kBytes>
void by_batches(Measure& measure) {
    const Done done;
    const Service service([&](Handle port) { take_batches(port, done); });
    std::array<abi::Message, kBatch> messages{};
    constexpr uint64_t kMessages = (kBytes + kMessageBytes - 1) / kMessageBytes;
    Error error = Error::None;
    const auto batch = [&](unsigned count) {
        for (uint64_t left = count * kMessages; left > 0 && error == Error::None;) {
            const uint64_t now = std::min(left, kBatch);
            left -= now;
            messages[now - 1].header = abi::Header::make(left == 0);
            const auto sent = native::call(abi::PortSendBatch{service.sender(), reinterpret_cast<uint64_t>(messages.data()), now});
            if (!sent) error = sent.error();
            messages[now - 1].header = {};
        }
        if (error == Error::None) done.wait();
    };
    const Figure figure = measure.figure_of(measure.settings().operations, batch, [] {});
    if (is_missing(error)) return measure.report_absent("there are no batches");
    must(error);
    measure.report(figure);
}

// ---- by calls with a window

template <uint64_t kBytes>
void by_window(Measure& measure) {
    const Service service([](Handle port) {
        std::array<std::byte, kBytes> record;
        serve_calls(port, [&](abi::MessageRegisters& registers) {
            must(native::call(abi::WindowRead{registers.r14, 0, reinterpret_cast<uint64_t>(record.data()), kBytes}));
        });
    });
    std::array<std::byte, kBytes> record{};
    measure.each([&] {
        abi::MessageRegisters registers{.handle_or_id = service.sender().value};
        native::set_windows(registers, {.readable_address = reinterpret_cast<uint64_t>(record.data()), .readable_bytes = kBytes});
        must(native::message_call<abi::PortCall>(registers));
    });
}

constexpr unsigned kSpins = 500;
constexpr Row kRows[] = {
    {"stream_64_ring", by_ring<64, 0>},
    {"stream_64_ring_spinning", by_ring<64, kSpins>},
    {"stream_64_messages", by_messages<64>},
    {"stream_64_batches", by_batches<64>},
    {"stream_64_window", by_window<64>},
    {"stream_4096_ring", by_ring<4096, 0>},
    {"stream_4096_ring_spinning", by_ring<4096, kSpins>},
    {"stream_4096_window", by_window<4096>},
};

}  // namespace

const Rows kStreamRows = kRows;

}  // namespace portico::bench
