#include <algorithm>

#include "servers/pipe/socket.h"

/// SOL_SOCKET options, by Linux's numbers.
namespace portico::pipe_server {
namespace {

enum Option : uint64_t {
    kReuseAddress = 2,
    kType = 3,
    kError = 4,
    kDoNotRoute = 5,
    kBroadcast = 6,
    kSendBuffer = 7,
    kReceiveBuffer = 8,
    kKeepAlive = 9,
    kOutOfBandInline = 10,
    kPriority = 12,
    kReusePort = 15,
    kPassCredentials = 16,
    kPeerCredentials = 17,
    kReceiveLimit = 20,
    kSendLimit = 21,
    kTimestamp = 29,
    kAcceptsConnections = 30,
    kSendBufferForced = 32,
    kReceiveBufferForced = 33,
    kProtocol = 38,
    kDomain = 39,
};

/// Switches that change nothing for AF_UNIX, and that Linux keeps all the same.
constexpr uint64_t kInert = 1ull << kReuseAddress | 1ull << kDoNotRoute | 1ull << kBroadcast | 1ull << kKeepAlive |
                            1ull << kOutOfBandInline | 1ull << kReusePort | 1ull << kTimestamp;
constexpr uint64_t kUnixDomain = 1;

constexpr bool is_inert(uint64_t option) {
    return option < 64 && (kInert >> option & 1) != 0;
}

}  // namespace

Result<sockets::GetOption::Reply> Socket::option(uint64_t option) {
    const auto number = [](uint64_t value) { return sockets::GetOption::Reply{.value = {value, 0}}; };
    if (is_inert(option)) return number(inert_options_ >> option & 1);
    switch (option) {
    case Option::kType:
        return number(static_cast<uint64_t>(form_));
    case kError:
        return number(static_cast<uint64_t>(std::exchange(pending_, sockets::Trouble::None)));
    case kSendBuffer:
        return number(send_buffer_);
    case kReceiveBuffer:
        return number(receive_buffer_);
    case kPassCredentials:
        return number(passes_credentials_);
    case kPeerCredentials: {
        if (state_ != State::Connected) return sockets::GetOption::Reply{.value = {0, ~uint64_t{0}}};
        const uint64_t ids = peer_owner_.uid | uint64_t{peer_owner_.gid} << 32;
        return sockets::GetOption::Reply{.value = {static_cast<uint64_t>(peer_owner_.pid), ids}};
    }
    case kReceiveLimit:
        return number(receive_limit_ns_);
    case kSendLimit:
        return number(send_limit_ns_);
    case kAcceptsConnections:
        return number(state_ == State::Listening);
    case kPriority:
    case kProtocol:
        return number(0);
    case kDomain:
        return number(kUnixDomain);
    default:
        return fail(Error::NotSupported);
    }
}

Result<> Socket::set_option(uint64_t option, uint64_t value) {
    // Linux takes twice what it is told, for its own records.
    const auto buffer_bytes =
        static_cast<uint32_t>(std::clamp<uint64_t>(2 * std::min<uint64_t>(value, kBufferBytesMax), kBufferBytesMin, kBufferBytesMax));
    if (is_inert(option)) {
        inert_options_ = (inert_options_ & ~(1ull << option)) | uint64_t{value != 0} << option;
        return {};
    }
    switch (option) {
    case kSendBuffer:
    case kSendBufferForced:
        send_buffer_ = buffer_bytes;
        return {};
    case kReceiveBuffer:
    case kReceiveBufferForced:
        receive_buffer_ = buffer_bytes;
        return {};
    case kPassCredentials:
        passes_credentials_ = value != 0;
        return {};
    case kReceiveLimit:
        receive_limit_ns_ = value;
        return {};
    case kSendLimit:
        send_limit_ns_ = value;
        return {};
    case kPriority:
        return {};
    default:
        return fail(Error::NotSupported);
    }
}

}  // namespace portico::pipe_server
