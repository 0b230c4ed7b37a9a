#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "libs/result.h"
#include "protocols/file.h"
#include "runtime/handle.h"

namespace portico::file_server {

namespace file = protocols::file;

class Disk;

/// The caller's side of one read or write: in the server the windows lent for a call, in tests a buffer.
class Transfer {
public:
    virtual ~Transfer() = default;
    virtual Result<> put(uint64_t at, std::span<const std::byte> bytes) = 0;  ///< to the caller
    virtual Result<> get(uint64_t at, std::span<std::byte> bytes) = 0;        ///< from the caller
};

/// The bytes behind an open file.
///
/// Bound: one read or write moves at most kTransferBytesMax, so that no client holds the server for long.
class Content {
public:
    static constexpr uint64_t kTransferBytesMax = 1u << 20;

    virtual ~Content() = default;

    virtual uint64_t size_bytes() const { return 0; }
    virtual bool seekable() const { return true; }

    /// Both tell how many bytes were moved; a read moves none at the end. On error nothing changed.
    virtual Result<uint64_t> read(Transfer& to, uint64_t offset, uint64_t length_bytes) = 0;
    virtual Result<uint64_t> write(Transfer& from, uint64_t offset, uint64_t length_bytes) = 0;

    virtual Result<> resize(uint64_t) { return fail(Error::InvalidArgument); }

    /// Its bytes are on stable storage.
    virtual Result<> sync() { return {}; }

    /// If this is a disk: it is read and written asynchronously, through this.
    virtual Disk* disk() { return nullptr; }

    /// The memory object that holds the bytes: what mmap maps.
    virtual Result<OwnedHandle> memory(abi::Rights) { return fail(Error::NoDevice); }
};

}  // namespace portico::file_server
