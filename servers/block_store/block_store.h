#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "libs/result.h"

namespace portico::block_store {

/// The disk under a file system or the swap space: whole sectors, synchronously. A driver in the server, a file or memory in tests.
class BlockStore {
public:
    virtual ~BlockStore() = default;
    virtual uint64_t size_bytes() const = 0;
    virtual bool read_only() const = 0;
    virtual Result<> read(uint64_t position, std::span<std::byte> to) = 0;
    virtual Result<> write(uint64_t position, std::span<const std::byte> from) = 0;
    virtual Result<> flush() = 0;  ///< what was written is on stable storage
};

}  // namespace portico::block_store
