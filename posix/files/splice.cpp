#include <algorithm>

#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"
#include "posix/files/transfer.h"
#include "posix/heap.h"

/// splice and vmsplice: here the bytes are copied once through the library, for no page leaves a pipe.
namespace portico::posix {
namespace {

constexpr uint64_t kPipeBytes = 64 * 1024;  // what a pipe holds: Linux, too, splices no more at once
constexpr uint32_t kMove = 1, kNonBlocking = 2, kMore = 4, kGift = 8;

bool is_pipe(const OpenNumber& number) {
    return number.descriptor.kind == file::Kind::Fifo;
}

/// An offset that may be given only for what is no pipe. 0 or a negative errno.
int64_t load_offset(const OpenNumber& number, uint64_t address, uint64_t& offset) {
    offset = file::kCurrentOffset;
    if (address == 0) return 0;
    if (is_pipe(number)) return -ESPIPE;
    const auto given = read_user<int64_t>(address);
    if (!given) return -EFAULT;
    if (*given < 0) return -EINVAL;
    offset = static_cast<uint64_t>(*given);
    return 0;
}

int64_t store_offset(uint64_t address, uint64_t offset, int64_t moved) {
    return address == 0 ? 0 : to_errno(write_user(address, offset + static_cast<uint64_t>(moved)));
}

/// Whether a pipe is ready for what splice does without waiting.
bool is_ready(const OpenNumber& number, uint64_t events) {
    if (!is_pipe(number)) return true;
    constexpr uint64_t kErrorOrHangUp = 0x18;
    const auto ready = settled_call(number.descriptor.handle, file::Poll{.events = events, .wait = 0});
    return !ready || (ready->events & (events | kErrorOrHangUp)) != 0;
}

/// All that was read must be written: what came out of a pipe can not be put back.
int64_t write_all(Thread& thread, const OpenNumber& to, uint64_t address, uint64_t length_bytes, uint64_t offset) {
    uint64_t done = 0;
    while (done < length_bytes) {
        const int64_t written =
            write_from(thread, to, address + done, length_bytes - done, offset == file::kCurrentOffset ? offset : offset + done);
        if (written <= 0) return done != 0 ? static_cast<int64_t>(done) : written;
        done += static_cast<uint64_t>(written);
    }
    return static_cast<int64_t>(done);
}

}  // namespace

int64_t sys_splice(Thread& thread, const Arguments& arguments) {
    const auto flags = static_cast<uint32_t>(arguments[5]);
    if ((flags & ~(kMove | kNonBlocking | kMore | kGift)) != 0) return -EINVAL;
    const auto from = descriptor_to_read(thread, arguments[0]);
    const auto to = descriptor_to_write(thread, arguments[2]);
    if (!from || !to) return -EBADF;
    if (!is_pipe(*from) && !is_pipe(*to)) return -EINVAL;
    if ((to->descriptor.status & file::kAppend) != 0) return -EINVAL;
    uint64_t from_offset = 0;
    uint64_t to_offset = 0;
    if (const int64_t error = load_offset(*from, arguments[1], from_offset); error != 0) return error;
    if (const int64_t error = load_offset(*to, arguments[3], to_offset); error != 0) return error;
    if (arguments[4] == 0) return 0;
    if ((flags & kNonBlocking) != 0 && !(is_ready(*from, linux_abi::kPollIn) && is_ready(*to, linux_abi::kPollOut))) return -EAGAIN;
    auto* buffer = static_cast<std::byte*>(heap::allocate_pages(kPipeBytes));
    if (buffer == nullptr) return -ENOMEM;
    const auto address = reinterpret_cast<uint64_t>(buffer);
    int64_t result = read_to(thread, *from, address, std::min(arguments[4], kPipeBytes), from_offset);
    if (result > 0) result = write_all(thread, *to, address, static_cast<uint64_t>(result), to_offset);
    heap::release_pages(buffer, kPipeBytes);
    if (result <= 0) return result;
    if (const int64_t error = store_offset(arguments[1], from_offset, result); error != 0) return error;
    if (const int64_t error = store_offset(arguments[3], to_offset, result); error != 0) return error;
    return result;
}

int64_t sys_vmsplice(Thread& thread, const Arguments& arguments) {
    const auto flags = static_cast<uint32_t>(arguments[3]);
    if ((flags & ~(kMove | kNonBlocking | kMore | kGift)) != 0) return -EINVAL;
    const Result<Descriptor> pipe = open_descriptor(thread, arguments[0]);
    if (!pipe || pipe->kind != file::Kind::Fifo) return -EBADF;
    if ((flags & kNonBlocking) != 0 &&
        !is_ready({number_argument(arguments[0]), *pipe}, pipe->writable() ? linux_abi::kPollOut : linux_abi::kPollIn))
        return -EAGAIN;
    const Arguments vectors{arguments[0], arguments[1], arguments[2], 0, 0, 0};
    return pipe->writable() ? sys_writev(thread, vectors) : sys_readv(thread, vectors);
}

}  // namespace portico::posix
