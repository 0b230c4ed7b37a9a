#include "runtime/payload.h"

#include "tests/native/storm.h"

/// Payloads of all sizes arrive, by the transport that their size and fate ask for.
/// cpus: 1 2
namespace portico::native_test {
namespace {

using ipc::Fate;
using ipc::Transport;

constexpr uint64_t kPagesMax = abi::kMessagePagesMax;
constexpr uint32_t kBytesMax = kPagesMax * abi::kPageBytes;

uint64_t sum_of(std::span<const std::byte> bytes) {
    uint64_t sum = bytes.size();
    for (const std::byte byte : bytes) sum = sum * 31 + static_cast<uint64_t>(byte);
    return sum;
}

void serve(abi::Handle port) {
    ipc::PayloadReceiver receiver(make_pages(kPagesMax), kBytesMax);
    for (;;) {
        const auto incoming = receiver.receive(port);
        CHECK(incoming);
        if (incoming->message.header.kind() != abi::MessageKind::Call) return;
        CHECK(native::reply(incoming->message.id, {.word = {sum_of(incoming->payload), incoming->message.word[0]}}));
    }
}

uint64_t send(abi::Handle server, std::span<std::byte> payload, Fate fate, uint64_t seed) {
    for (size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::byte>(mixed(seed + i / 64) >> (i % 8 * 8));
    const uint64_t sum = sum_of(payload);
    const Result<abi::Message> reply = ipc::call_with_payload(server, 1, seed, payload, fate);
    demand(reply && reply->word[0] == sum && reply->word[1] == seed, "other bytes arrived than were sent", {{"bytes", payload.size()}});
    return sum;
}

void run() {
    static_assert(ipc::transport_for(32, 8, Fate::Given) == Transport::Inline);
    static_assert(ipc::transport_for(33, 0, Fate::Given) == Transport::Window);
    static_assert(ipc::transport_for(1 << 20, 0, Fate::Kept) == Transport::Window);
    static_assert(ipc::transport_for(1 << 20, 0, Fate::Given) == Transport::Pages);
    static_assert(ipc::transport_for(1 << 20, 8, Fate::Given) == Transport::Window);
    static_assert(ipc::transport_for(ipc::kPagesBytesMin, 0, Fate::Given) == Transport::Pages);
    static_assert(ipc::transport_for(ipc::kPagesBytesMin - 1, 0, Fate::Given) == Transport::Window);

    abi::Handle port = native::call(abi::PortCreate{})->port;
    OwnedHandle sender(native::call(abi::PortBadge{port, 1, 16, abi::kMessagePagesMax})->sender);
    const pid_t server = in_child([&] {
        sender.reset();
        serve(port);
    });
    native::close(port);

    std::byte* const memory = make_pages(kPagesMax + 1);
    for (uint64_t bytes = 0; bytes <= kBytesMax; bytes = bytes * 3 / 2 + 1) {
        const uint64_t sum = send(sender.get(), {memory + 1, bytes}, Fate::Kept, bytes);
        CHECK(sum_of({memory + 1, bytes}) == sum);
    }
    ok("payloads of 0 bytes to 1 MiB arrive, and the caller keeps them");
    for (uint64_t bytes = 1; bytes <= kBytesMax; bytes = bytes * 3 / 2 + 1) {
        send(sender.get(), {memory, bytes}, Fate::Given, bytes);
        if (ipc::transport_for(bytes, 0, Fate::Given) == Transport::Pages) CHECK(memory[0] == std::byte{0});
    }
    send(sender.get(), {memory, ipc::kPagesBytesMin}, Fate::Given, 7);
    CHECK(memory[0] == std::byte{0});
    ok("and whole pages that are given away");
    const auto lie = native::call(sender.get(), {.header = abi::Header::make(1, 0, 0, 1000)});
    CHECK(lie && lie->header.status() == Error::BadProtocol);
    send(sender.get(), {memory, 100}, Fate::Kept, 1);
    ok("a length that nothing bears out is refused");
    sender.reset();
    CHECK(exit_status_of(server) == 0);
}

}  // namespace
}  // namespace portico::native_test

int main() {
    portico::native_test::run();
}
