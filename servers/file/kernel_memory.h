#pragma once

#include <list>
#include <unordered_set>

#include "servers/file/file_memory.h"

namespace portico::file_server {

class KernelMemorySource;

/// A file's bytes in a kernel memory object, mapped into the server on demand.
///
/// Ownership: owns the object's handle and the mapping. Clients may hold handles too (GetMemory) and, if they may write, even
///            resize it: then the server's copies fail with BadAddress, nothing worse.
/// Bound:     a mapping has at most kMapBytesMax, and the source keeps at most kMappingsMax of them.
class KernelMemory final : public FileMemory {
public:
    KernelMemory(KernelMemorySource& source, OwnedHandle memory, uint64_t size_bytes, bool of_archive = false);
    KernelMemory(const KernelMemory&) = delete;
    KernelMemory& operator=(const KernelMemory&) = delete;
    ~KernelMemory() override;

    Result<> resize(uint64_t size_bytes) override;
    Result<std::byte*> map(uint64_t offset, uint64_t length_bytes) override;
    Result<OwnedHandle> share(abi::Rights rights) override { return memory_.duplicate(rights); }
    uint64_t resident_bytes() const override;
    bool is_mapped() const { return map_bytes_ != 0; }
    uint64_t id() const override { return id_; }

private:
    friend class KernelMemorySource;
    static constexpr uint64_t kMapBytesMin = 64 << 10;
    static constexpr uint64_t kMapBytesMax = uint64_t{256} << 20;

    Result<> map_around(uint64_t offset);
    void unmap();

    KernelMemorySource& source_;
    OwnedHandle memory_;
    uint64_t id_ = 0;
    bool of_archive_;          // shares its pages
    uint64_t size_bytes_;      // what the file has
    uint64_t capacity_bytes_;  // what the object has: whole pages
    uint64_t map_address_ = 0, map_offset_ = 0, map_bytes_ = 0;
    std::list<KernelMemory*>::iterator recent_position_;  // in the source's list while mapped
};

/// Makes KernelMemory out of the server's account, and keeps a reserve there for the server itself: its heap has no other way
/// to learn that memory is short.
class KernelMemorySource final : public MemorySource {
public:
    KernelMemorySource(abi::Handle archive, std::span<const std::byte> archive_bytes) : archive_(archive), archive_bytes_(archive_bytes) {}

    Result<std::unique_ptr<FileMemory>> create() override;
    Result<std::unique_ptr<FileMemory>> copy_of_archive(std::span<const std::byte> part) override;
    Result<> admit(uint64_t bytes) override;
    MemorySpace space() const override;
    uint64_t cached_bytes() const override;

private:
    friend class KernelMemory;
    static constexpr size_t kMappingsMax = 256;
    static constexpr uint64_t kReserveBytes = 4 << 20;

    void used(KernelMemory& memory) { recent_.splice(recent_.begin(), recent_, memory.recent_position_); }
    void add(KernelMemory& memory);

    abi::Handle archive_;
    std::span<const std::byte> archive_bytes_;
    std::list<KernelMemory*> recent_;  // mapped ones, the last used first
    std::unordered_set<KernelMemory*> all_;
    uint64_t allowance_bytes_ = 0;  // may be admitted before asking the kernel again
};

}  // namespace portico::file_server
