#pragma once

#include "servers/file/tmp_node.h"

namespace portico::file_server {

/// A regular file of a tmpfs.
///
/// States: its bytes are a part of the boot archive until somebody writes or maps them (`archived_`), then they are in its own
///         memory; a new file has neither. Reading needs no memory of its own.
class TmpFile final : public TmpNode, public Content {
public:
    static constexpr uint64_t kSizeBytesMax = uint64_t{1} << 43;

    TmpFile(TmpFileSystem& file_system, const NewNode& node) : TmpNode(file_system, node) {}

    Attributes attributes() override;
    Result<std::shared_ptr<Content>> content() override;

    uint64_t size_bytes() const override { return size_bytes_; }
    Result<uint64_t> read(Transfer& to, uint64_t offset, uint64_t length_bytes) override;
    Result<uint64_t> write(Transfer& from, uint64_t offset, uint64_t length_bytes) override;
    Result<> resize(uint64_t size_bytes) override;
    Result<OwnedHandle> memory(abi::Rights rights) override;

    /// The file's bytes are `part` of the archive, which stays mapped.
    void set_archived(std::span<const std::byte> part) {
        archived_ = part;
        size_bytes_ = part.size();
    }

private:
    MemorySource& source() const;
    Result<FileMemory*> own_memory();

    std::unique_ptr<FileMemory> memory_;
    std::span<const std::byte> archived_;
    uint64_t size_bytes_ = 0;
};

}  // namespace portico::file_server
