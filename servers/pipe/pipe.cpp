#include "servers/pipe/pipe.h"

#include <algorithm>

namespace portico::pipe_server {

void Pipe::add_end(PipeEnd& end) {
    ends_.push_back(&end);
    readers_ += end.reads();
    readers_ever_ += end.reads();
    writers_ += end.writes();
    writers_ever_ += end.writes();
    opened.wake_all();
}

void Pipe::remove_end(PipeEnd& end) {
    std::erase(ends_, &end);
    readers_ -= end.reads();
    writers_ -= end.writes();
    if (writers_ == 0) {
        while (!readers.empty()) {
            const WaitingTakes::Waiting reader = readers.take_first();
            (void)ipc::send(give(reader.call, reader.length_bytes, reader.in_words));
        }
        readers_changed();
    }
    if (readers_ == 0) {
        writable.wake_all();
        writers_changed();
    }
}

void Pipe::readers_changed() const {
    for (PipeEnd* const end : ends_)
        if (end->reads()) end->changed();
}

void Pipe::writers_changed() const {
    for (PipeEnd* const end : ends_)
        if (end->writes()) end->changed();
}

uint64_t Pipe::writable_now(uint64_t length_bytes, uint64_t done_bytes) const {
    const uint64_t left_bytes = length_bytes - done_bytes;
    if (length_bytes <= kAtomicBytes && buffer.room() < left_bytes) return 0;
    return std::min(left_bytes, buffer.room());
}

void Pipe::consume(uint64_t bytes) {
    const bool was_writable = buffer.room() >= kAtomicBytes;
    buffer.consume(bytes);
    writable.wake_all();
    if (!was_writable && buffer.room() >= kAtomicBytes) writers_changed();
}

PipeEnd::PipeEnd(std::shared_ptr<Pipe> pipe, uint32_t flags)
    : Object(kType, flags), pipe_(std::move(pipe)), writers_before_(pipe_->writers_ever()) {
    if (pipe_->has_writers() || pipe_->identity.device == 0) writers_before_ = 0;  // there is a writer now, or it is no fifo
    pipe_->add_end(*this);
}

PipeEnd::~PipeEnd() {
    pipe_->remove_end(*this);
}

uint32_t PipeEnd::events() const {
    uint32_t events = 0;
    if (reads()) {
        if (!pipe_->buffer.empty()) events |= kPollIn;
        if (!pipe_->has_writers() && pipe_->writers_ever() > writers_before_) events |= kPollHangUp;
    }
    if (writes()) {
        if (pipe_->buffer.room() >= Pipe::kAtomicBytes) events |= kPollOut;
        if (!pipe_->has_readers()) events |= kPollError;
    }
    return events;
}

file::Attributes PipeEnd::attributes() const {
    constexpr uint64_t kPipeDevice = 0x0D;  // st_dev of pipes without a name
    const PipeIdentity& identity = pipe_->identity;
    file::Attributes attributes;
    attributes.device = identity.device != 0 ? identity.device : kPipeDevice;
    attributes.inode = identity.inode;
    attributes.links = 1;
    attributes.mode = 0010000 | identity.mode;
    attributes.uid = identity.uid;
    attributes.gid = identity.gid;
    attributes.access_ns = attributes.modify_ns = attributes.change_ns = attributes.birth_ns = identity.birth_ns;
    return attributes;
}

Result<file::Control::Reply> PipeEnd::control(const ipc::Call& call, const file::Control& request) {
    constexpr uint64_t kBytesToRead = 0x541B;  // FIONREAD
    if (request.request != kBytesToRead) return fail(Error::NotTerminal);
    const auto bytes = static_cast<int32_t>(pipe_->buffer.size());
    TRY(call.write(0, std::as_bytes(std::span(&bytes, 1))));
    return file::Control::Reply{.result = 0};
}

Result<std::shared_ptr<Object>> PipeEnd::open_again(uint32_t open_flags) {
    return std::make_shared<PipeEnd>(pipe_, open_flags);
}

}  // namespace portico::pipe_server
