#pragma once

#include "runtime/handle.h"
#include "servers/swap/pages.h"

namespace portico::swap {

/// The swap object by system calls.
///
/// Ownership: borrows the handle, which has Control.
class KernelPages final : public Pages {
public:
    explicit KernelPages(abi::Handle memory) : memory_(memory) {}

    Result<uint64_t> copy(uint64_t first, std::span<std::byte> landing) override;
    void written(uint64_t first, std::span<std::byte> landed) override;
    Result<> supply(uint64_t first, std::span<std::byte> pages) override;
    void refuse(uint64_t page) override;
    bool is_memory_short() override;

private:
    abi::Handle memory_;
};

}  // namespace portico::swap
