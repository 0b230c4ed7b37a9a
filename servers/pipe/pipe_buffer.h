#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace portico::pipe_server {

/// The bytes in a pipe, a ring. Data is added and taken in two steps, so that whoever moves it can first see whether the
/// other side took it: fill `space` then `commit`; send `data` then `consume`.
///
/// Bound: kCapacityBytes; pages are made when first reached, and a pipe that runs empty begins at its first page again, so one
///        that never holds much needs one page.
class PipeBuffer {
public:
    static constexpr uint64_t kCapacityBytes = 64 << 10;
    static constexpr uint64_t kPageBytes = 4096;

    uint64_t size() const { return size_; }
    uint64_t room() const { return kCapacityBytes - size_; }
    bool empty() const { return size_ == 0; }

    /// Room behind the data and `offset` more bytes, as far as it is in one piece. Empty: full, or no memory for a page.
    std::span<std::byte> space(uint64_t offset, uint64_t bytes_max);
    void commit(uint64_t bytes) { size_ += bytes; }

    /// Data from `offset` on, as far as it is in one piece.
    std::span<const std::byte> data(uint64_t offset, uint64_t bytes_max) const;
    void consume(uint64_t bytes);

    /// All of `bytes`, which there is room for, or nothing: false if there is no memory for a page.
    bool append(std::span<const std::byte> bytes);

    // What was done last, and only that, can be taken back.
    void take_back_commit(uint64_t bytes) { size_ -= bytes; }
    void take_back_consume(uint64_t bytes) {
        begin_ = begin_before_;
        size_ += bytes;
    }

private:
    /// Aligned, so that the kernel copies to and from a single page.
    struct alignas(kPageBytes) Page {
        std::byte bytes[kPageBytes];
    };

    std::array<std::unique_ptr<Page>, kCapacityBytes / kPageBytes> pages_;
    uint64_t begin_ = 0;
    uint64_t begin_before_ = 0;  // the last consume
    uint64_t size_ = 0;
};

}  // namespace portico::pipe_server
