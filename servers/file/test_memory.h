#pragma once

#include <cstring>
#include <vector>

#include "servers/file/content.h"
#include "servers/file/file_memory.h"

/// Fakes for the tests on the host.
namespace portico::file_server {

class VectorMemory final : public FileMemory {
public:
    explicit VectorMemory(std::vector<std::byte> bytes = {}) : bytes_(std::move(bytes)) {}
    Result<> resize(uint64_t size_bytes) override {
        bytes_.resize(size_bytes);
        return {};
    }
    Result<std::byte*> map(uint64_t offset, uint64_t length_bytes) override {
        if (offset + length_bytes > bytes_.size()) return fail(Error::InvalidArgument);
        return bytes_.data() + offset;
    }
    Result<OwnedHandle> share(abi::Rights) override { return fail(Error::NotSupported); }
    uint64_t resident_bytes() const override { return bytes_.size(); }

private:
    std::vector<std::byte> bytes_;
};

class VectorMemorySource final : public MemorySource {
public:
    Result<std::unique_ptr<FileMemory>> create() override { return std::make_unique<VectorMemory>(); }
    Result<std::unique_ptr<FileMemory>> copy_of_archive(std::span<const std::byte> part) override {
        ++archive_copies;
        return std::make_unique<VectorMemory>(std::vector(part.begin(), part.end()));
    }
    Result<> admit(uint64_t bytes) override {
        if (bytes > free_bytes) return fail(Error::NoSpace);
        return {};
    }
    MemorySpace space() const override { return {.total_bytes = free_bytes, .free_bytes = free_bytes}; }

    uint64_t free_bytes = uint64_t{1} << 30;
    unsigned archive_copies = 0;
};

class BufferTransfer final : public Transfer {
public:
    explicit BufferTransfer(std::string_view text = {}) : bytes(text) {}
    Result<> put(uint64_t at, std::span<const std::byte> from) override {
        if (fails) return fail(Error::BadAddress);
        if (bytes.size() < at + from.size()) bytes.resize(at + from.size());
        std::memcpy(bytes.data() + at, from.data(), from.size());
        return {};
    }
    Result<> get(uint64_t at, std::span<std::byte> to) override {
        if (fails) return fail(Error::BadAddress);
        std::memcpy(to.data(), bytes.data() + at, to.size());
        return {};
    }
    std::string bytes;
    bool fails = false;
};

inline std::string read_all(Content& content, uint64_t offset = 0, uint64_t length_bytes = 1 << 20) {
    BufferTransfer transfer;
    return content.read(transfer, offset, length_bytes) ? transfer.bytes : "(error)";
}

inline Result<uint64_t> write_text(Content& content, uint64_t offset, std::string_view text) {
    BufferTransfer transfer(text);
    return content.write(transfer, offset, text.size());
}

}  // namespace portico::file_server
