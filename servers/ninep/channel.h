#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "libs/result.h"

namespace portico::ninep {

/// The way to a 9P server: a message goes, its answer comes. The driver of a device, or a model in tests.
class Channel {
public:
    Channel() = default;
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    virtual ~Channel() = default;

    /// Where requests are put, and answers come. The data of a Read (kReadHeaderBytes in the answer) are whole pages that may be given
    /// away.
    virtual std::span<std::byte> request() = 0;
    virtual std::span<std::byte> answer() = 0;

    /// From here on the exchanges belong together; nothing that the server knew of us before is left. Errors: IoError, NoDevice.
    virtual Result<> connect() = 0;

    /// Tells how long the answer is, at most what there is room for. Errors: WrongState (the server has forgotten us and did nothing),
    /// PeerClosed (the same, but it may have done what was asked), IoError, NoDevice.
    virtual Result<size_t> exchange(size_t request_bytes) = 0;
};

}  // namespace portico::ninep
