#include "servers/pipe/pipe_buffer.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace portico::pipe_server {

std::span<std::byte> PipeBuffer::space(uint64_t offset, uint64_t bytes_max) {
    if (offset >= room()) return {};
    const uint64_t position = (begin_ + size_ + offset) % kCapacityBytes;
    std::unique_ptr<Page>& page = pages_[position / kPageBytes];
    if (!page) page.reset(new (std::nothrow) Page);
    if (!page) return {};
    const uint64_t in_page = position % kPageBytes;
    const uint64_t bytes = std::min({bytes_max, kPageBytes - in_page, room() - offset});
    return {page->bytes + in_page, bytes};
}

std::span<const std::byte> PipeBuffer::data(uint64_t offset, uint64_t bytes_max) const {
    if (offset >= size_) return {};
    const uint64_t position = (begin_ + offset) % kCapacityBytes;
    const uint64_t in_page = position % kPageBytes;
    const uint64_t bytes = std::min({bytes_max, kPageBytes - in_page, size_ - offset});
    return {pages_[position / kPageBytes]->bytes + in_page, bytes};
}

void PipeBuffer::consume(uint64_t bytes) {
    size_ -= bytes;
    begin_before_ = begin_;
    begin_ = size_ == 0 ? 0 : (begin_ + bytes) % kCapacityBytes;
}

bool PipeBuffer::append(std::span<const std::byte> bytes) {
    uint64_t done = 0;
    while (done < bytes.size()) {
        const std::span<std::byte> piece = space(done, bytes.size() - done);
        if (piece.empty()) return false;
        std::memcpy(piece.data(), bytes.data() + done, piece.size());
        done += piece.size();
    }
    commit(done);
    return true;
}

}  // namespace portico::pipe_server
