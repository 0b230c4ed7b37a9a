#pragma once

#include <vector>

#include "servers/pipe/object.h"
#include "servers/pipe/pipe_buffer.h"
#include "servers/pipe/waiting_takes.h"

namespace portico::pipe_server {

class PipeEnd;

/// What fstat tells of a pipe; a fifo's are those of its file.
struct PipeIdentity {
    uint64_t device = 0, inode = 0;
    uint32_t mode = 0, uid = 0, gid = 0;
    int64_t birth_ns = 0;
};

/// A pipe: bytes, and how many open ends it has on either side.
///
/// Ownership: shared by its ends and by handlers at work; it goes, with what is in it, when the last end closes.
/// Waiting:   readers wait in `readers` for bytes or the last writer's end, writers in `writable` for room or the last
///            reader's end, fifo openers in `opened` for an end. Readers wait only while the buffer is empty.
class Pipe {
public:
    static constexpr uint64_t kAtomicBytes = 4096;  // PIPE_BUF

    explicit Pipe(const PipeIdentity& identity) : identity(identity) {}
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    void add_end(PipeEnd& end);
    void remove_end(PipeEnd& end);

    bool has_readers() const { return readers_ != 0; }
    bool has_writers() const { return writers_ != 0; }
    uint64_t readers_ever() const { return readers_ever_; }
    uint64_t writers_ever() const { return writers_ever_; }

    /// How many of `length_bytes`, of which `done_bytes` were written before, can be written now: 0 if the writer must wait.
    /// What is at most kAtomicBytes in all goes whole or not at all.
    uint64_t writable_now(uint64_t length_bytes, uint64_t done_bytes) const;

    void consume(uint64_t bytes);  ///< of the buffer; wakes who waits for room

    /// Bytes to a reader: at most `length_bytes` of what there is, in the reply's words if they are few and `in_words` allows it. They
    /// leave the buffer with it. 0: no writer is left, or none was asked for.
    ipc::Answer give(uint64_t call, uint64_t length_bytes, bool in_words);
    /// Bytes were put into the buffer (`bytes` of them, not yet committed): those who wait get theirs. The last answer is left to be sent.
    ipc::Answer commit(uint64_t bytes);

    PipeIdentity identity;
    PipeBuffer buffer;
    WaitingTakes readers;
    ipc::WaitQueue writable, opened;

private:
    static void take_back_given(void* subject, const ipc::Answer& refused);
    ipc::Answer serve_readers();
    void readers_changed() const;
    void writers_changed() const;

    std::vector<PipeEnd*> ends_;
    uint64_t readers_ = 0, writers_ = 0;
    uint64_t readers_ever_ = 0, writers_ever_ = 0;
};

/// One open end (or both, of a fifo opened for reading and writing). It counts as an end while it lives: while a process holds a
/// handle to it, or a call through one is at work.
class PipeEnd final : public Object {
public:
    static constexpr Type kType = Type::PipeEnd;

    PipeEnd(std::shared_ptr<Pipe> pipe, uint32_t flags);
    ~PipeEnd() override;

    static bool reads(uint32_t flags) { return (flags & file::kAccessMode) != file::kWriteOnly; }
    static bool writes(uint32_t flags) { return (flags & file::kAccessMode) != file::kReadOnly; }

    Pipe& pipe() const { return *pipe_; }
    bool reads() const { return reads(flags()); }
    bool writes() const { return writes(flags()); }

    uint32_t events() const override;
    file::Attributes attributes() const override;
    ipc::Answer read(const ipc::Call& call, const file::Read& request) override;
    ipc::Answer write(const ipc::Call& call, const file::Write& request) override;
    ipc::Answer put_few(const ipc::Call& call, const few::Put& request) override;
    ipc::Answer take_few(const ipc::Call& call, const few::Take& request) override;
    Result<file::Control::Reply> control(const ipc::Call& call, const file::Control& request) override;
    Result<std::shared_ptr<Object>> open_again(uint32_t open_flags) override;

private:
    ipc::Answer give_or_wait(const ipc::Call& call, uint64_t length_bytes, bool in_words);
    ipc::Answer finish_put(ipc::Answer taken, uint64_t bytes);
    ipc::Task write_later(ipc::Call call, uint64_t length_bytes);

    std::shared_ptr<Pipe> pipe_;
    uint64_t writers_before_;  // a reader sees the end of its fifo only once a writer came and went
};

}  // namespace portico::pipe_server
