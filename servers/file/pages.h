#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "libs/result.h"
#include "runtime/handle.h"

namespace portico::file_server {

/// Whom the kernel asks for absent pages of a file, and gives back dirty ones.
class PageOwner {
public:
    virtual ~PageOwner() = default;
    virtual void page_in(uint64_t offset, uint64_t length_bytes) = 0;   ///< the page at `offset` is wanted, those behind it are absent too
    virtual void page_out(uint64_t offset, uint64_t length_bytes) = 0;  ///< memory is short
};

/// The pages of one file that are in memory, which reads, writes, mappings and programs share: a paged memory object of which this server
/// is the pager, or what stands for one in tests. Offsets are those of pages but where bytes are copied.
class Pages {
public:
    static constexpr uint64_t kPageBytes = 4096, kPagesAtOnce = 64;

    virtual ~Pages() = default;

    /// What is behind the new size goes, and the rest of its last page is cleared. Errors: NoMemory.
    virtual Result<> resize(uint64_t size_bytes) = 0;
    /// Where a range can be copied from and to by system calls, until the next call of anything here. They fail with WouldBlock where a
    /// page is absent.
    virtual Result<std::byte*> map(uint64_t offset, uint64_t length_bytes) = 0;
    /// Zeros; WouldBlock where a page is absent.
    virtual Result<> clear(uint64_t offset, uint64_t length_bytes) = 0;

    /// Takes pages of the buffer that the source lends; places that have a page keep theirs.
    virtual Result<> supply(uint64_t offset, std::span<std::byte> pages) = 0;
    virtual Result<> supply_zeros(uint64_t offset, uint64_t length_bytes) = 0;
    /// The pages cannot be read: who waits for them fails.
    virtual void refuse(uint64_t offset, uint64_t length_bytes) = 0;

    struct Bits {
        uint64_t present = 0, dirty = 0;  ///< bit N: page N of the range
    };
    /// At most kPagesAtOnce pages. Copies of the dirty ones land at their places in the range, and are clean; all leave memory or stay.
    virtual Result<Bits> take_dirty(uint64_t offset, std::span<std::byte> landing, bool keep) = 0;
    virtual Result<Bits> look_at(uint64_t offset, uint64_t length_bytes) = 0;

    virtual Result<OwnedHandle> share(abi::Rights rights) = 0;
    /// Whether a process has a handle or a mapping.
    virtual bool is_shared() const = 0;
};

class PageSource {
public:
    virtual ~PageSource() = default;
    /// The owner must outlive what is made.
    virtual Result<std::unique_ptr<Pages>> create(PageOwner& owner, uint64_t size_bytes) = 0;
    /// kPagesAtOnce pages to read into and supply, or for dirty ones to land in.
    virtual std::span<std::byte> buffer() = 0;
    virtual std::span<std::byte> landing() = 0;
    virtual bool is_memory_short() = 0;
};

}  // namespace portico::file_server
