#include "servers/file/disk.h"

#include <algorithm>

#include "runtime/async_call.h"

namespace portico::file_server {

Disk::Piece Disk::piece_at(uint64_t offset, uint64_t left_bytes) const {
    const uint64_t inside = info_.sector_bytes - 1;
    const uint64_t position = offset & ~inside;
    const uint64_t whole_bytes = (offset + left_bytes - position + inside) & ~inside;
    const uint64_t length_bytes = std::min({whole_bytes, kPartBytes, info_.transfer_bytes_max & ~inside});
    const uint64_t inner_offset = offset - position;
    return {.position = position,
            .length_bytes = length_bytes,
            .inner_offset = inner_offset,
            .inner_bytes = std::min(left_bytes, length_bytes - inner_offset)};
}

Result<> Disk::prepare() {
    if (mapped_ != nullptr) return {};
    memory_.reset(TRY(native::call(abi::MemoryCreate{kParts * kPartBytes})).memory);
    const auto flags = static_cast<uint64_t>(abi::MapFlags::Shared | abi::Access::ReadWrite);
    const uint64_t address = TRY(native::call(abi::SpaceMap{abi::kSelfSpace, memory_.get(), 0, 0, kParts * kPartBytes, flags})).address;
    mapped_ = reinterpret_cast<std::byte*>(address);
    return {};
}

bool Disk::take_part(unsigned& part) {
    for (part = 0; part < kParts; ++part)
        if (!std::exchange(taken_[part], true)) return true;
    return false;
}

/// Nothing here is done on behalf of the caller's call: a part that the driver may still fill must stay taken.
ipc::Task Disk::run(Request request) {
    Result<> outcome = prepare();
    if (outcome && request.writes && request.offset >= size_bytes()) outcome = fail(Error::NoSpace);
    const uint64_t left_bytes = request.offset < size_bytes() ? size_bytes() - request.offset : 0;
    const uint64_t length_bytes = std::min({request.length_bytes, left_bytes, kTransferBytesMax});
    while (request.writes && writing_) (void)co_await turn_.wait(0);
    if (request.writes) writing_ = true;
    unsigned part = 0;
    while (!take_part(part)) (void)co_await free_parts_.wait(0);

    uint64_t done = 0;
    while (outcome && done < length_bytes) {
        const Piece piece = piece_at(request.offset + done, length_bytes - done);
        std::byte* const sectors = mapped_ + part * kPartBytes;
        const std::span<std::byte> inner(sectors + piece.inner_offset, piece.inner_bytes);
        for (bool writes = request.writes && !piece.partial();; writes = true) {
            if (writes) outcome = request.call.read(done, inner);  // for a part of a sector, on top of what was read
            unsigned tries = 0;
            while (outcome) {
                if (buffer_ == 0 && attaching_) {
                    (void)co_await attached_.wait(0);
                    continue;
                }
                if (buffer_ == 0) {
                    attaching_ = true;
                    const auto attached = co_await ipc::async_call(driver_, block::Attach{.zero = {}, .memory = memory_.get()}, port_);
                    attaching_ = false;
                    if (attached) buffer_ = attached->buffer;
                    if (!attached && (attached.error() != Error::PeerClosed || ++tries == kTriesMax)) outcome = fail(attached.error());
                    attached_.wake_all();
                    continue;
                }
                const uint64_t buffer = buffer_;
                Result<> moved;
                if (writes) {
                    const block::WriteFrom method{buffer, part * kPartBytes, piece.position, piece.length_bytes};
                    const auto reply = co_await ipc::async_call(driver_, method, port_);
                    if (!reply) moved = fail(reply.error());
                } else {
                    const block::ReadInto method{buffer, part * kPartBytes, piece.position, piece.length_bytes};
                    const auto reply = co_await ipc::async_call(driver_, method, port_);
                    if (!reply) moved = fail(reply.error());
                }
                if (is_lost(moved) && ++tries < kTriesMax) {
                    if (buffer_ == buffer) buffer_ = 0;
                    continue;
                }
                outcome = moved;
                break;
            }
            if (!outcome || writes == request.writes) break;
        }
        if (outcome && !request.writes) outcome = request.call.write(done, inner);
        if (outcome) done += piece.inner_bytes;
    }
    taken_[part] = false;
    free_parts_.wake_one();
    if (request.writes) {
        writing_ = false;
        turn_.wake_one();
    }
    request.end(outcome || done > 0 ? Result<uint64_t>(done)
                                    : fail(outcome.error() == Error::PeerClosed ? Error::IoError : outcome.error()));
}

ipc::Task Disk::flush(std::function<void(const Result<>&)> end) {
    Result<> outcome;
    for (unsigned tries = 0; tries < kTriesMax; ++tries) {
        const auto reply = co_await ipc::async_call(driver_, block::Flush{}, port_);
        outcome = reply ? Result<>{} : fail(reply.error());
        if (!is_lost(outcome)) break;
    }
    end(is_lost(outcome) ? fail(Error::IoError) : outcome);
}

}  // namespace portico::file_server
