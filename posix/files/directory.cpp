#include <algorithm>
#include <array>
#include <cstring>

#include "posix/files/decimal.h"
#include "posix/files/directory_records.h"
#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"

namespace portico::posix {
namespace {

enum class DirentFormat : uint8_t { Dirent, Dirent64 };  ///< of getdents and getdents64

constexpr uint64_t kBounceBytes = 4096;

/// Sets where the next getdents goes on.
Result<> set_position(abi::Handle directory, uint64_t cookie) {
    TRY(settled_call(directory, file::Seek{.offset = static_cast<int64_t>(cookie), .whence = 0}));
    return {};
}

/// The process's own descriptors as a directory's entries, as many as fit behind the one with that cookie, which becomes the last one's.
/// Returns the bytes. Errors: InvalidArgument (not even one fits).
Result<uint64_t> list_descriptors(const DescriptorTable& table, uint64_t& cookie, std::span<std::byte> records) {
    constexpr uint64_t kFirst = 3;  // behind "." and ".."; an entry's cookie is its own place, counted from 1
    uint64_t used = 0;
    bool fits = true;
    const auto add = [&](std::string_view name, uint64_t place, file::Kind kind) {
        if (place <= cookie || !fits) return;
        fits = file::DirectoryEntry::bytes_of(name.size()) <= records.size() - used;
        if (!fits) return;
        used += file::DirectoryEntry::write(records.data() + used, place, place, kind, name);
        cookie = place;
    };
    add(".", 1, file::Kind::Directory);
    add("..", 2, file::Kind::Directory);
    table.for_each([&](int32_t number, const Descriptor&) {
        char name[12];
        const uint32_t length = write_decimal(name, static_cast<uint32_t>(number));
        add({name, length}, kFirst + static_cast<uint64_t>(number), file::Kind::SymbolicLink);
    });
    if (used == 0 && !fits) return fail(Error::InvalidArgument);
    return used;
}

/// Through a buffer of the library's, which the program's memory need not stand for: what is listed here, what has the old format, and
/// what the server could not write to the program itself.
Result<uint64_t> read_by_buffer(Thread& thread, const Descriptor& descriptor, uint64_t address, uint64_t length_bytes,
                                DirentFormat format) {
    const abi::Handle directory = descriptor.handle;
    std::array<std::byte, kBounceBytes> buffer;
    const std::span<std::byte> room = std::span(buffer).first(std::min(length_bytes, kBounceBytes));
    const uint64_t start = TRY(settled_call(directory, file::Seek{.offset = 0, .whence = 1})).offset;
    uint64_t bytes = 0;
    if ((descriptor.status & Descriptor::kListsDescriptors) != 0) {
        uint64_t position = start;
        bytes = TRY(list_descriptors(thread.process->descriptors, position, room));
        TRY(set_position(directory, position));
    } else {
        bytes = TRY(settled_call(directory, file::ReadDirectory{.cookie = file::kCurrentOffset}, {.writable = room})).length_bytes;
    }
    if (bytes > room.size()) return fail(Error::BadProtocol);
    if (format == DirentFormat::Dirent && make_old_entries(room.first(bytes)) != bytes) return fail(Error::BadProtocol);
    if (const auto copied = copy_to_user(address, buffer.data(), bytes); !copied) {
        TRY(set_position(directory, start));
        return fail(copied.error());
    }
    return bytes;
}

/// The server's entries are getdents64's, so it writes them to where the program wants them.
Result<uint64_t> read_entries(Thread& thread, const Descriptor& descriptor, uint64_t address, uint64_t length_bytes, DirentFormat format) {
    const bool own = (descriptor.status & Descriptor::kListsDescriptors) != 0;
    if (!own && format == DirentFormat::Dirent64) {
        const uint64_t room = std::min<uint64_t>(length_bytes, abi::kWindowBytesMax);
        const auto reply = settled_call(descriptor.handle, file::ReadDirectory{.cookie = file::kCurrentOffset},
                                        {.writable = TRY(user_window(address, room))});
        if (reply) return reply->length_bytes <= room ? Result<uint64_t>(reply->length_bytes) : fail(Error::BadProtocol);
        if (reply.error() != Error::BadAddress) return fail(reply.error());
    }
    return read_by_buffer(thread, descriptor, address, length_bytes, format);
}

int64_t get_entries(Thread& thread, const Arguments& arguments, DirentFormat format) {
    const Result<Descriptor> descriptor = open_descriptor(thread, arguments[0]);
    if (!descriptor) return -EBADF;
    if (descriptor->kind != file::Kind::Directory) return -ENOTDIR;
    const Result<uint64_t> written = read_entries(thread, *descriptor, arguments[1], static_cast<uint32_t>(arguments[2]), format);
    return written ? static_cast<int64_t>(*written) : to_errno(written.error());
}

void set_working_directory(Process& process, abi::Handle directory) {
    abi::Handle before;
    {
        const MutexGuard guard(process.mutex);
        before = process.working_directory;
        process.working_directory = directory;
    }
    native::close(before);
}

}  // namespace

int64_t sys_getdents(Thread& thread, const Arguments& arguments) {
    return get_entries(thread, arguments, DirentFormat::Dirent);
}
int64_t sys_getdents64(Thread& thread, const Arguments& arguments) {
    return get_entries(thread, arguments, DirentFormat::Dirent64);
}

int64_t sys_getcwd(Thread& thread, const Arguments& arguments) {
    PathBuffer path;
    const ipc::Lend lend{.writable = std::as_writable_bytes(std::span(path.storage(), PathBuffer::kBytesMax))};
    const auto reply = settled_call(thread.process->current_directory(), file::GetPath{}, lend);
    if (!reply) return to_errno(reply.error());
    const uint64_t with_zero = reply->length_bytes + 1;
    if (with_zero > PathBuffer::kBytesMax + 1) return -ENAMETOOLONG;
    if (with_zero > arguments[1]) return -ERANGE;
    path.storage()[reply->length_bytes] = '\0';
    const auto copied = copy_to_user(arguments[0], path.storage(), with_zero);
    return copied ? static_cast<int64_t>(with_zero) : to_errno(copied.error());
}

int64_t sys_chdir(Thread& thread, const Arguments& arguments) {
    constexpr uint64_t kSearch = 1;
    PathArgument path;
    if (const int64_t error = load_path(thread, linux_abi::kAtFdcwd, arguments[0], FinalLink::Follow, path); error != 0) return error;
    const auto opened = settled_call(path.directory, file::Open{.flags = file::kDirectory | file::kPathOnly}, path.lend());
    if (!opened) return to_errno(opened.error());
    OwnedHandle directory(opened->file);
    if (const int64_t error = request(path.directory, file::CheckAccess{.mode = kSearch}, path.lend()); error != 0) return error;
    set_working_directory(*thread.process, directory.release());
    return 0;
}

int64_t sys_fchdir(Thread& thread, const Arguments& arguments) {
    const Result<Descriptor> descriptor = thread.process->descriptors.get(number_argument(arguments[0]));
    if (!descriptor) return -EBADF;
    if (descriptor->kind != file::Kind::Directory) return -ENOTDIR;
    const auto copy = native::call(abi::HandleDuplicate{descriptor->handle, static_cast<uint64_t>(abi::Rights::All)});
    if (!copy) return to_errno(copy.error());
    set_working_directory(*thread.process, copy->handle);
    return 0;
}

/// Every process shares the one root; nothing keeps a process below another directory.
int64_t sys_chroot(Thread&, const Arguments&) {
    return -ENOSYS;
}

}  // namespace portico::posix
