#include "servers/pipe/pipe.h"

#include <algorithm>

namespace portico::pipe_server {

void Pipe::add_end(bool reads, bool writes) {
    readers_ += reads;
    readers_ever_ += reads;
    writers_ += writes;
    writers_ever_ += writes;
    changed.wake_all();
}

void Pipe::remove_end(bool reads, bool writes) {
    readers_ -= reads;
    writers_ -= writes;
    if (writers_ == 0) readable.wake_all();
    if (readers_ == 0) writable.wake_all();
    changed.wake_all();
}

uint64_t Pipe::writable_now(uint64_t length_bytes, uint64_t done_bytes) const {
    const uint64_t left_bytes = length_bytes - done_bytes;
    if (length_bytes <= kAtomicBytes && buffer.room() < left_bytes) return 0;
    return std::min(left_bytes, buffer.room());
}

void Pipe::took_bytes() {
    writable.wake_all();
    changed.wake_all();
}

void Pipe::added_bytes() {
    readable.wake_all();
    changed.wake_all();
}

PipeEnd::PipeEnd(std::shared_ptr<Pipe> pipe, uint32_t flags)
    : pipe_(std::move(pipe)), flags_(flags), writers_before_(pipe_->writers_ever()) {
    if (pipe_->has_writers() || pipe_->identity.device == 0) writers_before_ = 0;  // there is a writer now, or it is no fifo
    pipe_->add_end(reads(), writes());
}

void PipeEnd::set_changeable_flags(uint64_t flags) {
    constexpr uint32_t kChangeable = file::kAppend | file::kNonBlocking;
    flags_ = (flags_ & ~kChangeable) | (static_cast<uint32_t>(flags) & kChangeable);
}

uint64_t PipeEnd::events() const {
    constexpr uint64_t kIn = 1, kOut = 4, kErr = 8, kHup = 16;
    uint64_t events = 0;
    if (reads()) {
        if (!pipe_->buffer.empty()) events |= kIn;
        if (!pipe_->has_writers() && pipe_->writers_ever() > writers_before_) events |= kHup;
    }
    if (writes()) {
        if (pipe_->buffer.room() >= Pipe::kAtomicBytes) events |= kOut;
        if (!pipe_->has_readers()) events |= kErr;
    }
    return events;
}

}  // namespace portico::pipe_server
