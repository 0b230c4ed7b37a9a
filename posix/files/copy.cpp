#include <algorithm>

#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"
#include "posix/files/transfer.h"
#include "posix/heap.h"

namespace portico::posix {
namespace {

constexpr uint64_t kBufferBytes = 64 * 1024;

/// One side's place in its file: the program's variable, if it gave one, or the open object's own offset.
class Place {
public:
    /// 0 or a negative errno.
    int64_t load(const OpenNumber& file_number, uint64_t address) {
        object_ = file_number.descriptor.handle;
        address_ = address;
        if (address != 0) {
            const auto given = read_user<int64_t>(address);
            if (!given) return to_errno(given.error());
            if (*given < 0) return -EINVAL;
            offset = static_cast<uint64_t>(*given);
            return 0;
        }
        const auto own = settled_call(object_, file::Seek{.offset = 0, .whence = 1});
        if (!own) return to_errno(own.error());
        offset = own->offset;
        return 0;
    }

    int64_t store() const {
        if (address_ != 0) return to_errno(write_user(address_, offset));
        return request(object_, file::Seek{.offset = static_cast<int64_t>(offset), .whence = 0});
    }

    uint64_t offset = 0;

private:
    abi::Handle object_;
    uint64_t address_ = 0;
};

/// Buffer for one call. Ownership: frees its pages.
class Buffer {
public:
    Buffer() : bytes_(heap::allocate_pages(kBufferBytes)) {}
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() {
        if (bytes_ != nullptr) heap::release_pages(bytes_, kBufferBytes);
    }
    explicit operator bool() const { return bytes_ != nullptr; }
    uint64_t address() const { return reinterpret_cast<uint64_t>(bytes_); }

private:
    void* bytes_;
};

/// Copies until the length, the end or an error. The source is read at a place, never at its moving offset, so what the
/// target did not take is not lost. `to_place` null: the target's current offset, as it may have none.
int64_t copy_bytes(Thread& thread, const OpenNumber& from, Place& from_place, const OpenNumber& to, Place* to_place,
                   uint64_t length_bytes) {
    const Buffer buffer;
    if (!buffer) return -ENOMEM;
    uint64_t done = 0;
    int64_t result = 0;
    while (done < length_bytes) {
        const int64_t got = read_to(thread, from, buffer.address(), std::min(length_bytes - done, kBufferBytes), from_place.offset);
        if (got <= 0) {
            result = got;
            break;
        }
        result = write_from(thread, to, buffer.address(), static_cast<uint64_t>(got),
                            to_place != nullptr ? to_place->offset : file::kCurrentOffset);
        if (result <= 0) break;
        done += static_cast<uint64_t>(result);
        from_place.offset += static_cast<uint64_t>(result);
        if (to_place != nullptr) to_place->offset += static_cast<uint64_t>(result);
        if (result < got) break;
    }
    if (done == 0) return result;
    if (const int64_t error = from_place.store(); error != 0) return error;
    if (to_place != nullptr)
        if (const int64_t error = to_place->store(); error != 0) return error;
    return static_cast<int64_t>(done);
}

}  // namespace

int64_t sys_sendfile(Thread& thread, const Arguments& arguments) {
    const auto to = descriptor_to_write(thread, arguments[0]);
    const auto from = descriptor_to_read(thread, arguments[1]);
    if (!to || !from) return -EBADF;
    if (from->descriptor.kind != file::Kind::File) return -EINVAL;
    if ((to->descriptor.status & file::kAppend) != 0) return -EINVAL;
    Place from_place;
    if (const int64_t error = from_place.load(*from, arguments[2]); error != 0) return error;
    return copy_bytes(thread, *from, from_place, *to, nullptr, std::min(arguments[3], linux_abi::kTransferBytesMax));
}

int64_t sys_copy_file_range(Thread& thread, const Arguments& arguments) {
    const auto from = descriptor_to_read(thread, arguments[0]);
    const auto to = descriptor_to_write(thread, arguments[2]);
    if (!from) return to_errno(from.error());
    if (!to) return -EBADF;
    if (arguments[5] != 0) return -EINVAL;
    if (from->descriptor.kind != file::Kind::File || to->descriptor.kind != file::Kind::File) return -EINVAL;
    if ((to->descriptor.status & file::kAppend) != 0) return -EBADF;
    const uint64_t length_bytes = std::min(arguments[4], linux_abi::kTransferBytesMax);
    Place from_place;
    Place to_place;
    if (const int64_t error = from_place.load(*from, arguments[1]); error != 0) return error;
    if (const int64_t error = to_place.load(*to, arguments[3]); error != 0) return error;
    const Result<file::Attributes> source = attributes_of(from->descriptor.handle);
    const Result<file::Attributes> target = attributes_of(to->descriptor.handle);
    if (!source || !target) return -EIO;
    const bool same = source->inode == target->inode && source->device == target->device;
    const uint64_t distance =
        from_place.offset > to_place.offset ? from_place.offset - to_place.offset : to_place.offset - from_place.offset;
    if (same && distance < length_bytes) return -EINVAL;
    return copy_bytes(thread, *from, from_place, *to, &to_place, length_bytes);
}

}  // namespace portico::posix
