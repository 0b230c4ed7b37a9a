#include <algorithm>
#include <array>
#include <cstddef>

#include "posix/files/file_calls.h"
#include "posix/files/iovec.h"
#include "posix/files/requests.h"
#include "posix/files/sockets.h"
#include "posix/files/transfer.h"
#include "posix/files/vectors.h"

namespace portico::posix {
namespace {

constexpr uint64_t kBounceBytes = 4096;  // PIPE_BUF: writes up to here must not be split

uint64_t advanced(uint64_t offset, uint64_t done) {
    return offset == file::kCurrentOffset ? offset : offset + done;
}

/// One transfer a range, until one comes up short.
template <class Move>
int64_t move_each(const Vectors& vectors, uint64_t offset, Move&& move) {
    uint64_t done = 0;
    for (const linux_abi::Iovec& vector : vectors.all()) {
        if (vector.length_bytes == 0) continue;
        const int64_t moved = move(vector, advanced(offset, done));
        if (moved < 0) return done > 0 ? static_cast<int64_t>(done) : moved;
        done += static_cast<uint64_t>(moved);
        if (static_cast<uint64_t>(moved) < vector.length_bytes) break;
    }
    return static_cast<int64_t>(done);
}

/// What waits must be asked once only: a second read could wait although the first had data to return.
int64_t read_once_and_scatter(Thread& thread, const OpenNumber& from, const Vectors& vectors) {
    std::array<std::byte, kBounceBytes> bounce;
    const uint64_t wanted = std::min(vectors.sum_bytes(), kBounceBytes);
    const int64_t got = read_to(thread, from, reinterpret_cast<uint64_t>(bounce.data()), wanted, file::kCurrentOffset);
    uint64_t done = 0;
    for (const linux_abi::Iovec& vector : vectors.all()) {
        if (got < 0 || done == static_cast<uint64_t>(got)) break;
        const uint64_t part = std::min(vector.length_bytes, static_cast<uint64_t>(got) - done);
        if (!copy_to_user(vector.address, bounce.data() + done, part)) return done > 0 ? static_cast<int64_t>(done) : -EFAULT;
        done += part;
    }
    return got;
}

int64_t gather_and_write_once(Thread& thread, const OpenNumber& to, const Vectors& vectors, uint64_t offset) {
    std::array<std::byte, kBounceBytes> bounce;
    uint64_t filled = 0;
    for (const linux_abi::Iovec& vector : vectors.all()) {
        if (!copy_from_user(bounce.data() + filled, vector.address, vector.length_bytes)) return -EFAULT;
        filled += vector.length_bytes;
    }
    return write_from(thread, to, reinterpret_cast<uint64_t>(bounce.data()), filled, offset);
}

int64_t read_vectors(Thread& thread, const Arguments& arguments, uint64_t offset) {
    const auto from = descriptor_to_read(thread, arguments[0]);
    if (!from) return to_errno(from.error());
    Vectors vectors;
    if (const int64_t error = vectors.load(arguments[1], arguments[2]); error != 0) return error;
    if (from->descriptor.kind == file::Kind::Socket && offset == file::kCurrentOffset) return receive_vectors(thread, *from, vectors.all());
    const linux_abi::Iovec* single = vectors.single();
    if (single != nullptr) return read_to(thread, *from, single->address, single->length_bytes, offset);
    if (from->descriptor.kind != file::Kind::File && offset == file::kCurrentOffset) return read_once_and_scatter(thread, *from, vectors);
    return move_each(vectors, offset, [&](const linux_abi::Iovec& vector, uint64_t at) {
        return read_to(thread, *from, vector.address, vector.length_bytes, at);
    });
}

int64_t write_vectors(Thread& thread, const Arguments& arguments, uint64_t offset) {
    const auto to = descriptor_to_write(thread, arguments[0]);
    if (!to) return to_errno(to.error());
    Vectors vectors;
    if (const int64_t error = vectors.load(arguments[1], arguments[2]); error != 0) return error;
    if (to->descriptor.kind == file::Kind::Socket && offset == file::kCurrentOffset) return send_vectors(thread, *to, vectors.all());
    const linux_abi::Iovec* single = vectors.single();
    if (single != nullptr) return write_from(thread, *to, single->address, single->length_bytes, offset);
    if (vectors.sum_bytes() <= kBounceBytes) return gather_and_write_once(thread, *to, vectors, offset);
    return move_each(vectors, offset, [&](const linux_abi::Iovec& vector, uint64_t at) {
        return write_from(thread, *to, vector.address, vector.length_bytes, at);
    });
}

/// preadv2 and pwritev2: offset -1 is the current one, flags (all of them hints or orders to the device) are refused.
int64_t second_form(Thread& thread, const Arguments& arguments, int64_t (*move)(Thread&, const Arguments&, uint64_t)) {
    const auto offset = static_cast<int64_t>(arguments[3]);
    if (arguments[5] != 0) return -EOPNOTSUPP;
    if (offset < -1) return -EINVAL;
    return move(thread, arguments, static_cast<uint64_t>(offset));
}

static_assert(file::kCurrentOffset == static_cast<uint64_t>(int64_t{-1}));

}  // namespace

int64_t sys_readv(Thread& thread, const Arguments& arguments) {
    return read_vectors(thread, arguments, file::kCurrentOffset);
}
int64_t sys_writev(Thread& thread, const Arguments& arguments) {
    return write_vectors(thread, arguments, file::kCurrentOffset);
}

int64_t sys_preadv(Thread& thread, const Arguments& arguments) {
    return static_cast<int64_t>(arguments[3]) < 0 ? -EINVAL : read_vectors(thread, arguments, arguments[3]);
}

int64_t sys_pwritev(Thread& thread, const Arguments& arguments) {
    return static_cast<int64_t>(arguments[3]) < 0 ? -EINVAL : write_vectors(thread, arguments, arguments[3]);
}

int64_t sys_preadv2(Thread& thread, const Arguments& arguments) {
    return second_form(thread, arguments, read_vectors);
}
int64_t sys_pwritev2(Thread& thread, const Arguments& arguments) {
    return second_form(thread, arguments, write_vectors);
}

}  // namespace portico::posix
