#include "posix/files/locks.h"

#include <cerrno>

#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"

namespace portico::posix {
namespace {

constexpr uint32_t kGetLock = 5, kSetLockWait = 7, kOpenFileGetLock = 36, kOpenFileSetLockWait = 38;
constexpr int16_t kReadLock = 0, kWriteLock = 1, kUnlock = 2;
constexpr uint64_t kEnd = uint64_t{1} << 63;  ///< behind the last byte that a file can have

struct Range {
    uint64_t start, end;
};

/// struct flock's start and length, which may be negative, in bytes of the file.
Result<Range> range_of(const Descriptor& descriptor, const linux_abi::Flock& lock) {
    int64_t base = 0;
    if (lock.whence == 1) {
        base = static_cast<int64_t>(TRY(settled_call(descriptor.handle, file::Seek{.offset = 0, .whence = 1})).offset);
    } else if (lock.whence == 2) {
        base = static_cast<int64_t>(TRY(attributes_of(descriptor.handle)).size_bytes);
    } else if (lock.whence != 0) {
        return fail(Error::InvalidArgument);
    }
    int64_t start = 0;
    int64_t other = 0;
    if (__builtin_add_overflow(base, lock.start, &start) || __builtin_add_overflow(start, lock.length_bytes, &other))
        return fail(Error::TooLarge);
    if (start < 0 || other < 0) return fail(Error::InvalidArgument);
    if (lock.length_bytes == 0) return Range{static_cast<uint64_t>(start), kEnd};
    if (lock.length_bytes < 0) return Range{static_cast<uint64_t>(other), static_cast<uint64_t>(start)};
    return Range{static_cast<uint64_t>(start), static_cast<uint64_t>(other)};
}

file::LockKind kind_of(int16_t type) {
    if (type == kUnlock) return file::LockKind::None;
    return type == kReadLock ? file::LockKind::Shared : file::LockKind::Exclusive;
}

int64_t lock_error(Error error) {
    if (error == Error::NoSpace || error == Error::NoMemory) return -ENOLCK;
    if (error == Error::TooLarge) return -EOVERFLOW;
    return error == Error::NotSupported ? -EINVAL : to_errno(error);
}

int64_t query(const Descriptor& descriptor, const file::QueryLock& method, linux_abi::Flock lock, uint64_t address) {
    const auto other = settled_call(descriptor.handle, method);
    if (!other) return lock_error(other.error());
    if (other->kind == file::LockKind::None) {
        lock.type = kUnlock;
    } else {
        lock.type = other->kind == file::LockKind::Shared ? kReadLock : kWriteLock;
        lock.whence = 0;
        lock.start = static_cast<int64_t>(other->start);
        lock.length_bytes = other->end == kEnd ? 0 : static_cast<int64_t>(other->end - other->start);
        lock.pid = other->holder == file::LockHolder::Process ? static_cast<int32_t>(other->pid) : -1;
    }
    return to_errno(write_user(address, lock));
}

int64_t set(Thread& thread, const Descriptor& descriptor, const file::Lock& method) {
    const auto reply = method.wait != 0 ? interruptible::call(thread, descriptor.handle, method) : settled_call(descriptor.handle, method);
    if (!reply) return lock_error(reply.error());
    return reply->deadlock != 0 ? -EDEADLK : 0;
}

}  // namespace

int64_t record_lock(Thread& thread, const Descriptor& descriptor, uint32_t command, uint64_t address) {
    const auto lock = read_user<linux_abi::Flock>(address);
    if (!lock) return to_errno(lock.error());
    const bool of_open_file = command >= kOpenFileGetLock;
    const bool asks = command == kGetLock || command == kOpenFileGetLock;
    if (of_open_file && lock->pid != 0) return -EINVAL;
    if (lock->type < kReadLock || lock->type > (asks ? kWriteLock : kUnlock)) return -EINVAL;
    const auto range = range_of(descriptor, *lock);
    if (!range) return lock_error(range.error());
    Process& process = *thread.process;
    const auto holder = of_open_file ? file::LockHolder::OpenObject : file::LockHolder::Process;
    const auto pid = static_cast<uint64_t>(process.pid);
    if (asks)
        return query(descriptor,
                     {.kind = kind_of(lock->type), .holder = holder, .zero = 0, .pid = pid, .start = range->start, .end = range->end},
                     *lock, address);
    if (!of_open_file && lock->type != kUnlock) process.record_locker = process.pid;
    const bool waits = command == kSetLockWait || command == kOpenFileSetLockWait;
    return set(thread, descriptor,
               {.kind = kind_of(lock->type),
                .holder = holder,
                .wait = waits ? uint16_t{1} : uint16_t{0},
                .pid = pid,
                .start = range->start,
                .end = range->end});
}

void release_record_locks(const Process& process, const Descriptor& descriptor) {
    if (process.record_locker != process.pid || descriptor.kind != file::Kind::File) return;
    (void)settled_call(descriptor.handle, file::Lock{.kind = file::LockKind::None,
                                                     .holder = file::LockHolder::Process,
                                                     .wait = 0,
                                                     .pid = static_cast<uint64_t>(process.pid),
                                                     .start = 0,
                                                     .end = kEnd});
}

int64_t sys_flock(Thread& thread, const Arguments& arguments) {
    constexpr uint64_t kShared = 1, kExclusive = 2, kNonBlocking = 4, kUnlockWhole = 8;
    const Result<Descriptor> descriptor = open_descriptor(thread, arguments[0]);
    if (!descriptor) return -EBADF;
    const uint64_t operation = static_cast<uint32_t>(arguments[1]) & ~kNonBlocking;
    if (operation != kShared && operation != kExclusive && operation != kUnlockWhole) return -EINVAL;
    const auto kind = operation == kShared      ? file::LockKind::Shared
                      : operation == kExclusive ? file::LockKind::Exclusive
                                                : file::LockKind::None;
    return set(thread, *descriptor,
               {.kind = kind,
                .holder = file::LockHolder::WholeFile,
                .wait = (arguments[1] & kNonBlocking) != 0 ? uint16_t{0} : uint16_t{1},
                .pid = static_cast<uint64_t>(thread.process->pid),
                .start = 0,
                .end = kEnd});
}

}  // namespace portico::posix
