#include <ctime>

#include "servers/terminal/server.h"

/// What the open objects tell of themselves.
namespace portico::terminal {

namespace {

constexpr uint64_t kDevice = 6;  // st_dev of the terminal server's own objects

int64_t realtime_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

}  // namespace

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::GetAttributes&) {
    const Object object = TRY(find(call));
    const int64_t now_ns = realtime_ns();
    const file::Attributes attributes{.device = kDevice,
                                      .inode = static_cast<uint64_t>(&object->name - kNames.data()) + 1,
                                      .links = 1,
                                      .mode = object->name.mode,
                                      .block_bytes = 1024,
                                      .special_device = object->name.special_device,
                                      .access_ns = now_ns,
                                      .modify_ns = now_ns,
                                      .change_ns = now_ns};
    TRY(call.write(0, std::as_bytes(std::span(&attributes, 1))));
    return protocols::Empty{};
}

Result<file::Seek::Reply> Server::on(const ipc::Call& call, const file::Seek&) {
    TRY(find(call));
    return fail(Error::NotSeekable);
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::Truncate&) {
    TRY(find(call));
    return fail(Error::InvalidArgument);
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::Sync&) {
    TRY(find(call));
    return fail(Error::InvalidArgument);  // as fsync(2) says of what has no storage
}

Result<file::GetFlags::Reply> Server::on(const ipc::Call& call, const file::GetFlags&) {
    return file::GetFlags::Reply{.flags = TRY(find(call))->flags};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::SetFlags& request) {
    constexpr uint32_t kChangeable = file::kAppend | file::kNonBlocking;
    const Object object = TRY(find(call));
    object->flags = (object->flags & ~kChangeable) | (static_cast<uint32_t>(request.flags) & kChangeable);
    return protocols::Empty{};
}

Result<file::GetPath::Reply> Server::on(const ipc::Call& call, const file::GetPath&) {
    const Object object = TRY(find(call));
    const std::string path = "/dev/" + std::string(object->name.name);
    if (path.size() > call.writable_bytes()) return fail(Error::TooLarge);
    TRY(call.write(0, std::as_bytes(std::span(path))));
    return file::GetPath::Reply{.length_bytes = path.size()};
}

}  // namespace portico::terminal
