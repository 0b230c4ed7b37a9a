#pragma once

#include "protocols/share.h"
#include "runtime/ipc.h"
#include "servers/ninep/channel.h"

namespace portico::ninep {

/// The channel through the driver of a virtio device (protocols/share.h). The caller waits for the host.
///
/// Ownership: borrows the driver's handle; owns its buffers, for ever.
class DriverChannel final : public Channel {
public:
    /// Errors: NoDevice, NoMemory.
    static Result<std::unique_ptr<DriverChannel>> open(abi::Handle driver);

    const std::string& tag() const { return tag_; }

    std::span<std::byte> request() override { return request_; }
    std::span<std::byte> answer() override { return answer_; }
    Result<> connect() override;
    Result<size_t> exchange(size_t request_bytes) override;

private:
    explicit DriverChannel(abi::Handle driver) : driver_(driver) {}

    abi::Handle driver_;
    std::string tag_;
    uint64_t session_ = 0;
    std::span<std::byte> request_, answer_;
};

}  // namespace portico::ninep
