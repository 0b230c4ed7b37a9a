#pragma once

#include <memory>

#include "libs/result.h"
#include "protocols/file.h"
#include "runtime/task.h"
#include "servers/pipe/pipe_buffer.h"

namespace portico::pipe_server {

namespace file = protocols::file;

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
///            reader's end, polls and fifo openers in `changed` for anything.
class Pipe {
public:
    static constexpr uint64_t kAtomicBytes = 4096;  // PIPE_BUF

    explicit Pipe(const PipeIdentity& identity) : identity(identity) {}
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    void add_end(bool reads, bool writes);
    void remove_end(bool reads, bool writes);

    bool has_readers() const { return readers_ != 0; }
    bool has_writers() const { return writers_ != 0; }
    uint64_t readers_ever() const { return readers_ever_; }
    uint64_t writers_ever() const { return writers_ever_; }

    /// How many of `length_bytes`, of which `done_bytes` were written before, can be written now: 0 if the writer must wait.
    /// What is at most kAtomicBytes in all goes whole or not at all.
    uint64_t writable_now(uint64_t length_bytes, uint64_t done_bytes) const;

    void took_bytes();   ///< after buffer.consume
    void added_bytes();  ///< after buffer.commit

    PipeIdentity identity;
    PipeBuffer buffer;
    ipc::WaitQueue readable, writable, changed;

private:
    uint64_t readers_ = 0, writers_ = 0;
    uint64_t readers_ever_ = 0, writers_ever_ = 0;
};

/// One open end (or both, of a fifo opened for reading and writing): an open object with flags of its own. It counts as an end
/// while it lives: while a process holds a handle to it, or a call through one is at work.
class PipeEnd {
public:
    PipeEnd(std::shared_ptr<Pipe> pipe, uint32_t flags);
    PipeEnd(const PipeEnd&) = delete;
    PipeEnd& operator=(const PipeEnd&) = delete;
    ~PipeEnd() { pipe_->remove_end(reads(), writes()); }

    static bool reads(uint32_t flags) { return (flags & file::kAccessMode) != file::kWriteOnly; }
    static bool writes(uint32_t flags) { return (flags & file::kAccessMode) != file::kReadOnly; }

    Pipe& pipe() const { return *pipe_; }
    const std::shared_ptr<Pipe>& shared_pipe() const { return pipe_; }
    bool reads() const { return reads(flags_); }
    bool writes() const { return writes(flags_); }
    bool waits() const { return (flags_ & file::kNonBlocking) == 0; }
    uint32_t flags() const { return flags_; }
    void set_changeable_flags(uint64_t flags);

    /// POLLIN, POLLOUT, POLLERR, POLLHUP as they are.
    uint64_t events() const;

private:
    std::shared_ptr<Pipe> pipe_;
    uint32_t flags_;
    uint64_t writers_before_;  // a reader sees the end of its fifo only once a writer came and went
};

}  // namespace portico::pipe_server
