#pragma once

#include "protocols/block.h"
#include "servers/block_store/block_store.h"

namespace portico::block_store {

/// A disk by its driver, which is called and waited for. One that died is asked again: its successor serves the same disk.
class DriverStore final : public BlockStore {
public:
    /// Errors: NoDevice.
    static Result<DriverStore> open(abi::Handle driver);

    uint64_t size_bytes() const override { return info_.size_bytes; }
    bool read_only() const override { return (info_.flags & protocols::block::kFlagReadOnly) != 0; }
    Result<> read(uint64_t position, std::span<std::byte> to) override;
    Result<> write(uint64_t position, std::span<const std::byte> from) override;
    Result<> flush() override;

private:
    DriverStore(abi::Handle driver, const protocols::block::Info::Reply& info) : driver_(driver), info_(info) {}

    abi::Handle driver_;
    protocols::block::Info::Reply info_;
};

}  // namespace portico::block_store
