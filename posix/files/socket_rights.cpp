#include <algorithm>
#include <array>

#include "posix/files/new_descriptor.h"
#include "posix/files/requests.h"
#include "posix/files/sockets.h"

/// Descriptors and credentials that go with messages: SCM_RIGHTS and SCM_CREDENTIALS.
namespace portico::posix {
namespace {

constexpr int32_t kLevelSocket = 1, kTypeRights = 1, kTypeCredentials = 2;

/// struct cmsghdr.
struct ControlHeader {
    uint64_t length_bytes;
    int32_t level, type;
};
static_assert(sizeof(ControlHeader) == 16);

constexpr uint64_t aligned(uint64_t bytes) {
    return (bytes + 7) & ~uint64_t{7};
}

/// What the receiver's library needs to know of a descriptor, in 32 bits: kind and status.
constexpr uint32_t kStatusBits = 24;
uint32_t to_meta(const Descriptor& descriptor) {
    return static_cast<uint32_t>(descriptor.kind) << kStatusBits | (descriptor.status & ((1u << kStatusBits) - 1));
}

int64_t send_rights(Thread& thread, abi::Handle socket, uint64_t address, uint64_t count, OutgoingControl& to) {
    if (count > sockets::kRightsMax) return -EINVAL;
    for (uint64_t done = 0; done < count;) {
        sockets::AddRights method{.rights = to.rights, .meta = {}, .handle = {}};
        for (uint32_t i = 0; i < sockets::AddRights::kEach && done < count; ++i, ++done) {
            const auto number = read_user<int32_t>(address + done * sizeof(int32_t));
            if (!number) return to_errno(number.error());
            const Result<Descriptor> descriptor = thread.process->descriptors.get(*number);
            if (!descriptor) return -EBADF;
            method.handle[i] = descriptor->handle;
            method.meta[i] = to_meta(*descriptor);
        }
        const auto reply = settled_call(socket, method);
        if (!reply) return to_errno(reply.error());
        to.rights = static_cast<uint32_t>(reply->rights);
    }
    return 0;
}

/// Control data on its way to the program.
class ControlWriter {
public:
    ControlWriter(uint64_t address, uint64_t room_bytes) : address_(address), room_bytes_(room_bytes) {}

    /// How many bytes of data an item may have now; none if not even a header fits.
    uint64_t room() const { return room_bytes_ - done_ < sizeof(ControlHeader) ? 0 : room_bytes_ - done_ - sizeof(ControlHeader); }

    bool put(int32_t type, std::span<const std::byte> data) {
        const ControlHeader header{.length_bytes = sizeof header + data.size(), .level = kLevelSocket, .type = type};
        if (!write_user(address_ + done_, header)) return false;
        if (!copy_to_user(address_ + done_ + sizeof header, data.data(), data.size())) return false;
        done_ = std::min(done_ + aligned(header.length_bytes), room_bytes_);
        return true;
    }
    uint64_t done() const { return done_; }

private:
    uint64_t address_, room_bytes_, done_ = 0;
};

/// A number for a descriptor that came; -1 if there is none.
int32_t receive_descriptor(Thread& thread, abi::Handle handle, uint32_t meta, bool close_on_exec) {
    const auto kind = static_cast<file::Kind>(meta >> kStatusBits);
    if (kind > file::Kind::Epoll) return -1;
    if (kind == file::Kind::SignalSet) thread.process->has_signal_sets = true;
    const int64_t number =
        new_descriptor(thread, kind, meta & ((1u << kStatusBits) - 1), close_on_exec, [&]() -> Result<abi::Handle> { return handle; });
    return static_cast<int32_t>(std::max<int64_t>(number, -1));
}

}  // namespace

int64_t load_control(Thread& thread, abi::Handle socket, uint64_t address, uint64_t length_bytes, OutgoingControl& to) {
    constexpr uint64_t kLengthMax = 64 << 10;
    if (length_bytes > kLengthMax) return -ENOBUFS;
    for (uint64_t done = 0; length_bytes - done >= sizeof(ControlHeader);) {
        const auto header = read_user<ControlHeader>(address + done);
        if (!header) return to_errno(header.error());
        if (header->length_bytes < sizeof *header || header->length_bytes > length_bytes - done) return -EINVAL;
        const uint64_t data = address + done + sizeof *header, data_bytes = header->length_bytes - sizeof *header;
        if (header->level == kLevelSocket && header->type == kTypeRights) {
            if (const int64_t error = send_rights(thread, socket, data, data_bytes / sizeof(int32_t), to); error != 0) return error;
        } else if (header->level == kLevelSocket && header->type == kTypeCredentials) {
            const auto credentials = read_user<sockets::Credentials>(data);
            if (!credentials) return to_errno(credentials.error());
            if (data_bytes != sizeof *credentials) return -EINVAL;
            const bool privileged = to.credentials.uid == 0;
            if (!privileged && (credentials->pid != to.credentials.pid || credentials->uid != to.credentials.uid)) return -EPERM;
            to.credentials = *credentials;
        } else if (header->level == kLevelSocket) {
            return -EINVAL;
        }
        done += std::min(aligned(header->length_bytes), length_bytes - done);
    }
    return 0;
}

IncomingControl store_control(Thread& thread, abi::Handle socket, const sockets::Receive::Reply& message, uint64_t address,
                              uint64_t room_bytes, bool close_on_exec) {
    ControlWriter writer(address, room_bytes);
    IncomingControl result;
    if (message.with_sender != 0) {
        if (writer.room() >= sizeof message.sender)
            result.cut = !writer.put(kTypeCredentials, std::as_bytes(std::span(&message.sender, 1)));
        else
            result.cut = true;
    }
    std::array<int32_t, sockets::kRightsMax> numbers;
    const uint64_t numbers_max = std::min<uint64_t>(writer.room() / sizeof(int32_t), numbers.size());
    uint32_t count = 0;
    for (uint32_t left = message.rights != 0 ? message.rights_count : 0; left > 0;) {
        const auto taken = settled_call(socket, sockets::TakeRights{.rights = message.rights});
        if (!taken || taken->count == 0) break;
        left -= std::min(taken->count, left);
        for (uint32_t i = 0; i < std::min(taken->count, sockets::AddRights::kEach); ++i) {
            const int32_t number = count < numbers_max ? receive_descriptor(thread, taken->handle[i], taken->meta[i], close_on_exec) : -1;
            if (number >= 0)
                numbers[count++] = number;
            else
                native::close(taken->handle[i]);
        }
    }
    if (count > 0 && !writer.put(kTypeRights, std::as_bytes(std::span(numbers).first(count)))) result.cut = true;
    if (count < message.rights_count) result.cut = true;
    result.length_bytes = writer.done();
    return result;
}

}  // namespace portico::posix
