#include <cerrno>
#include <cstring>

#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"
#include "posix/heap.h"

/// Extended attributes. The request holds name, value and path one behind the other.
namespace portico::posix {
namespace {

constexpr uint64_t kNameBytesMax = 255, kValueBytesMax = 65536;
constexpr uint64_t kBufferBytes = (kNameBytesMax + kValueBytesMax + PathBuffer::kBytesMax + 4095) / 4096 * 4096;

/// Whose attributes: a path's (its last link followed or not) or an open descriptor's.
enum class Subject : uint8_t { Path, Link, Open };

int64_t attribute_error(Error error) {
    switch (error) {
    case Error::NotFound:
        return -ENODATA;
    case Error::AccessDenied:
        return -EPERM;
    default:
        return to_errno(error);
    }
}

class Request {
public:
    Request() : bytes_(static_cast<std::byte*>(heap::allocate_pages(kBufferBytes))) {}
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;
    ~Request() {
        if (bytes_ != nullptr) heap::release_pages(bytes_, kBufferBytes);
    }

    /// Finds the subject, and checks that it is there: what is not found later is the attribute. 0 or a negative errno.
    int64_t start(Thread& thread, Subject subject, uint64_t argument) {
        if (bytes_ == nullptr) return -ENOMEM;
        if (subject == Subject::Open) {
            const Result<Descriptor> descriptor = open_descriptor(thread, argument);
            if (!descriptor) return -EBADF;
            path_.directory = descriptor->handle;
            path_.path.set_length(0);
            return 0;
        }
        const FinalLink final_link = subject == Subject::Link ? FinalLink::Keep : FinalLink::Follow;
        name.no_follow = subject == Subject::Link;
        if (const int64_t error = load_path(thread, linux_abi::kAtFdcwd, argument, final_link, path_); error != 0) return error;
        return request(path_.directory, file::CheckAccess{.mode = 0, .no_follow = name.no_follow}, path_.lend());
    }

    int64_t add_name(uint64_t address) {
        const Result<size_t> length = copy_string_from_user({reinterpret_cast<char*>(bytes_), kNameBytesMax + 1}, address);
        if (!length) return length.error() == Error::BadAddress ? -EFAULT : -ERANGE;
        if (*length == 0) return -ERANGE;
        name.name_bytes = static_cast<uint32_t>(*length);
        return 0;
    }

    int64_t add_value(uint64_t address, uint64_t length_bytes) {
        if (length_bytes > kValueBytesMax) return -E2BIG;
        if (!copy_from_user(bytes_ + name.name_bytes, address, length_bytes)) return -EFAULT;
        name.value_bytes = static_cast<uint32_t>(length_bytes);
        return 0;
    }

    /// Sends it, the path added at the end.
    template <class M>
    Result<typename M::Reply> send(const M& method, std::span<std::byte> writable = {}) {
        const std::string_view path = path_.path.text();
        const uint64_t before = uint64_t{name.name_bytes} + name.value_bytes;
        std::memcpy(bytes_ + before, path.data(), path.size());
        return settled_call(path_.directory, method, {.readable = {bytes_, before + path.size()}, .writable = writable});
    }

    file::AttributeName name{};

private:
    std::byte* bytes_;
    PathArgument path_;
};

/// The value, or with no name the list, into the program's buffer; with no room given only its length.
int64_t get(Request& request, uint64_t address, uint64_t room_bytes) {
    const uint64_t lent_bytes = room_bytes < kValueBytesMax ? room_bytes : kValueBytesMax;
    const auto window = user_window(address, lent_bytes);
    if (!window) return -EFAULT;
    const auto reply = request.send(file::GetExtended{.of = request.name}, *window);
    if (!reply) return attribute_error(reply.error());
    if (room_bytes != 0 && reply->length_bytes > lent_bytes) return -ERANGE;
    return static_cast<int64_t>(reply->length_bytes);
}

int64_t change_attribute(Thread& thread, Subject subject, const Arguments& arguments, bool removes) {
    constexpr uint32_t kCreateOrReplace = 3;
    Request request;
    const auto mode = static_cast<uint32_t>(arguments[4]);
    if (!removes && (mode & ~kCreateOrReplace) != 0) return -EINVAL;
    if (!removes && mode == kCreateOrReplace) return -EINVAL;
    if (const int64_t error = request.start(thread, subject, arguments[0]); error != 0) return error;
    if (const int64_t error = request.add_name(arguments[1]); error != 0) return error;
    if (removes) {
        const auto reply = request.send(file::RemoveExtended{.of = request.name});
        return reply ? 0 : attribute_error(reply.error());
    }
    if (const int64_t error = request.add_value(arguments[2], arguments[3]); error != 0) return error;
    const auto reply = request.send(file::SetExtended{.of = request.name, .mode = mode});
    return reply ? 0 : attribute_error(reply.error());
}

int64_t get_attribute(Thread& thread, Subject subject, const Arguments& arguments) {
    Request request;
    if (const int64_t error = request.start(thread, subject, arguments[0]); error != 0) return error;
    if (const int64_t error = request.add_name(arguments[1]); error != 0) return error;
    return get(request, arguments[2], arguments[3]);
}

int64_t list_attributes(Thread& thread, Subject subject, const Arguments& arguments) {
    Request request;
    if (const int64_t error = request.start(thread, subject, arguments[0]); error != 0) return error;
    return get(request, arguments[1], arguments[2]);
}

}  // namespace

int64_t sys_setxattr(Thread& thread, const Arguments& arguments) {
    return change_attribute(thread, Subject::Path, arguments, false);
}
int64_t sys_lsetxattr(Thread& thread, const Arguments& arguments) {
    return change_attribute(thread, Subject::Link, arguments, false);
}
int64_t sys_fsetxattr(Thread& thread, const Arguments& arguments) {
    return change_attribute(thread, Subject::Open, arguments, false);
}
int64_t sys_getxattr(Thread& thread, const Arguments& arguments) {
    return get_attribute(thread, Subject::Path, arguments);
}
int64_t sys_lgetxattr(Thread& thread, const Arguments& arguments) {
    return get_attribute(thread, Subject::Link, arguments);
}
int64_t sys_fgetxattr(Thread& thread, const Arguments& arguments) {
    return get_attribute(thread, Subject::Open, arguments);
}
int64_t sys_listxattr(Thread& thread, const Arguments& arguments) {
    return list_attributes(thread, Subject::Path, arguments);
}
int64_t sys_llistxattr(Thread& thread, const Arguments& arguments) {
    return list_attributes(thread, Subject::Link, arguments);
}
int64_t sys_flistxattr(Thread& thread, const Arguments& arguments) {
    return list_attributes(thread, Subject::Open, arguments);
}
int64_t sys_removexattr(Thread& thread, const Arguments& arguments) {
    return change_attribute(thread, Subject::Path, arguments, true);
}
int64_t sys_lremovexattr(Thread& thread, const Arguments& arguments) {
    return change_attribute(thread, Subject::Link, arguments, true);
}
int64_t sys_fremovexattr(Thread& thread, const Arguments& arguments) {
    return change_attribute(thread, Subject::Open, arguments, true);
}

}  // namespace portico::posix
