#include <algorithm>
#include <ctime>
#include <vector>

#include "servers/terminal/server.h"

/// What the open objects tell of themselves.
namespace portico::terminal {

namespace protocol = protocols::terminal;

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
    file::Attributes attributes;
    if (object->is_terminal() && object->pseudo() != nullptr) {
        attributes = object->pseudo()->attributes();
    } else {
        const int64_t now_ns = realtime_ns();
        const auto node = nodes_.find(object->name.name);
        attributes = {.device = node != nodes_.end() ? node->second.device : kDevice,
                      .inode = node != nodes_.end() ? node->second.inode : static_cast<uint64_t>(&object->name - kNames.data()) + 1,
                      .links = 1,
                      .mode = object->name.mode,
                      .block_bytes = 1024,
                      .special_device = object->name.special_device,
                      .access_ns = now_ns,
                      .modify_ns = now_ns,
                      .change_ns = now_ns};
    }
    TRY(call.write(0, std::as_bytes(std::span(&attributes, 1))));
    return protocols::Empty{};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::SetAttributes& request) {
    const Object object = TRY(find(call));
    PseudoTerminal* const pair = object->is_terminal() ? object->pseudo() : nullptr;
    if (pair == nullptr) return fail(Error::NotSupported);
    pair->change({.number = pair->number(),
                  .changes = request.changes,
                  .mode = request.mode,
                  .uid = request.uid,
                  .gid = request.gid,
                  .access_ns = request.access_ns,
                  .modify_ns = request.modify_ns},
                 realtime_ns());
    return protocols::Empty{};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const protocol::SetNode& request) {
    if (call.badge() >= file::kFirstObjectBadge) return fail(Error::AccessDenied);
    const Name* const name = find_name(TRY(call.read_text(file::kNameBytesMax)));
    if (name == nullptr) return fail(Error::NotFound);
    nodes_[name->name] = request;
    return protocols::Empty{};
}

Result<protocol::ListPseudo::Reply> Server::on(const ipc::Call& call, const protocol::ListPseudo&) {
    std::vector<uint32_t> numbers;
    for (const auto& [number, pair] : pseudo_)
        if (pseudo(number)) numbers.push_back(number);
    numbers.resize(std::min<size_t>(numbers.size(), call.writable_bytes() / sizeof(uint32_t)));
    TRY(call.write(0, std::as_bytes(std::span(numbers))));
    return protocol::ListPseudo::Reply{.count = numbers.size()};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const protocol::DescribePseudo& request) {
    const std::shared_ptr<PseudoTerminal> pair = pseudo(request.number);
    if (!pair) return fail(Error::NotFound);
    const file::Attributes attributes = pair->attributes();
    TRY(call.write(0, std::as_bytes(std::span(&attributes, 1))));
    return protocols::Empty{};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const protocol::ChangePseudo& request) {
    if (call.badge() >= file::kFirstObjectBadge) return fail(Error::AccessDenied);
    const std::shared_ptr<PseudoTerminal> pair = pseudo(request.number);
    if (!pair) return fail(Error::NotFound);
    pair->change(request, realtime_ns());
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
    const PseudoTerminal* const pair = object->is_terminal() ? object->pseudo() : nullptr;
    const std::string path = pair != nullptr ? "/dev/pts/" + std::to_string(pair->number()) : "/dev/" + std::string(object->name.name);
    if (path.size() > call.writable_bytes()) return fail(Error::TooLarge);
    TRY(call.write(0, std::as_bytes(std::span(path))));
    return file::GetPath::Reply{.length_bytes = path.size()};
}

}  // namespace portico::terminal
