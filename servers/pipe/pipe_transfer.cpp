#include <algorithm>

#include "servers/pipe/pipe.h"

/// Reading and writing ends of pipes: bytes leave the pipe, or are added for good, only after the caller took the reply.
namespace portico::pipe_server {
namespace {

/// Copies `bytes` of data to the caller, without consuming them.
Result<> send_data(const ipc::Call& call, const PipeBuffer& buffer, uint64_t bytes) {
    for (uint64_t done = 0; done < bytes;) {
        const std::span<const std::byte> piece = buffer.data(done, bytes - done);
        TRY(call.write(done, piece));
        done += piece.size();
    }
    return {};
}

/// Copies the caller's bytes from `offset` on behind the data, without committing them; tells how many there was memory for.
Result<uint64_t> fetch_data(const ipc::Call& call, uint64_t offset, PipeBuffer& buffer, uint64_t bytes) {
    uint64_t done = 0;
    while (done < bytes) {
        const std::span<std::byte> piece = buffer.space(done, bytes - done);
        if (piece.empty()) break;
        TRY(call.read(offset + done, piece));
        done += piece.size();
    }
    return done;
}

}  // namespace

ipc::Task PipeEnd::read(const ipc::Call& call, const file::Read& request) {
    const uint64_t length_bytes = std::min<uint64_t>(request.length_bytes, call.writable_bytes());
    Error trouble = Error::None;
    if (!reads())
        trouble = Error::BadHandle;
    else if (request.offset != file::kCurrentOffset)
        trouble = Error::NotSeekable;
    else if (length_bytes == 0 || !pipe_->buffer.empty() || !pipe_->has_writers())
        finish_read(call, length_bytes);
    else if (waits())
        return read_later(call, length_bytes);
    else
        trouble = Error::WouldBlock;
    if (trouble != Error::None) (void)call.refuse(trouble);
    return {};
}

ipc::Task PipeEnd::read_later(ipc::Call call, uint64_t length_bytes) {
    const std::shared_ptr<Object> self = shared_from_this();
    while (pipe_->buffer.empty() && pipe_->has_writers()) {
        if (!waits()) {
            (void)call.refuse(Error::WouldBlock);
            co_return;
        }
        if (!co_await pipe_->readable.wait(call.id())) co_return;
    }
    finish_read(call, length_bytes);
}

void PipeEnd::finish_read(const ipc::Call& call, uint64_t length_bytes) {
    Pipe& pipe = *pipe_;
    const uint64_t bytes = std::min(length_bytes, pipe.buffer.size());  // 0: no writer is left, or none was asked for
    const Result<> sent = send_data(call, pipe.buffer, bytes);
    if (!sent) {
        (void)call.refuse(sent.error());
        pipe.readable.wake_one();  // the bytes are still there, for another
        return;
    }
    if (call.reply<file::Read>({.length_bytes = bytes}) && bytes != 0) pipe.consume(bytes);
}

ipc::Task PipeEnd::write(const ipc::Call& call, const file::Write& request) {
    if (!writes() || request.offset != file::kCurrentOffset) {
        (void)call.refuse(writes() ? Error::NotSeekable : Error::BadHandle);
        return {};
    }
    const uint64_t length_bytes = std::min<uint64_t>(request.length_bytes, call.readable_bytes());
    // What is taken whole and at once needs no coroutine.
    if (length_bytes > Pipe::kAtomicBytes || !pipe_->has_readers() || pipe_->buffer.room() < length_bytes)
        return write_later(call, length_bytes);
    const Result<uint64_t> fetched = fetch_data(call, 0, pipe_->buffer, length_bytes);
    if (!fetched)
        (void)call.refuse(fetched.error());
    else if (*fetched != length_bytes)
        (void)call.refuse(Error::NoMemory);
    else if (call.reply<file::Write>({.length_bytes = length_bytes}) && length_bytes != 0)
        pipe_->commit(length_bytes);
    return {};
}

ipc::Task PipeEnd::write_later(ipc::Call call, uint64_t length_bytes) {
    const std::shared_ptr<Object> self = shared_from_this();
    Pipe& pipe = *pipe_;
    uint64_t done_bytes = 0;
    for (;;) {
        Error trouble = Error::None;
        uint64_t now_bytes = 0;
        if (!pipe.has_readers()) {
            trouble = Error::BrokenPipe;
        } else if (now_bytes = pipe.writable_now(length_bytes, done_bytes); now_bytes == 0 && done_bytes < length_bytes) {
            if (waits()) {
                if (!co_await pipe.writable.wait(call.id())) co_return;
                continue;
            }
            trouble = Error::WouldBlock;
        } else {
            const Result<uint64_t> fetched = fetch_data(call, done_bytes, pipe.buffer, now_bytes);
            const bool all = fetched && *fetched == now_bytes;
            const bool whole_only = length_bytes <= Pipe::kAtomicBytes;
            if (!fetched)
                trouble = fetched.error();
            else if (!all && (whole_only || *fetched == 0))
                trouble = Error::NoMemory;
            else
                now_bytes = *fetched;
        }
        if (trouble != Error::None && done_bytes == 0) {
            (void)call.refuse(trouble);
            co_return;
        }
        if (trouble != Error::None) now_bytes = 0;
        const bool last = trouble != Error::None || done_bytes + now_bytes == length_bytes || !waits();
        if (last && !call.reply<file::Write>({.length_bytes = done_bytes + now_bytes})) co_return;
        if (now_bytes != 0) {
            done_bytes += now_bytes;
            pipe.commit(now_bytes);
        }
        if (last) co_return;
    }
}

}  // namespace portico::pipe_server
