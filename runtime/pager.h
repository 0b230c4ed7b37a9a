#pragma once

#include <algorithm>
#include <span>

#include "runtime/handle.h"

namespace portico::ipc {

/// What the kernel gives its pager of a memory object: the other end of what clients map. The pager hears of missing pages by
/// `on_page_in(badge, PageInWords)` of its server, and answers with supply or refuse.
///
/// Ownership: owns the handle with Control. Clients' handles keep the object alive, but when this one goes nobody supplies or writes pages.
/// Buffers:   private anonymous memory, whole pages (mmap): pages move between it and the object. At most kPagesMax a call.
class PagedMemory {
public:
    static constexpr uint64_t kPageBytes = abi::kPageBytes, kPagesMax = 64;

    PagedMemory() = default;
    /// `sender`: to the port that the pager receives from; its badge is the object's name there. wait_ns 0: the kernel's default.
    static Result<PagedMemory> create(abi::Handle sender, uint64_t size_bytes, uint64_t wait_ns = 0) {
        return PagedMemory(OwnedHandle(TRY(native::call(abi::MemoryCreatePaged{size_bytes, sender, wait_ns})).memory));
    }
    abi::Handle handle() const { return memory_.get(); }
    /// For clients.
    Result<OwnedHandle> share(abi::Rights rights) const { return memory_.duplicate(rights & ~abi::Rights::Control); }

    /// The pages of `buffer` go to an offset, but for places that have a page; the buffer is empty (zero) afterwards.
    Result<> supply(uint64_t offset_bytes, std::span<std::byte> buffer) const {
        return supply(offset_bytes, reinterpret_cast<uint64_t>(buffer.data()), buffer.size());
    }
    Result<> supply_zeros(uint64_t offset_bytes, uint64_t length_bytes) const { return supply(offset_bytes, 0, length_bytes); }
    /// There are no such pages, or they cannot be read: who waits for them gets a fault, or IoError from a system call.
    Result<> refuse(uint64_t offset_bytes, uint64_t length_bytes) const {
        return native::call(abi::MemorySupply{handle(), offset_bytes, 0, length_bytes, static_cast<uint64_t>(Error::IoError)});
    }

    /// Calls `write(offset, page)` for each dirty page of a range, all of which leave the object then (evict) or stay, clean (clean).
    /// `buffer`, as long as a part of the range that is done at once, gets the pages; they are the pager's to keep or overwrite.
    template <class Write>
    Result<uint64_t> evict(uint64_t offset_bytes, uint64_t length_bytes, std::span<std::byte> buffer, Write write) const {
        return detach(offset_bytes, length_bytes, buffer, false, write);
    }
    template <class Write>
    Result<uint64_t> clean(uint64_t offset_bytes, uint64_t length_bytes, std::span<std::byte> buffer, Write write) const {
        return detach(offset_bytes, length_bytes, buffer, true, write);
    }
    /// Only clean pages of at most kPagesMax leave: nothing to write. Bit N of dirty: page N stayed.
    Result<abi::MemoryDetach::Reply> drop_clean(uint64_t offset_bytes, uint64_t length_bytes) const {
        return native::call(abi::MemoryDetach{handle(), offset_bytes, 0, length_bytes});
    }

private:
    explicit PagedMemory(OwnedHandle memory) : memory_(std::move(memory)) {}

    Result<> supply(uint64_t offset_bytes, uint64_t address, uint64_t length_bytes) const {
        constexpr uint64_t kStep = kPagesMax * kPageBytes;
        for (uint64_t done = 0; done < length_bytes; done += kStep)
            TRY(native::call(
                abi::MemorySupply{handle(), offset_bytes + done, address == 0 ? 0 : address + done, std::min(kStep, length_bytes - done)}));
        return {};
    }
    template <class Write>
    Result<uint64_t> detach(uint64_t offset_bytes, uint64_t length_bytes, std::span<std::byte> buffer, bool keep, Write write) const {
        const uint64_t step = std::min(buffer.size() / kPageBytes, kPagesMax) * kPageBytes;
        if (step == 0) return fail(Error::InvalidArgument);
        const auto address = reinterpret_cast<uint64_t>(buffer.data());
        uint64_t written = 0;
        for (uint64_t done = 0; done < length_bytes; done += step) {
            const uint64_t length = std::min(step, length_bytes - done);
            const auto bits = TRY(native::call(abi::MemoryDetach{handle(), offset_bytes + done, address, length, keep}));
            for (uint64_t page = 0; page < length / kPageBytes; ++page) {
                if ((bits.dirty >> page & 1) == 0) continue;
                write(offset_bytes + done + page * kPageBytes, buffer.subspan(page * kPageBytes, kPageBytes));
                ++written;
            }
        }
        return written;
    }

    OwnedHandle memory_;
};

}  // namespace portico::ipc
