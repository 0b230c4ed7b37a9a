#include <algorithm>

#include "servers/pipe/copy_few.h"
#include "servers/pipe/pipe.h"

/// Reading and writing ends of pipes: bytes leave the pipe, or are added for good, only after the caller took the reply.
namespace portico::pipe_server {
namespace {

/// Copies `bytes` of data to the call's window, without consuming them.
Result<> send_data(uint64_t call, const PipeBuffer& buffer, uint64_t bytes) {
    for (uint64_t done = 0; done < bytes;) {
        const std::span<const std::byte> piece = buffer.data(done, bytes - done);
        TRY(native::call(abi::WindowWrite{call, done, reinterpret_cast<uint64_t>(piece.data()), piece.size()}));
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

// ---- reading

ipc::Answer Pipe::give(uint64_t call, uint64_t length_bytes, bool in_words) {
    const uint64_t bytes = std::min(length_bytes, buffer.size());
    ipc::Answer answer{.call = call, .message = {.header = abi::Header::make(0), .word = {bytes}}};
    if (bytes == 0) return answer;
    if (in_words && bytes <= few::kTakenInWords) {
        auto* const words = reinterpret_cast<std::byte*>(&answer.message.word[1]);
        for (uint64_t done = 0; done < bytes;) {
            const std::span<const std::byte> piece = buffer.data(done, bytes - done);
            copy_few(words + done, piece);
            done += piece.size();
        }
    } else if (const Result<> sent = send_data(call, buffer, bytes); !sent) {
        (void)ipc::send(serve_readers());  // the bytes are still there, for another
        return ipc::Answer::of_error(call, sent.error());
    }
    answer.undo = {.act = take_back_given, .subject = this, .badge = 0, .first = bytes, .second = 0};
    if (writable.empty() && buffer.room() >= kAtomicBytes) {  // no writer waits, and none is to be told
        buffer.consume(bytes);
        return answer;
    }
    answer.undo.act = nullptr;
    if (ipc::send(answer)) consume(bytes);
    return {};
}

void Pipe::take_back_given(void* subject, const ipc::Answer& refused) {
    auto& pipe = *static_cast<Pipe*>(subject);
    pipe.buffer.take_back_consume(refused.undo.first);
    (void)ipc::send(pipe.serve_readers());
    pipe.readers_changed();
}

ipc::Answer Pipe::serve_readers() {
    ipc::Answer last;
    while (!buffer.empty() && !readers.empty()) {
        (void)ipc::send(std::exchange(last, {}));
        if (buffer.empty() || readers.empty()) break;
        const WaitingTakes::Waiting reader = readers.take_first();
        last = give(reader.call, reader.length_bytes, reader.in_words);
    }
    return last;
}

ipc::Answer Pipe::commit(uint64_t bytes) {
    buffer.commit(bytes);
    readers_changed();
    return serve_readers();
}

ipc::Answer PipeEnd::read(const ipc::Call& call, const file::Read& request) {
    const uint64_t length_bytes = std::min<uint64_t>(request.length_bytes, call.writable_bytes());
    if (reads() && request.offset != file::kCurrentOffset) return ipc::Answer::of_error(call.id(), Error::NotSeekable);
    return give_or_wait(call, length_bytes, false);
}

ipc::Answer PipeEnd::take_few(const ipc::Call& call, const few::Take& request) {
    return give_or_wait(call, std::min<uint64_t>(request.length_bytes, call.writable_bytes()), true);
}

ipc::Answer PipeEnd::give_or_wait(const ipc::Call& call, uint64_t length_bytes, bool in_words) {
    if (!reads()) return ipc::Answer::of_error(call.id(), Error::BadHandle);
    Pipe& pipe = *pipe_;
    if (length_bytes == 0 || !pipe.buffer.empty() || !pipe.has_writers()) return pipe.give(call.id(), length_bytes, in_words);
    if (!waits()) return ipc::Answer::of_error(call.id(), Error::WouldBlock);
    pipe.readers.add({.call = call.id(), .length_bytes = length_bytes, .in_words = in_words, .object = shared_from_this()});
    return {};
}

// ---- writing

ipc::Answer PipeEnd::put_few(const ipc::Call& call, const few::Put& request) {
    Pipe& pipe = *pipe_;
    const uint64_t bytes = request.length_bytes;
    if (!writes()) return ipc::Answer::of_error(call.id(), Error::BadHandle);
    if (bytes == 0 || bytes > few::kPutBytesMax || !pipe.has_readers() || pipe.buffer.room() < bytes)
        return ipc::Answer::of_error(call.id(), Error::WouldBlock);
    const std::span<std::byte> space = pipe.buffer.space(0, bytes);
    if (space.size() != bytes) return ipc::Answer::of_error(call.id(), Error::WouldBlock);
    copy_few(space.data(), std::span(request.bytes).first(bytes));
    return finish_put(ipc::Answer::of<few::Put>(call.id(), {}), bytes);
}

ipc::Answer PipeEnd::write(const ipc::Call& call, const file::Write& request) {
    if (!writes() || request.offset != file::kCurrentOffset)
        return ipc::Answer::of_error(call.id(), writes() ? Error::NotSeekable : Error::BadHandle);
    const uint64_t length_bytes = std::min<uint64_t>(request.length_bytes, call.readable_bytes());
    // What is taken whole and at once needs no coroutine.
    if (length_bytes > Pipe::kAtomicBytes || !pipe_->has_readers() || pipe_->buffer.room() < length_bytes) {
        write_later(call, length_bytes);
        return {};
    }
    const Result<uint64_t> fetched = fetch_data(call, 0, pipe_->buffer, length_bytes);
    if (!fetched) return ipc::Answer::of_error(call.id(), fetched.error());
    if (*fetched != length_bytes) return ipc::Answer::of_error(call.id(), Error::NoMemory);
    return finish_put(ipc::Answer::of<file::Write>(call.id(), {.length_bytes = length_bytes}), length_bytes);
}

/// `bytes` are in the buffer's space, and `taken` tells the writer so. If a reader waits it goes on at once, and the writer when it can.
ipc::Answer PipeEnd::finish_put(ipc::Answer taken, uint64_t bytes) {
    Pipe& pipe = *pipe_;
    if (bytes == 0) return taken;
    if (!pipe.readers.empty()) return ipc::send(taken) ? pipe.commit(bytes) : ipc::Answer{};
    const auto take_back = [](void* subject, const ipc::Answer& refused) {
        static_cast<Pipe*>(subject)->buffer.take_back_commit(refused.undo.first);
    };
    (void)pipe.commit(bytes);  // nobody waits
    return std::move(taken).with_undo(take_back, &pipe, bytes);
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
            (void)ipc::send(pipe.commit(now_bytes));
        }
        if (last) co_return;
    }
}

}  // namespace portico::pipe_server
