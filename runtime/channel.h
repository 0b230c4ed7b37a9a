#pragma once

#include "runtime/handle.h"

namespace portico::ipc {

inline constexpr uint64_t kCreditsDefault = 64;

/// Another handle to send to a port, whose messages carry `badge`.
inline Result<OwnedHandle> make_sender(abi::Handle port, uint64_t badge, uint64_t credits = kCreditsDefault) {
    return OwnedHandle(TRY(native::call(abi::PortBadge{.port = port, .badge = badge, .credits = credits})).sender);
}

/// Both ends of a new port: one to receive from, one to send to it.
struct Channel {
    OwnedHandle port;
    OwnedHandle sender;

    static Result<Channel> create(uint64_t badge = 0, uint64_t credits = kCreditsDefault) {
        OwnedHandle port(TRY(native::call(abi::PortCreate{})).port);
        OwnedHandle sender = TRY(make_sender(port.get(), badge, credits));
        return Channel{std::move(port), std::move(sender)};
    }
};

}  // namespace portico::ipc
