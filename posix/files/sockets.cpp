#include "posix/files/sockets.h"

#include <algorithm>
#include <cstring>

#include "posix/files/file_calls.h"
#include "posix/files/new_descriptor.h"
#include "posix/files/requests.h"
#include "posix/identities.h"

/// Sockets: making, naming and connecting them.
namespace portico::posix {
namespace {

constexpr uint32_t kFormMask = 0xF;
constexpr uint32_t kSocketFormat = 0140000, kFormatMask = 0170000;

struct Kind {
    sockets::Form form;
    uint32_t flags;
    bool close_on_exec;

    uint32_t status() const { return file::kReadWrite | flags; }
};

int64_t kind_of(const Arguments& arguments, Kind& kind) {
    const auto family = static_cast<int32_t>(arguments[0]);
    const auto type = static_cast<uint32_t>(arguments[1]);
    const auto protocol = static_cast<int32_t>(arguments[2]);
    const uint32_t flags = type & ~kFormMask;
    if ((flags & ~(file::kNonBlocking | linux_abi::kOpenCloseOnExec)) != 0) return -EINVAL;
    if (family != kFamilyUnix) return -EAFNOSUPPORT;
    if (protocol != 0 && protocol != kFamilyUnix) return -EPROTONOSUPPORT;
    uint32_t form = type & kFormMask;
    if (form == 3) form = static_cast<uint32_t>(sockets::Form::Datagram);  // SOCK_RAW means the same, as on Linux
    kind = {.form = static_cast<sockets::Form>(form),
            .flags = flags & file::kNonBlocking,
            .close_on_exec = (flags & linux_abi::kOpenCloseOnExec) != 0};
    const bool known = kind.form == sockets::Form::Stream || kind.form == sockets::Form::Datagram || kind.form == sockets::Form::Packet;
    return known ? 0 : -ESOCKTNOSUPPORT;
}

int64_t outcome(const Result<sockets::Outcome>& reply) {
    return reply ? trouble_errno(reply->trouble) : to_errno(reply.error());
}

/// A name for a bound socket: the node is made first, so that it is ours if it was made.
int64_t make_socket_file(Thread& thread, SocketName& name) {
    PathArgument path;
    const auto text = reinterpret_cast<uint64_t>(name.text);
    if (const int64_t error = load_path(thread, linux_abi::kAtFdcwd, text, FinalLink::Keep, path); error != 0) return error;
    const uint32_t mode = 0777 & ~thread.process->current_umask();
    const auto made = settled_call(path.directory, file::MakeNode{.kind = file::Kind::Socket, .mode = mode}, path.lend());
    if (!made) return made.error() == Error::Exists ? -EADDRINUSE : to_errno(made.error());
    return find_socket_file(thread, name);
}

void remove_socket_file(Thread& thread, const SocketName& name) {
    PathArgument path;
    if (load_path(thread, linux_abi::kAtFdcwd, reinterpret_cast<uint64_t>(name.text), FinalLink::Keep, path) == 0)
        (void)settled_call(path.directory, file::Remove{.directory = 0}, path.lend());
}

int64_t accept_on(Thread& thread, const Arguments& arguments, uint32_t flags) {
    if ((flags & ~(file::kNonBlocking | linux_abi::kOpenCloseOnExec)) != 0) return -EINVAL;
    const auto listener = socket_descriptor(thread, arguments[0]);
    if (!listener) return socket_errno(listener.error());
    const uint32_t kept = flags & file::kNonBlocking;
    const bool close_on_exec = (flags & linux_abi::kOpenCloseOnExec) != 0;
    const int64_t number = new_descriptor(thread, file::Kind::Socket, file::kReadWrite | kept, close_on_exec, [&]() -> Result<abi::Handle> {
        return TRY(interruptible::call(thread, listener->descriptor.handle, sockets::Accept{.flags = kept})).object;
    });
    if (number < 0 || arguments[1] == 0) return number;
    const Result<Descriptor> made = thread.process->descriptors.get(number);
    if (!made) return number;
    char name[SocketName::kBytesMax];
    const auto told = settled_call(made->handle, sockets::GetName{.of_peer = 1}, {.writable = std::as_writable_bytes(std::span(name))});
    const uint32_t length = told ? std::min<uint32_t>(told->length_bytes, sizeof name) : 0;
    if (const int64_t error = store_socket_name({name, length}, arguments[1], arguments[2]); error != 0) {
        const Result<Descriptor> taken = thread.process->descriptors.take(number);
        if (taken) native::close(taken->handle);
        return error;
    }
    return number;
}

int64_t get_name(Thread& thread, const Arguments& arguments, bool of_peer) {
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    char name[SocketName::kBytesMax];
    const ipc::Lend lend{.writable = std::as_writable_bytes(std::span(name))};
    const auto told = settled_call(socket->descriptor.handle, sockets::GetName{.of_peer = of_peer}, lend);
    if (!told) return to_errno(told.error());
    if (told->trouble != sockets::Trouble::None) return trouble_errno(told->trouble);
    return store_socket_name({name, std::min<uint32_t>(told->length_bytes, sizeof name)}, arguments[1], arguments[2]);
}

}  // namespace

Result<OpenNumber> socket_descriptor(Thread& thread, uint64_t number) {
    const Descriptor descriptor = TRY(open_descriptor(thread, number));
    if (descriptor.kind != file::Kind::Socket) return fail(Error::WrongType);
    return OpenNumber{number_argument(number), descriptor};
}

int64_t socket_errno(Error error) {
    return error == Error::WrongType ? -ENOTSOCK : -EBADF;
}

int64_t trouble_errno(sockets::Trouble trouble) {
    switch (trouble) {
    case sockets::Trouble::None:
        return 0;
    case sockets::Trouble::AddressInUse:
        return -EADDRINUSE;
    case sockets::Trouble::AlreadyBound:
        return -EINVAL;
    case sockets::Trouble::AlreadyConnected:
        return -EISCONN;
    case sockets::Trouble::BrokenPipe:
    case sockets::Trouble::Ended:
        return -EPIPE;
    case sockets::Trouble::ConnectionRefused:
        return -ECONNREFUSED;
    case sockets::Trouble::ConnectionReset:
        return -ECONNRESET;
    case sockets::Trouble::NoDestination:
    case sockets::Trouble::NotConnected:
        return -ENOTCONN;
    case sockets::Trouble::NotPermitted:
        return -EPERM;
    case sockets::Trouble::TooLong:
        return -EMSGSIZE;
    case sockets::Trouble::WrongForm:
        return -EPROTOTYPE;
    case sockets::Trouble::AskAgain:
        return -EAGAIN;
    }
    return -EIO;
}

sockets::Credentials own_credentials(Thread& thread) {
    const auto* const identity = identity_of(*thread.process);
    if (identity == nullptr) return {.pid = thread.process->pid};
    return {.pid = thread.process->pid, .uid = identity->euid, .gid = identity->egid};
}

int64_t load_socket_name(uint64_t address, uint64_t address_bytes, SocketName& to, uint16_t& family) {
    if (address_bytes < sizeof family || address_bytes > sizeof family + SocketName::kBytesMax + 18) return -EINVAL;
    const auto given = read_user<uint16_t>(address);
    if (!given) return to_errno(given.error());
    family = *given;
    const uint64_t name_bytes = std::min<uint64_t>(address_bytes - sizeof family, SocketName::kBytesMax);
    if (const auto copied = copy_from_user(to.text, address + sizeof family, name_bytes); !copied) return to_errno(copied.error());
    to.text[name_bytes] = '\0';
    to.length_bytes = static_cast<uint32_t>(name_bytes);
    if (to.is_path()) to.length_bytes = static_cast<uint32_t>(std::strlen(to.text));
    return 0;
}

int64_t find_socket_file(Thread& thread, SocketName& name) {
    if (!name.is_path()) return 0;
    PathArgument path;
    const auto text = reinterpret_cast<uint64_t>(name.text);
    if (const int64_t error = load_path(thread, linux_abi::kAtFdcwd, text, FinalLink::Follow, path); error != 0) return error;
    file::Attributes attributes{};
    const ipc::Lend lend = path.lend(std::as_writable_bytes(std::span(&attributes, 1)));
    const auto found = settled_call(path.directory, file::GetAttributesAt{.no_follow = 0}, lend);
    if (!found) return to_errno(found.error());
    if ((attributes.mode & kFormatMask) != kSocketFormat) return -ECONNREFUSED;
    name.file = {.device = attributes.device, .inode = attributes.inode};
    return 0;
}

int64_t store_socket_name(std::span<const char> name, uint64_t address, uint64_t length_address) {
    const auto room = read_user<int32_t>(length_address);
    if (!room) return to_errno(room.error());
    if (*room < 0) return -EINVAL;
    char whole[sizeof(uint16_t) + SocketName::kBytesMax + 1]{};
    std::memcpy(whole, &kFamilyUnix, sizeof kFamilyUnix);
    std::memcpy(whole + sizeof kFamilyUnix, name.data(), name.size());
    const bool path = !name.empty() && name[0] != '\0';  // a path is told with its zero
    const auto whole_bytes = static_cast<int32_t>(sizeof kFamilyUnix + name.size() + (path ? 1 : 0));
    const auto copied = copy_to_user(address, whole, static_cast<size_t>(std::min(*room, whole_bytes)));
    if (!copied) return to_errno(copied.error());
    return to_errno(write_user(length_address, whole_bytes));
}

int64_t sys_socket(Thread& thread, const Arguments& arguments) {
    Kind kind{};
    if (const int64_t error = kind_of(arguments, kind); error != 0) return error;
    return new_descriptor(thread, file::Kind::Socket, kind.status(), kind.close_on_exec, [&]() -> Result<abi::Handle> {
        const sockets::MakeSocket method{.form = kind.form, .flags = kind.flags, .credentials = own_credentials(thread)};
        return TRY(settled_call(thread.process->pipe_server, method)).object;
    });
}

int64_t sys_socketpair(Thread& thread, const Arguments& arguments) {
    Kind kind{};
    if (const int64_t error = kind_of(arguments, kind); error != 0) return error;
    abi::Handle second{};
    const int64_t first_number =
        new_descriptor(thread, file::Kind::Socket, kind.status(), kind.close_on_exec, [&]() -> Result<abi::Handle> {
            const sockets::MakePair method{.form = kind.form, .flags = kind.flags, .credentials = own_credentials(thread)};
            const auto pair = TRY(settled_call(thread.process->pipe_server, method));
            second = pair.second;
            return pair.first;
        });
    if (first_number < 0) return first_number;
    DescriptorTable& table = thread.process->descriptors;
    int64_t error =
        new_descriptor(thread, file::Kind::Socket, kind.status(), kind.close_on_exec, [&]() -> Result<abi::Handle> { return second; });
    const int32_t numbers[2] = {static_cast<int32_t>(first_number), static_cast<int32_t>(error)};
    if (error < 0)
        native::close(second);
    else if (const auto written = write_user(arguments[3], numbers); written)
        return 0;
    else
        error = to_errno(written.error());
    for (const int32_t number : numbers)
        if (const Result<Descriptor> taken = table.take(number)) native::close(taken->handle);
    return error;
}

int64_t sys_bind(Thread& thread, const Arguments& arguments) {
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    SocketName name;
    uint16_t family = 0;
    if (const int64_t error = load_socket_name(arguments[1], static_cast<uint32_t>(arguments[2]), name, family); error != 0) return error;
    if (family != kFamilyUnix) return -EINVAL;
    if (name.is_path())
        if (const int64_t error = make_socket_file(thread, name); error != 0) return error;
    const auto bound = settled_call(socket->descriptor.handle, sockets::Bind{.address = name.file}, {.readable = name.bytes()});
    const int64_t result = outcome(bound);
    if (result != 0 && name.is_path()) remove_socket_file(thread, name);
    return result;
}

int64_t sys_listen(Thread& thread, const Arguments& arguments) {
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    const auto backlog = static_cast<int32_t>(arguments[1]);
    const sockets::Listen method{.backlog = backlog < 0 ? 4096u : static_cast<uint32_t>(backlog), .credentials = own_credentials(thread)};
    const auto reply = settled_call(socket->descriptor.handle, method);
    if (reply && reply->trouble == sockets::Trouble::WrongForm) return -EOPNOTSUPP;
    if (reply && reply->trouble == sockets::Trouble::NotConnected) return -EINVAL;  // it has no name, or is connected
    return outcome(reply);
}

int64_t sys_connect(Thread& thread, const Arguments& arguments) {
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    SocketName name;
    uint16_t family = 0;
    if (const int64_t error = load_socket_name(arguments[1], static_cast<uint32_t>(arguments[2]), name, family); error != 0) return error;
    if (family == kFamilyNone)
        name.length_bytes = 0;
    else if (family != kFamilyUnix || name.length_bytes == 0)
        return -EINVAL;
    else if (const int64_t error = find_socket_file(thread, name); error != 0)
        return error;
    const sockets::Connect method{.address = name.file, .credentials = own_credentials(thread)};
    const ipc::Lend lend{.readable = name.is_path() ? std::span<const std::byte>{} : name.bytes()};
    return outcome(interruptible::call(thread, socket->descriptor.handle, method, lend));
}

int64_t sys_accept(Thread& thread, const Arguments& arguments) {
    return accept_on(thread, arguments, 0);
}

int64_t sys_accept4(Thread& thread, const Arguments& arguments) {
    return accept_on(thread, arguments, static_cast<uint32_t>(arguments[3]));
}

int64_t sys_shutdown(Thread& thread, const Arguments& arguments) {
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    const auto how = static_cast<uint32_t>(arguments[1]);
    return how > 2 ? -EINVAL : outcome(settled_call(socket->descriptor.handle, sockets::Shutdown{.how = how}));
}

int64_t sys_getsockname(Thread& thread, const Arguments& arguments) {
    return get_name(thread, arguments, false);
}

int64_t sys_getpeername(Thread& thread, const Arguments& arguments) {
    return get_name(thread, arguments, true);
}

}  // namespace portico::posix
