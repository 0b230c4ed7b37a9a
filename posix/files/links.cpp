#include <algorithm>
#include <cstring>

#include "posix/files/decimal.h"
#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"
#include "posix/heap.h"

namespace portico::posix {
namespace {

/// Two paths and the window that holds one behind the other. On the heap: it would fill a third of the stack.
class PathPair {
public:
    static PathPair* make() { return heap::make<PathPair>(); }

    PathArgument from, to;

    ipc::Lend join(std::string_view first, std::string_view second) {
        std::memcpy(window_, first.data(), first.size());
        std::memcpy(window_ + first.size(), second.data(), second.size());
        return ipc::Lend::text({window_, first.size() + second.size()});
    }
    ipc::Lend both() { return join(from.path.text(), to.path.text()); }

private:
    char window_[2 * PathBuffer::kBytesMax];
};

class OwnedPair {
public:
    OwnedPair() : pair_(PathPair::make()) {}
    OwnedPair(const OwnedPair&) = delete;
    OwnedPair& operator=(const OwnedPair&) = delete;
    ~OwnedPair() { heap::destroy(pair_); }
    explicit operator bool() const { return pair_ != nullptr; }
    PathPair* operator->() const { return pair_; }

private:
    PathPair* pair_;
};

struct TwoNames {
    int32_t from_directory;
    uint64_t from;
    int32_t to_directory;
    uint64_t to;
};

int64_t rename_name(Thread& thread, const TwoNames& names, uint64_t flags) {
    constexpr uint64_t kNoReplace = 1, kExchange = 2, kWhiteout = 4;
    if ((flags & ~(kNoReplace | kExchange | kWhiteout)) != 0) return -EINVAL;
    if ((flags & kExchange) != 0 && (flags & (kNoReplace | kWhiteout)) != 0) return -EINVAL;
    const OwnedPair paths;
    if (!paths) return -ENOMEM;
    if (const int64_t error = load_path(thread, names.from_directory, names.from, FinalLink::Keep, paths->from); error != 0) return error;
    if (const int64_t error = load_path(thread, names.to_directory, names.to, FinalLink::Keep, paths->to); error != 0) return error;
    const file::Rename method{.old_path_bytes = paths->from.path.text().size(), .flags = flags, .new_directory = paths->to.directory};
    return request(paths->from.directory, method, paths->both());
}

int64_t link_name(Thread& thread, const TwoNames& names, uint32_t flags) {
    if ((flags & ~(linux_abi::kAtSymlinkFollow | linux_abi::kAtEmptyPath)) != 0) return -EINVAL;
    const FinalLink final_link = (flags & linux_abi::kAtSymlinkFollow) != 0 ? FinalLink::Follow : FinalLink::Keep;
    const EmptyPath empty = (flags & linux_abi::kAtEmptyPath) != 0 ? EmptyPath::Allow : EmptyPath::Refuse;
    const OwnedPair paths;
    if (!paths) return -ENOMEM;
    if (const int64_t error = load_path(thread, names.from_directory, names.from, final_link, paths->from, empty); error != 0) return error;
    if (const int64_t error = load_path(thread, names.to_directory, names.to, FinalLink::Keep, paths->to); error != 0) return error;
    const file::Link method{
        .old_path_bytes = paths->from.path.text().size(), .follow = final_link == FinalLink::Follow, .new_directory = paths->to.directory};
    return request(paths->from.directory, method, paths->both());
}

int64_t make_symbolic_link(Thread& thread, uint64_t target, int32_t directory, uint64_t address) {
    const OwnedPair paths;
    if (!paths) return -ENOMEM;
    PathBuffer& text = paths->from.path;  // a target is a text, not a path to be resolved
    const Result<size_t> length = copy_string_from_user({text.storage(), PathBuffer::kBytesMax + 1}, target);
    if (!length) return length.error() == Error::BadAddress ? -EFAULT : -ENAMETOOLONG;
    if (*length == 0) return -ENOENT;
    text.set_length(static_cast<uint32_t>(*length));
    if (const int64_t error = load_path(thread, directory, address, FinalLink::Keep, paths->to); error != 0) return error;
    return request(paths->to.directory, file::MakeSymbolicLink{.target_bytes = *length}, paths->both());
}

constexpr std::string_view anonymous_name(file::Kind kind) {
    switch (kind) {
    case file::Kind::Event:
        return "anon_inode:[eventfd]";
    case file::Kind::Timer:
        return "anon_inode:[timerfd]";
    case file::Kind::SignalSet:
        return "anon_inode:[signalfd]";
    case file::Kind::Epoll:
        return "anon_inode:[eventpoll]";
    case file::Kind::None:
        return "anon_inode:inotify";
    default:
        return {};
    }
}

/// "pipe:[INODE]" and the like, for objects without a path.
uint64_t write_object_name(char* to, file::Kind kind, uint64_t inode) {
    const std::string_view anonymous = anonymous_name(kind);
    if (!anonymous.empty()) {
        std::memcpy(to, anonymous.data(), anonymous.size());
        return anonymous.size();
    }
    const std::string_view head = kind == file::Kind::Fifo ? "pipe:[" : "socket:[";
    std::memcpy(to, head.data(), head.size());
    uint64_t length_bytes = head.size() + write_decimal(to + head.size(), inode);
    to[length_bytes++] = ']';
    return length_bytes;
}

/// What /proc/self/fd/N points to.
int64_t read_descriptor_link(Thread& thread, int32_t number, uint64_t address, uint64_t length_bytes) {
    const Result<Descriptor> descriptor = thread.process->descriptors.get(number);
    if (!descriptor) return -ENOENT;
    PathBuffer path;
    const ipc::Lend lend{.writable = std::as_writable_bytes(std::span(path.storage(), PathBuffer::kBytesMax))};
    const auto reply = settled_call(descriptor->handle, file::GetPath{}, lend);
    uint64_t name_bytes = 0;
    if (reply) {
        name_bytes = std::min<uint64_t>(reply->length_bytes, PathBuffer::kBytesMax);
    } else {
        const Result<file::Attributes> attributes = attributes_of(descriptor->handle);
        if (!attributes) return to_errno(attributes.error());
        name_bytes = write_object_name(path.storage(), descriptor->kind, attributes->inode);
    }
    const uint64_t part = std::min(name_bytes, length_bytes);
    const auto copied = copy_to_user(address, path.storage(), part);
    return copied ? static_cast<int64_t>(part) : to_errno(copied.error());
}

int64_t read_link(Thread& thread, int32_t directory, uint64_t address, uint64_t target, int32_t length_argument) {
    if (length_argument <= 0) return -EINVAL;
    const auto length_bytes = static_cast<uint64_t>(length_argument);
    const auto window = user_window(target, length_bytes);
    if (!window) return -EFAULT;
    PathArgument path;
    // Like a link to follow, so that a descriptor's own name is recognized; the server never follows here.
    if (const int64_t error = load_path(thread, directory, address, FinalLink::Follow, path, EmptyPath::Allow); error != 0) return error;
    if (path.number >= 0 && path.number != directory) return read_descriptor_link(thread, path.number, target, length_bytes);
    if (path.terminal) return -EINVAL;
    if (path.path.empty() && directory == linux_abi::kAtFdcwd) return -ENOENT;
    const auto reply = settled_call(path.directory, file::ReadSymbolicLink{}, path.lend(*window));
    return reply ? static_cast<int64_t>(std::min(reply->length_bytes, length_bytes)) : to_errno(reply.error());
}

}  // namespace

int64_t sys_rename(Thread& thread, const Arguments& arguments) {
    return rename_name(thread, {linux_abi::kAtFdcwd, arguments[0], linux_abi::kAtFdcwd, arguments[1]}, 0);
}

int64_t sys_renameat(Thread& thread, const Arguments& arguments) {
    return rename_name(thread, {number_argument(arguments[0]), arguments[1], number_argument(arguments[2]), arguments[3]}, 0);
}

int64_t sys_renameat2(Thread& thread, const Arguments& arguments) {
    return rename_name(thread, {number_argument(arguments[0]), arguments[1], number_argument(arguments[2]), arguments[3]},
                       static_cast<uint32_t>(arguments[4]));
}

int64_t sys_link(Thread& thread, const Arguments& arguments) {
    return link_name(thread, {linux_abi::kAtFdcwd, arguments[0], linux_abi::kAtFdcwd, arguments[1]}, 0);
}

int64_t sys_linkat(Thread& thread, const Arguments& arguments) {
    return link_name(thread, {number_argument(arguments[0]), arguments[1], number_argument(arguments[2]), arguments[3]},
                     static_cast<uint32_t>(arguments[4]));
}

int64_t sys_symlink(Thread& thread, const Arguments& arguments) {
    return make_symbolic_link(thread, arguments[0], linux_abi::kAtFdcwd, arguments[1]);
}

int64_t sys_symlinkat(Thread& thread, const Arguments& arguments) {
    return make_symbolic_link(thread, arguments[0], number_argument(arguments[1]), arguments[2]);
}

int64_t sys_readlink(Thread& thread, const Arguments& arguments) {
    return read_link(thread, linux_abi::kAtFdcwd, arguments[0], arguments[1], number_argument(arguments[2]));
}

int64_t sys_readlinkat(Thread& thread, const Arguments& arguments) {
    return read_link(thread, number_argument(arguments[0]), arguments[1], arguments[2], number_argument(arguments[3]));
}

}  // namespace portico::posix
