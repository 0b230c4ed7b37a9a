#pragma once

#include <vector>

#include "servers/pipe/object.h"
#include "servers/pipe/pipe_buffer.h"

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
/// Waiting:   readers wait in `readable` for bytes or the last writer's end, writers in `writable` for room or the last
///            reader's end, fifo openers in `opened` for an end.
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
    void commit(uint64_t bytes);   ///< to the buffer; wakes who waits for bytes

    PipeIdentity identity;
    PipeBuffer buffer;
    ipc::WaitQueue readable, writable, opened;

private:
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
    ipc::Task read(const ipc::Call& call, const file::Read& request) override;
    ipc::Task write(const ipc::Call& call, const file::Write& request) override;
    Result<file::Control::Reply> control(const ipc::Call& call, const file::Control& request) override;
    Result<std::shared_ptr<Object>> open_again(uint32_t open_flags) override;

private:
    ipc::Task read_later(ipc::Call call, uint64_t length_bytes);
    ipc::Task write_later(ipc::Call call, uint64_t length_bytes);
    void finish_read(const ipc::Call& call, uint64_t bytes);

    std::shared_ptr<Pipe> pipe_;
    uint64_t writers_before_;  // a reader sees the end of its fifo only once a writer came and went
};

}  // namespace portico::pipe_server
