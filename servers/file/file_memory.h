#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

#include "libs/result.h"
#include "runtime/handle.h"

namespace portico::file_server {

/// The storage of one tmpfs file: a kernel memory object in the server, a vector in tests.
class FileMemory {
public:
    virtual ~FileMemory() = default;

    /// Bytes past the old size read as zero, bytes past the new one are lost. Errors: NoMemory, NoSpace.
    virtual Result<> resize(uint64_t size_bytes) = 0;

    /// The address of a range inside the size, until the next call of anything here. Touch it only by system calls: they
    /// fail where a page can not be had, an instruction would end the server.
    virtual Result<std::byte*> map(uint64_t offset, uint64_t length_bytes) = 0;

    virtual Result<OwnedHandle> share(abi::Rights rights) = 0;
    virtual uint64_t resident_bytes() const = 0;
    /// The kernel's number of the memory object; 0: it has none.
    virtual uint64_t id() const { return 0; }
};

class Node;

struct MemorySpace {
    uint64_t total_bytes = 0, free_bytes = 0;
};

/// Makes storage and says how much may still be used.
class MemorySource {
public:
    virtual ~MemorySource() = default;

    /// Empty storage.
    virtual Result<std::unique_ptr<FileMemory>> create() = 0;

    /// Storage that starts as a part of the boot archive.
    virtual Result<std::unique_ptr<FileMemory>> copy_of_archive(std::span<const std::byte> part) = 0;

    /// Asks before anything grows by about `bytes`: NoSpace once only the reserve for the server's own needs is left.
    virtual Result<> admit(uint64_t bytes) = 0;

    virtual MemorySpace space() const = 0;

    /// Whose memory object it is, for those who see it mapped; null if no file's.
    void note_owner(uint64_t id, std::weak_ptr<Node> owner) { owners_[id] = std::move(owner); }
    void forget_owner(uint64_t id) { owners_.erase(id); }
    std::shared_ptr<Node> owner_of(uint64_t id) const {
        const auto found = owners_.find(id);
        return found == owners_.end() ? nullptr : found->second.lock();
    }
    /// What is in memory for files only, so far as it is known. It takes a look at each.
    virtual uint64_t cached_bytes() const { return 0; }

private:
    std::unordered_map<uint64_t, std::weak_ptr<Node>> owners_;
};

}  // namespace portico::file_server
