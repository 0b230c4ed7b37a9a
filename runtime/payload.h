#pragma once

#include <algorithm>
#include <memory>
#include <span>

#include "runtime/handle.h"
#include "runtime/native.h"

/// Bytes that go with a call, by the cheapest way for their number and for what becomes of them at the caller.
///
///     client:  TRY(ipc::call_with_payload(server, kPrint, bytes, ipc::Fate::Kept));
///     server:  Incoming got = TRY(receiver.receive(port));   … got.payload …   native::reply(got.message.id, …)
///
/// A receiver's payload is its own in every case: nobody changes it while it is looked at. Data that both sides want to build and read
/// in place, over and over, belong into blocks of a shared heap (shared_heap.h), which this does not choose.
namespace portico::ipc {

enum class Transport : uint8_t {
    Inline,  ///< in the words
    Window,  ///< lent, copied once by the kernel
    Pages,   ///< moved
};
/// What the caller wants of the memory after the call.
enum class Fate : uint8_t {
    Kept,   ///< the bytes as they were
    Given,  ///< nothing: whole pages of private memory, which read as zeros afterwards
};

/// The crossovers as measured (docs/ipc-study.md, "heap, pages or copying"): words cost least for what fits into them, then a window; at
/// 16 KiB it still costs less than moving the pages, at 32 KiB more.
inline constexpr uint64_t kInlineBytesMax = 8 * (abi::kMessageWords - 1);  ///< word 0 stays the caller's
inline constexpr uint64_t kPagesBytesMin = 8 * abi::kPageBytes;
inline constexpr uint64_t kPagesBytesMax = uint64_t{abi::kMessagePagesMax} * abi::kPageBytes;

constexpr Transport transport_for(uint64_t bytes, uint64_t address, Fate fate) {
    if (bytes <= kInlineBytesMax) return Transport::Inline;
    const bool pages = fate == Fate::Given && address % abi::kPageBytes == 0 && bytes >= kPagesBytesMin && bytes <= kPagesBytesMax;
    return pages ? Transport::Pages : Transport::Window;
}

constexpr uint32_t whole_pages(uint64_t bytes) {
    return static_cast<uint32_t>((bytes + abi::kPageBytes - 1) / abi::kPageBytes * abi::kPageBytes);
}

/// Calls with `payload`; word 0 of the reply and the request are free for use. Given memory must be whole pages, of which the payload is
/// the beginning. Errors: those of port_call; TooLarge.
inline Result<abi::Message> call_with_payload(abi::Handle to, uint16_t operation, uint64_t word, std::span<const std::byte> payload,
                                              Fate fate, uint64_t deadline_ns = abi::kForever) {
    if (payload.size() > abi::kWindowBytesMax) return fail(Error::TooLarge);
    const auto address = reinterpret_cast<uint64_t>(payload.data());
    const auto bytes = static_cast<uint32_t>(payload.size());
    abi::MessageRegisters registers{
        .handle_or_id = to.value, .header = abi::Header::make(operation, 0, 0, bytes), .word = {word}, .deadline_or_badge = deadline_ns};
    switch (transport_for(bytes, address, fate)) {
    case Transport::Inline:
        std::copy(payload.begin(), payload.end(), reinterpret_cast<std::byte*>(registers.word + 1));
        break;
    case Transport::Window:
        native::set_windows(registers, {.readable_address = address, .readable_bytes = bytes});
        break;
    case Transport::Pages:
        native::set_pages(registers, {.readable_address = address, .readable_bytes = whole_pages(bytes)});
        break;
    }
    const Error error = native::message_call<abi::PortCall>(registers);
    if (error != Error::None) return fail(error);
    return native::message_of(registers);
}

/// The server's side: takes messages with payloads of up to `bytes_max`.
///
/// Ownership: the caller's `landing` is kPagesBytesMax of private, writable, anonymous memory that nothing else uses; what lands replaces
///            its pages. A payload is valid until the next receive.
/// Locks:     none, one thread.
/// Trust:     a caller's length is only believed as far as the kernel confirms it: by what is lent, or by the pages that came.
class PayloadReceiver {
public:
    PayloadReceiver(std::byte* landing, uint32_t bytes_max)
        : landing_(landing), buffer_(std::make_unique_for_overwrite<std::byte[]>(bytes_max)), bytes_max_(bytes_max) {}

    struct Incoming {
        abi::Message message;
        std::span<const std::byte> payload;
    };

    /// A call whose payload cannot be had is refused, and the next message taken: BadProtocol if it tells more than it brought, TooLarge.
    /// Errors: those of port_receive.
    Result<Incoming> receive(abi::Handle port, uint64_t deadline_ns = abi::kForever) {
        for (;;) {
            const native::Received received =
                TRY(native::receive(port, deadline_ns, {reinterpret_cast<uint64_t>(landing_), static_cast<uint32_t>(kPagesBytesMax)}));
            if (received.message.header.kind() != abi::MessageKind::Call) return Incoming{received.message, {}};
            Incoming incoming{received.message, {}};
            const Result<std::span<const std::byte>> payload = payload_of(received, incoming.message);
            if (payload) {
                words_ = incoming.message;
                incoming.payload = payload->data() == nullptr ? inline_bytes(payload->size()) : *payload;
                return incoming;
            }
            (void)native::reply(received.message.id, {.header = abi::Header::make(static_cast<uint16_t>(payload.error()))});
        }
    }

private:
    /// Null with a length: it is in the words.
    Result<std::span<const std::byte>> payload_of(const native::Received& received, const abi::Message& message) {
        const uint32_t bytes = message.header.user_bits();
        if (message.header.has_pages()) {
            if (bytes > received.page_bytes()) return fail(Error::BadProtocol);
            return std::span<const std::byte>(landing_, bytes);
        }
        if (!message.header.has_windows()) {
            if (bytes > kInlineBytesMax) return fail(Error::BadProtocol);
            return std::span<const std::byte>(static_cast<const std::byte*>(nullptr), bytes);
        }
        if (bytes > bytes_max_) return fail(Error::TooLarge);
        if (bytes > received.readable_bytes) return fail(Error::BadProtocol);
        if (bytes > 0) TRY(native::call(abi::WindowRead{message.id, 0, reinterpret_cast<uint64_t>(buffer_.get()), bytes}));
        return std::span<const std::byte>(buffer_.get(), bytes);
    }
    std::span<const std::byte> inline_bytes(size_t bytes) const { return {reinterpret_cast<const std::byte*>(words_.word + 1), bytes}; }

    std::byte* landing_;
    std::unique_ptr<std::byte[]> buffer_;
    uint32_t bytes_max_;
    abi::Message words_;
};

}  // namespace portico::ipc
