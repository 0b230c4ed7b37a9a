#include <algorithm>

#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"
#include "posix/files/transfer.h"

namespace portico::posix {
namespace {

constexpr uint64_t kOffsetMax = ~uint64_t{0} >> 1;
constexpr int64_t kTmpfsMagic = 0x0102'1994;  // what programs know; the protocol does not tell a file system's type

/// Opens the object at a path for one request.
Result<OwnedHandle> open_for(const PathArgument& path, uint32_t flags) {
    return OwnedHandle(TRY(settled_call(path.directory, file::Open{.flags = flags}, path.lend())).file);
}

int64_t describe_space(abi::Handle object, uint64_t address) {
    const auto space = settled_call(object, file::GetSpace{});
    if (!space) return space.error() == Error::NotSupported ? -ENOSYS : to_errno(space.error());
    const linux_abi::Statfs answer{.type = kTmpfsMagic,
                                   .block_bytes = static_cast<int64_t>(space->block_bytes),
                                   .blocks = space->blocks,
                                   .blocks_free = space->blocks_free,
                                   .blocks_available = space->blocks_free,
                                   .files = space->files,
                                   .files_free = space->files_free,
                                   .name_bytes_max = file::kNameBytesMax,
                                   .fragment_bytes = static_cast<int64_t>(space->block_bytes)};
    return to_errno(write_user(address, answer));
}

int64_t sync_number(Thread& thread, uint64_t number) {
    const Result<Descriptor> descriptor = open_descriptor(thread, number);
    return descriptor ? request_or_invalid(descriptor->handle, file::Sync{}) : -EBADF;
}

}  // namespace

int64_t sys_truncate(Thread& thread, const Arguments& arguments) {
    if (arguments[1] > kOffsetMax) return -EINVAL;
    PathArgument path;
    if (const int64_t error = load_path(thread, linux_abi::kAtFdcwd, arguments[0], FinalLink::Follow, path); error != 0) return error;
    const auto object =
        open_for(path, file::kWriteOnly | file::kNonBlocking | file::kNoControllingTerminal);  // not to wait for a fifo's reader
    if (!object) return to_errno(object.error());
    return request_or_invalid(object->get(), file::Truncate{.size_bytes = arguments[1]});
}

int64_t sys_ftruncate(Thread& thread, const Arguments& arguments) {
    if (arguments[1] > kOffsetMax) return -EINVAL;
    const Result<Descriptor> descriptor = open_descriptor(thread, arguments[0]);
    if (!descriptor) return -EBADF;
    if (!descriptor->writable()) return -EINVAL;
    return request_or_invalid(descriptor->handle, file::Truncate{.size_bytes = arguments[1]});
}

/// Zeros where a hole is asked for; the pages stay.
static int64_t write_zeros(Thread& thread, const OpenNumber& to, uint64_t start, uint64_t end) {
    alignas(64) static constexpr std::byte kZeros[4096]{};
    while (start < end) {
        const uint64_t part = std::min<uint64_t>(end - start, sizeof(kZeros));
        const int64_t written = write_from(thread, to, reinterpret_cast<uint64_t>(kZeros), part, start);
        if (written <= 0) return written < 0 ? written : -EIO;
        start += static_cast<uint64_t>(written);
    }
    return 0;
}

/// The file gets at least that long, or a hole. (Space is not set aside: the protocol has no such promise.)
int64_t sys_fallocate(Thread& thread, const Arguments& arguments) {
    const auto offset = static_cast<int64_t>(arguments[2]);
    const auto length_bytes = static_cast<int64_t>(arguments[3]);
    if (offset < 0 || length_bytes <= 0) return -EINVAL;
    constexpr uint32_t kKeepSize = 1, kHole = 2;
    const auto mode = static_cast<uint32_t>(arguments[1]);
    if (mode != 0 && mode != kKeepSize && mode != (kHole | kKeepSize)) return -EOPNOTSUPP;
    const uint64_t end = arguments[2] + arguments[3];
    if (end > kOffsetMax) return -EFBIG;
    const Result<Descriptor> descriptor = open_descriptor(thread, arguments[0]);
    if (!descriptor || !descriptor->writable()) return -EBADF;
    if (descriptor->kind != file::Kind::File) return descriptor->kind == file::Kind::Fifo ? -ESPIPE : -ENODEV;
    const Result<file::Attributes> attributes = attributes_of(descriptor->handle);
    if (!attributes) return to_errno(attributes.error());
    if ((mode & kHole) != 0)
        return write_zeros(thread, {number_argument(arguments[0]), *descriptor}, arguments[2], std::min(end, attributes->size_bytes));
    return mode == kKeepSize || attributes->size_bytes >= end ? 0 : request(descriptor->handle, file::Truncate{.size_bytes = end});
}

int64_t sys_fsync(Thread& thread, const Arguments& arguments) {
    return sync_number(thread, arguments[0]);
}
int64_t sys_fdatasync(Thread& thread, const Arguments& arguments) {
    return sync_number(thread, arguments[0]);
}
int64_t sys_syncfs(Thread& thread, const Arguments& arguments) {
    return sync_number(thread, arguments[0]);
}

int64_t sys_sync(Thread& thread, const Arguments&) {
    (void)request(thread.process->root_directory, file::Sync{});  // sync(2) cannot fail
    return 0;
}

int64_t sys_statfs(Thread& thread, const Arguments& arguments) {
    PathArgument path;
    if (const int64_t error = load_path(thread, linux_abi::kAtFdcwd, arguments[0], FinalLink::Follow, path); error != 0) return error;
    if (path.path.empty()) return describe_space(path.directory, arguments[1]);
    const auto object = open_for(path, file::kPathOnly);
    return object ? describe_space(object->get(), arguments[1]) : to_errno(object.error());
}

int64_t sys_fstatfs(Thread& thread, const Arguments& arguments) {
    const Result<Descriptor> descriptor = thread.process->descriptors.get(number_argument(arguments[0]));
    return descriptor ? describe_space(descriptor->handle, arguments[1]) : -EBADF;
}

/// Advice needs no answer but the check: files are in memory already.
int64_t sys_fadvise64(Thread& thread, const Arguments& arguments) {
    constexpr uint32_t kAdviceMax = 5;
    const Result<Descriptor> descriptor = open_descriptor(thread, arguments[0]);
    if (!descriptor) return -EBADF;
    if (descriptor->kind == file::Kind::Fifo || descriptor->kind == file::Kind::Socket) return -ESPIPE;
    return static_cast<uint32_t>(arguments[3]) > kAdviceMax || static_cast<int64_t>(arguments[2]) < 0 ? -EINVAL : 0;
}

int64_t sys_readahead(Thread& thread, const Arguments& arguments) {
    const Result<Descriptor> descriptor = open_descriptor(thread, arguments[0]);
    if (!descriptor || !descriptor->readable()) return -EBADF;
    return descriptor->kind == file::Kind::File ? 0 : -EINVAL;
}

}  // namespace portico::posix
