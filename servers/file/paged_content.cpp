#include "servers/file/paged_content.h"

#include <algorithm>
#include <bit>

namespace portico::file_server {
namespace {

constexpr uint64_t kFaultPages = 16;  // read in by a fault, if so many behind it are absent

}  // namespace

Result<Pages*> PagedContent::pages() {
    if (!pages_) pages_ = TRY(source_.create(*this, pages_of(size_bytes_) * kPageBytes));
    return pages_.get();
}

Result<bool> PagedContent::prepare_again(Error error, uint64_t offset, uint64_t length_bytes, unsigned tries) {
    if (error == Error::WouldBlock) {
        // Once more than that, it is the caller's own memory that is absent, and a file of ours: it will find out and ask again.
        if (tries == kTriesMax) return fail(Error::BadAddress);
        const uint64_t first = offset / kPageBytes, end = pages_of(offset + length_bytes);
        const uint64_t ahead_end = offset == read_end_ ? std::min(first + kAtOnce, pages_of(size_bytes_)) : end;
        if (ahead_end > end && read_in(first, ahead_end - first)) return true;
        const Result<> read = read_in(first, end - first);
        if (read) return true;
        if (read.error() != Error::NoMemory) return fail(read.error());
    } else if (error != Error::NoMemory) {
        return false;
    }
    if (tries == kTriesMax) return fail(Error::NoMemory);
    make_room();
    return true;
}

Result<uint64_t> PagedContent::read(Transfer& to, uint64_t offset, uint64_t length_bytes) {
    if (offset >= size_bytes_) return 0;
    length_bytes = std::min({length_bytes, size_bytes_ - offset, kTransferBytesMax});
    if (length_bytes == 0) return 0;
    Pages& pages = *TRY(this->pages());
    const Result<> copied = with_pages(offset, length_bytes, [&]() -> Result<> {
        std::byte* const address = TRY(pages.map(offset, length_bytes));
        return to.put(0, {address, length_bytes});
    });
    // Up to what cannot be read, all can.
    const uint64_t in_first_page = kPageBytes - offset % kPageBytes;
    if (!copied && copied.error() == Error::IoError && length_bytes > in_first_page) return PagedContent::read(to, offset, in_first_page);
    TRY(copied);
    read_end_ = offset + length_bytes;
    return length_bytes;
}

Result<> PagedContent::read_in(uint64_t first_page, uint64_t page_count) {
    Pages& pages = *TRY(this->pages());
    count_pages(page_count);
    for (uint64_t done = 0; done < page_count;) {
        const uint64_t part = std::min(page_count - done, kAtOnce);
        const uint64_t present = TRY(pages.look_at((first_page + done) * kPageBytes, part * kPageBytes)).present;
        for (uint64_t i = 0; i < part;) {
            if ((present >> i & 1) != 0) {
                ++i;
                continue;
            }
            uint64_t end = i + 1;
            while (end < part && (present >> end & 1) == 0) ++end;
            TRY(read_run(first_page + done + i, end - i));
            i = end;
        }
        done += part;
    }
    return {};
}

void PagedContent::page_in(uint64_t offset, uint64_t length_bytes) {
    const uint64_t first = offset / kPageBytes, end = pages_of(size_bytes_);
    const uint64_t wanted = std::clamp<uint64_t>(length_bytes / kPageBytes, 1, offset == read_end_ ? kAtOnce : kFaultPages);
    const uint64_t count = first < end ? std::min(wanted, end - first) : 1;
    read_end_ = (first + count) * kPageBytes;
    if (read_in(first, count)) return;
    make_room();  // it may have been that
    if (!read_in(first, 1)) pages_->refuse(offset, kPageBytes);
}

Result<uint64_t> PagedContent::write_part(uint64_t page, uint64_t count, bool keep) {
    const std::span<std::byte> landing = source_.landing().first(count * kPageBytes);
    const Pages::Bits bits = TRY(pages_->take_dirty(page * kPageBytes, landing, keep));
    if (bits.dirty != 0)
        if (const Result<> written = write_out(page, bits.dirty); !written) lost_ = written.error();
    return static_cast<uint64_t>(std::popcount(bits.present));
}

uint64_t PagedContent::evict(uint64_t pages_max) {
    const uint64_t end = pages_of(size_bytes_);
    uint64_t freed = 0;
    for (uint64_t looked = 0; pages_ && looked < end && freed < pages_max;) {
        if (evicted_end_ >= end) evicted_end_ = 0;
        const uint64_t count = std::min(end - evicted_end_, kAtOnce);
        if (!begin_writing()) break;
        const Result<uint64_t> there = write_part(evicted_end_, count, false);
        if (!there) break;
        freed += *there;
        looked += count;
        evicted_end_ += count;
    }
    return freed;
}

}  // namespace portico::file_server
