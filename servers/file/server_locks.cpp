#include "protocols/process.h"
#include "servers/file/server.h"

/// File locks: flock(2), fcntl(2). A process's locks go when it ends, of which the process server tells; an open file's with its last
/// handle.
namespace portico::file_server {

Result<Server::WantedLock> Server::wanted_lock(const ipc::Call& call, file::LockKind kind, file::LockHolder holder, uint64_t pid,
                                               uint64_t start, uint64_t end) {
    const OpenFile* const open = TRY(files_.find(call.badge()));
    if (open->path_only() || call.badge() < file::kFirstObjectBadge) return fail(Error::BadHandle);
    if (start >= end || holder > file::LockHolder::OpenObject || kind > file::LockKind::Exclusive) return fail(Error::InvalidArgument);
    if (holder != file::LockHolder::WholeFile) {
        if (kind == file::LockKind::Shared && !open->readable()) return fail(Error::BadHandle);
        if (kind == file::LockKind::Exclusive && !open->writable()) return fail(Error::BadHandle);
    }
    const bool of_process = holder == file::LockHolder::Process;
    const Attributes attributes = open->node->attributes();
    return WantedLock{.place = {.device = attributes.device,
                                .inode = attributes.inode,
                                .space = holder == file::LockHolder::WholeFile ? LockSpace::Whole : LockSpace::Record},
                      .lock = {.owner = {.kind = of_process ? LockOwner::Kind::Process : LockOwner::Kind::OpenFile,
                                         .id = of_process ? pid : call.badge()},
                               .exclusive = kind == file::LockKind::Exclusive,
                               .start = start,
                               .end = end}};
}

ipc::Task Server::on(ipc::Call call, file::Lock request) {
    const auto ask = [&] { return wanted_lock(call, request.kind, request.holder, request.pid, request.start, request.end); };
    const Result<WantedLock> wanted = ask();
    if (!wanted) {
        (void)call.refuse(wanted.error());
        co_return;
    }
    const auto& [place, lock] = *wanted;
    if (request.kind == file::LockKind::None) {
        const Result<> cleared = locks_.clear(place, lock.owner, lock.start, lock.end);
        call.finish<file::Lock>(cleared ? Result<file::Lock::Reply>{{.deadlock = 0}} : fail(cleared.error()));
        co_return;
    }
    // As Linux: who asks flock for another kind of lock loses the one it has first.
    if (request.holder == file::LockHolder::WholeFile && locks_.conflict(place, lock)) locks_.release(place, lock.owner);
    while (locks_.conflict(place, lock)) {
        if (request.wait == 0) {
            (void)call.refuse(Error::WouldBlock);
            co_return;
        }
        if (locks_.would_deadlock(place, lock)) {
            (void)call.reply<file::Lock>({.deadlock = 1});
            co_return;
        }
        FileLocks::Waiting waiting(locks_, place, lock);
        if (!co_await waiting.queue().wait(call.id())) co_return;
        if (const Result<WantedLock> still = ask(); !still) {  // another thread closed the descriptor meanwhile
            (void)call.refuse(still.error());
            co_return;
        }
    }
    if (const Result<> set = locks_.set(place, lock); !set) {
        (void)call.refuse(set.error());
        co_return;
    }
    // A caller that was interrupted will ask again, and for a process what it has twice it has once; an open file's is taken back.
    if (!call.reply<file::Lock>({.deadlock = 0}) && lock.owner.kind == LockOwner::Kind::OpenFile)
        (void)locks_.clear(place, lock.owner, lock.start, lock.end);
    if (lock.owner.kind == LockOwner::Kind::Process && lockers_.insert(lock.owner.id).second) release_at_end(lock.owner.id);
}

ipc::Task Server::release_at_end(uint64_t pid) {
    const LockOwner owner{.kind = LockOwner::Kind::Process, .id = pid};
    AsyncCall end(calls_, process_server_, ipc::request_message(protocols::process::AwaitEnd{.pid = static_cast<int64_t>(pid)}));
    if (end.id()) (void)co_await end.wait(0);
    lockers_.erase(pid);
    locks_.release_everywhere(owner);
}

Result<file::QueryLock::Reply> Server::on(const ipc::Call& call, const file::QueryLock& request) {
    const auto [place, lock] = TRY(wanted_lock(call, request.kind, request.holder, request.pid, request.start, request.end));
    const std::optional<FileLock> other = locks_.conflict(place, lock);
    if (!other)
        return file::QueryLock::Reply{.kind = file::LockKind::None, .holder = request.holder, .zero = 0, .pid = 0, .start = 0, .end = 0};
    const bool of_process = other->owner.kind == LockOwner::Kind::Process;
    return file::QueryLock::Reply{.kind = other->exclusive ? file::LockKind::Exclusive : file::LockKind::Shared,
                                  .holder = of_process ? file::LockHolder::Process : file::LockHolder::OpenObject,
                                  .zero = 0,
                                  .pid = of_process ? other->owner.id : 0,
                                  .start = other->start,
                                  .end = other->end};
}

}  // namespace portico::file_server
