#include <algorithm>

#include "servers/pipe/server.h"

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

ipc::Task Server::on(ipc::Call call, file::Read request) {
    const Result<std::shared_ptr<PipeEnd>> found = ends_.find(call.badge());
    if (!found || !(*found)->reads()) {
        (void)call.refuse(Error::BadHandle);
        co_return;
    }
    if (request.offset != file::kCurrentOffset) {
        (void)call.refuse(Error::NotSeekable);
        co_return;
    }
    const std::shared_ptr<PipeEnd> end = *found;
    Pipe& pipe = end->pipe();
    const uint64_t length_bytes = std::min<uint64_t>(request.length_bytes, call.writable_bytes());
    while (length_bytes != 0 && pipe.buffer.empty() && pipe.has_writers()) {
        if (!end->waits()) {
            (void)call.refuse(Error::WouldBlock);
            co_return;
        }
        if (!co_await pipe.readable.wait(call.id())) co_return;
    }
    const uint64_t bytes = std::min(length_bytes, pipe.buffer.size());  // 0: no writer is left, or none was asked for
    const Result<> sent = send_data(call, pipe.buffer, bytes);
    if (!sent) {
        (void)call.refuse(sent.error());
        pipe.readable.wake_one();  // the bytes are still there, for another
        co_return;
    }
    if (call.reply<file::Read>({.length_bytes = bytes}) && bytes != 0) {
        pipe.buffer.consume(bytes);
        pipe.took_bytes();
    }
}

ipc::Task Server::on(ipc::Call call, file::Write request) {
    const Result<std::shared_ptr<PipeEnd>> found = ends_.find(call.badge());
    if (!found || !(*found)->writes()) {
        (void)call.refuse(Error::BadHandle);
        co_return;
    }
    if (request.offset != file::kCurrentOffset) {
        (void)call.refuse(Error::NotSeekable);
        co_return;
    }
    const std::shared_ptr<PipeEnd> end = *found;
    Pipe& pipe = end->pipe();
    const uint64_t length_bytes = std::min<uint64_t>(request.length_bytes, call.readable_bytes());
    uint64_t done_bytes = 0;
    for (;;) {
        Error trouble = Error::None;
        uint64_t now_bytes = 0;
        if (!pipe.has_readers()) {
            trouble = Error::BrokenPipe;
        } else if (now_bytes = pipe.writable_now(length_bytes, done_bytes); now_bytes == 0 && done_bytes < length_bytes) {
            if (end->waits()) {
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
        const bool last = trouble != Error::None || done_bytes + now_bytes == length_bytes || !end->waits();
        if (last && !call.reply<file::Write>({.length_bytes = done_bytes + now_bytes})) co_return;
        if (now_bytes != 0) {
            pipe.buffer.commit(now_bytes);
            done_bytes += now_bytes;
            pipe.added_bytes();
        }
        if (last) co_return;
    }
}

ipc::Task Server::on(ipc::Call call, file::Poll request) {
    constexpr uint64_t kErr = 8, kHup = 16;
    const Result<std::shared_ptr<PipeEnd>> found = ends_.find(call.badge());
    if (!found) {
        (void)call.refuse(Error::BadHandle);
        co_return;
    }
    const std::shared_ptr<PipeEnd> end = *found;
    for (;;) {
        const uint64_t events = end->events() & (request.events | kErr | kHup);
        if (events != 0 || request.wait == 0) {
            (void)call.reply<file::Poll>({.events = events});
            co_return;
        }
        if (!co_await end->pipe().changed.wait(call.id())) co_return;
    }
}

}  // namespace portico::pipe_server
