#pragma once

#include <cstdint>

#include "protocols/method.h"

/// A folder that the host shares: its server there speaks 9P, and this carries the messages, whole, one after the other. What is in them is
/// between client and host.
///
/// Session: what the host's server keeps of the client (fids) goes when the device is reset or the driver starts anew. Each Exchange names
/// the session that it belongs to.
///
/// Restart: a driver that dies fails the exchange it had taken with PeerClosed: whether the host has done it is not known. What was queued
/// its successor refuses with NotFound, as the session is another.
///
/// Errors: NotFound (that session has ended; nothing was done), TooLarge, BadAddress, IoError (the device broke its protocol or did not
/// answer in time, and was reset: the session has ended, and what was asked may have been done), NoDevice (it is broken for good).
namespace portico::protocols::share {

struct Info {
    static constexpr Method method{0x610, "share.info", "Describe the share; its name (mount tag) goes to the writable window.",
                                   Repeat::Yes};
    struct Reply {
        uint64_t session;            ///< never 0, never the same again
        uint64_t message_bytes_max;  ///< each way
        uint64_t tag_bytes;
    };
};

struct Exchange {
    static constexpr Method method{0x611, "share.exchange",
                                   "Send the message in the readable window to the host; its answer goes to the writable one."};
    struct Reply {
        uint64_t length_bytes;  ///< of the answer
    };
    uint64_t session;
};

using Protocol = MethodList<Info, Exchange>;

}  // namespace portico::protocols::share
