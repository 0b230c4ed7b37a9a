#include "posix/files/transfer.h"

#include <algorithm>

#include "posix/files/events.h"
#include "posix/files/raise_signal.h"
#include "posix/files/requests.h"
#include "posix/files/sockets.h"
#include "posix/files/terminals.h"

namespace portico::posix {
namespace {

/// Files answer at once, and Linux never interrupts them; everything else may wait for a peer.
template <class M>
Result<typename M::Reply> transfer_call(Thread& thread, const Descriptor& descriptor, const M& method, const ipc::Lend& lend) {
    if (descriptor.kind == file::Kind::File) return settled_call(descriptor.handle, method, lend);
    return interruptible::call(thread, descriptor.handle, method, lend);
}

/// A file server waits for no page that it would have to supply itself: if the program's buffer is such a page of a mapped file, the call
/// fails as for a bad address. So the buffer is touched here, as far as one request goes; if that works the request is made again.
class AbsentBuffer {
public:
    bool brought_in(const Descriptor& descriptor, Error error, uint64_t address, uint64_t length_bytes) {
        if (error != Error::BadAddress || descriptor.kind != file::Kind::File || tries_ == kTriesMax) return false;
        ++tries_;
        const uint64_t end = address + std::min(length_bytes, kRequestBytesMax);
        for (uint64_t at = address; at < end; at = (at & ~(abi::kPageBytes - 1)) + abi::kPageBytes)
            if (!read_user<uint8_t>(at)) return false;
        return true;
    }

private:
    static constexpr unsigned kTriesMax = 4;  // pages may be dropped again meanwhile
    static constexpr uint64_t kRequestBytesMax = 1 << 20;
    unsigned tries_ = 0;
};

/// How much of a write one request carries. A pipe takes up to PIPE_BUF bytes all at once or not at all; more it would take in
/// steps, and of what an interrupted request had done nobody would know.
uint64_t write_part_max(const Descriptor& to) {
    constexpr uint64_t kPipeBytes = 4096;
    const bool in_steps = to.kind == file::Kind::Fifo;
    return in_steps ? kPipeBytes : abi::kWindowBytesMax;
}

uint64_t advanced(uint64_t offset, uint64_t done) {
    return offset == file::kCurrentOffset ? offset : offset + done;
}

/// An error ends a transfer that moved something with that count.
int64_t outcome(uint64_t done, Error error) {
    return done > 0 ? static_cast<int64_t>(done) : to_errno(error);
}

}  // namespace

Result<OpenNumber> descriptor_to_read(Thread& thread, uint64_t number) {
    const Descriptor descriptor = TRY(open_descriptor(thread, number));
    if (!descriptor.readable()) return fail(Error::BadHandle);
    if (descriptor.kind == file::Kind::Directory) return fail(Error::IsDirectory);
    return OpenNumber{number_argument(number), descriptor};
}

Result<OpenNumber> descriptor_to_write(Thread& thread, uint64_t number) {
    const Descriptor descriptor = TRY(open_descriptor(thread, number));
    if (!descriptor.writable()) return fail(Error::BadHandle);
    return OpenNumber{number_argument(number), descriptor};
}

int64_t read_to(Thread& thread, const OpenNumber& from, uint64_t address, uint64_t length_bytes, uint64_t offset) {
    if (is_event_kind(from.descriptor.kind))
        return offset == file::kCurrentOffset ? read_event(thread, from, address, length_bytes) : -ESPIPE;
    if (from.descriptor.kind == file::Kind::Socket) {
        const linux_abi::Iovec all{address, length_bytes};
        return offset == file::kCurrentOffset ? receive_vectors(thread, from, std::span(&all, 1)) : -ESPIPE;
    }
    const uint64_t group = process_group_for(thread, from.number, from.descriptor);
    AbsentBuffer absent;
    uint64_t done = 0;
    while (done < length_bytes) {
        const uint64_t part = std::min<uint64_t>(length_bytes - done, abi::kWindowBytesMax);
        const ipc::Lend lend{.writable = {reinterpret_cast<std::byte*>(address + done), part}};
        const file::Read method{.offset = advanced(offset, done), .length_bytes = part, .process_group = group};
        const auto reply = transfer_call(thread, from.descriptor, method, lend);
        if (!reply && absent.brought_in(from.descriptor, reply.error(), address + done, part)) continue;
        if (!reply) return outcome(done, reply.error());
        done += std::min(reply->length_bytes, part);
        if (reply->length_bytes == 0 || from.descriptor.kind != file::Kind::File) break;
    }
    return static_cast<int64_t>(done);
}

int64_t write_from(Thread& thread, const OpenNumber& to, uint64_t address, uint64_t length_bytes, uint64_t offset) {
    if (is_event_kind(to.descriptor.kind)) return offset == file::kCurrentOffset ? write_event(thread, to, address, length_bytes) : -ESPIPE;
    if (to.descriptor.kind == file::Kind::Socket) {
        const linux_abi::Iovec all{address, length_bytes};
        return offset == file::kCurrentOffset ? send_vectors(thread, to, std::span(&all, 1)) : -ESPIPE;
    }
    const uint64_t group = process_group_for(thread, to.number, to.descriptor);
    const uint64_t part_max = write_part_max(to.descriptor);
    AbsentBuffer absent;
    uint64_t done = 0;
    while (done < length_bytes) {
        const uint64_t part = std::min<uint64_t>(length_bytes - done, part_max);
        const ipc::Lend lend{.readable = {reinterpret_cast<const std::byte*>(address + done), part}};
        const file::Write method{.offset = advanced(offset, done), .length_bytes = part, .process_group = group};
        const auto reply = transfer_call(thread, to.descriptor, method, lend);
        if (!reply && absent.brought_in(to.descriptor, reply.error(), address + done, part)) continue;
        if (!reply) {
            if (reply.error() == Error::BrokenPipe) raise_signal(thread, kPipe, thread.process->pid);
            return outcome(done, reply.error());
        }
        done += std::min(reply->length_bytes, part);
        if (reply->length_bytes == 0) break;
    }
    return static_cast<int64_t>(done);
}

}  // namespace portico::posix
