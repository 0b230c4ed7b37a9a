#include <algorithm>
#include <cstring>

#include "posix/clock.h"
#include "posix/files/file_calls.h"
#include "posix/files/requests.h"
#include "posix/files/sockets.h"

/// getsockopt and setsockopt.
namespace portico::posix {
namespace {

constexpr int32_t kLevelSocket = 1;
constexpr uint32_t kOptionError = 4, kOptionLinger = 13, kOptionPeerCredentials = 17, kOptionReceiveLimit = 20, kOptionSendLimit = 21;

bool is_limit(uint32_t option) {
    return option == kOptionReceiveLimit || option == kOptionSendLimit;
}

struct Linger {
    int32_t on, seconds;
};

/// An option's value as the program sees it.
struct Value {
    std::byte bytes[16];
    uint32_t length_bytes = 0;

    template <class T>
    void set(const T& value) {
        std::memcpy(bytes, &value, sizeof value);
        length_bytes = sizeof value;
    }
};

void fill(Value& value, uint32_t option, const sockets::GetOption::Reply& reply) {
    if (option == kOptionPeerCredentials) {
        value.set(sockets::Credentials{.pid = static_cast<int32_t>(reply.value[0]),
                                       .uid = static_cast<uint32_t>(reply.value[1]),
                                       .gid = static_cast<uint32_t>(reply.value[1] >> 32)});
    } else if (is_limit(option)) {
        value.set(linux_abi::Timeval{static_cast<int64_t>(reply.value[0] / 1'000'000'000),
                                     static_cast<int64_t>(reply.value[0] % 1'000'000'000 / 1000)});
    } else if (option == kOptionError) {
        value.set(static_cast<int32_t>(-trouble_errno(static_cast<sockets::Trouble>(reply.value[0]))));
    } else {
        value.set(static_cast<int32_t>(reply.value[0]));
    }
}

}  // namespace

int64_t sys_getsockopt(Thread& thread, const Arguments& arguments) {
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    const auto option = static_cast<uint32_t>(arguments[2]);
    const auto room = read_user<int32_t>(arguments[4]);
    if (!room) return to_errno(room.error());
    if (*room < 0) return -EINVAL;
    if (static_cast<int32_t>(arguments[1]) != kLevelSocket) return -EOPNOTSUPP;
    Value value;
    if (option == kOptionLinger) {
        value.set(Linger{});
    } else {
        const auto reply = settled_call(socket->descriptor.handle, sockets::GetOption{.option = option});
        if (!reply) return reply.error() == Error::NotSupported ? -ENOPROTOOPT : to_errno(reply.error());
        fill(value, option, *reply);
    }
    const uint32_t part = std::min(static_cast<uint32_t>(*room), value.length_bytes);
    if (const auto copied = copy_to_user(arguments[3], value.bytes, part); !copied) return to_errno(copied.error());
    return to_errno(write_user(arguments[4], part));
}

int64_t sys_setsockopt(Thread& thread, const Arguments& arguments) {
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    const auto option = static_cast<uint32_t>(arguments[2]);
    const auto length_bytes = static_cast<int32_t>(arguments[4]);
    if (static_cast<int32_t>(arguments[1]) != kLevelSocket) return -EOPNOTSUPP;
    sockets::SetOption method{.option = option, .value = 0};
    if (is_limit(option)) {
        if (length_bytes < static_cast<int32_t>(sizeof(linux_abi::Timeval))) return -EINVAL;
        const auto limit = read_user<linux_abi::Timeval>(arguments[3]);
        if (!limit) return to_errno(limit.error());
        if (limit->microseconds < 0 || limit->microseconds >= 1'000'000) return -EDOM;
        if (limit->seconds >= 0) method.value = TimeSpec{limit->seconds, limit->microseconds * 1000}.to_ns();
    } else if (option == kOptionLinger) {
        if (length_bytes < static_cast<int32_t>(sizeof(Linger))) return -EINVAL;
        const auto linger = read_user<Linger>(arguments[3]);
        return linger ? 0 : to_errno(linger.error());  // closing an AF_UNIX socket never waits
    } else {
        if (length_bytes < static_cast<int32_t>(sizeof(int32_t))) return -EINVAL;
        const auto value = read_user<int32_t>(arguments[3]);
        if (!value) return to_errno(value.error());
        method.value = static_cast<uint64_t>(std::max(*value, 0));
    }
    const auto reply = settled_call(socket->descriptor.handle, method);
    if (reply) return 0;
    return reply.error() == Error::NotSupported ? -ENOPROTOOPT : to_errno(reply.error());
}

}  // namespace portico::posix
