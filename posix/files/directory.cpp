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

constexpr uint64_t kRecordBytesMax = sizeof(file::DirectoryEntry) + 256;  // the longest name, padded
constexpr uint64_t kBounceBytes = 4096;

/// Sets where the next getdents goes on.
Result<> set_position(abi::Handle directory, uint64_t cookie) {
    TRY(settled_call(directory, file::Seek{.offset = static_cast<int64_t>(cookie), .whence = 0}));
    return {};
}

/// The process's own descriptors as a directory's entries, as many as fit behind the one with that cookie. Returns the bytes.
uint64_t list_descriptors(const DescriptorTable& table, uint64_t cookie, std::span<std::byte> records) {
    constexpr uint64_t kFirst = 3;  // behind "." and ".."; an entry's cookie is its own place, counted from 1
    uint64_t used = 0;
    const auto add = [&](std::string_view name, uint64_t place, file::Kind kind) {
        const uint64_t bytes = (sizeof(file::DirectoryEntry) + name.size() + 7) & ~uint64_t{7};
        if (place <= cookie || used + bytes > records.size()) return place <= cookie;
        const file::DirectoryEntry entry{
            .inode = place, .next_cookie = place, .kind = static_cast<uint32_t>(kind), .name_bytes = static_cast<uint32_t>(name.size())};
        std::memcpy(records.data() + used, &entry, sizeof(entry));
        std::memcpy(records.data() + used + sizeof(entry), name.data(), name.size());
        used += bytes;
        return true;
    };
    bool fits = add(".", 1, file::Kind::Directory) && add("..", 2, file::Kind::Directory);
    table.for_each([&](int32_t number, const Descriptor&) {
        char name[12];
        const uint32_t length = write_decimal(name, static_cast<uint32_t>(number));
        fits = fits && add({name, length}, kFirst + static_cast<uint64_t>(number), file::Kind::SymbolicLink);
    });
    return used;
}

/// The server's records pass through a buffer: a translated record is never longer than its source, so asking for as
/// many bytes as the program has room for gives what fits. Only room for less than one record needs a step back.
Result<uint64_t> read_entries(Thread& thread, const Descriptor& descriptor, uint64_t address, uint64_t length_bytes, DirentFormat format) {
    const abi::Handle directory = descriptor.handle;
    const bool own = (descriptor.status & Descriptor::kListsDescriptors) != 0;
    std::array<std::byte, kBounceBytes> records;
    std::array<std::byte, kBounceBytes> entries;
    const uint64_t start = TRY(settled_call(directory, file::Seek{.offset = 0, .whence = 1})).offset;
    const uint64_t wanted = std::clamp(length_bytes, kRecordBytesMax, kBounceBytes);
    file::ReadDirectory::Reply reply{};
    if (own)
        reply.length_bytes = list_descriptors(thread.process->descriptors, start, std::span(records).first(wanted));
    else
        reply = TRY(
            settled_call(directory, file::ReadDirectory{.cookie = file::kCurrentOffset}, {.writable = std::span(records).first(wanted)}));
    if (reply.length_bytes == 0) return 0;
    if (reply.length_bytes > wanted) return fail(Error::BadProtocol);
    const uint64_t room = std::min(length_bytes, kBounceBytes);
    const TranslatedEntries done = translate_entries(std::span(records).first(reply.length_bytes), std::span(entries).first(room), format);
    if (own || done.input_bytes < reply.length_bytes) TRY(set_position(directory, done.input_bytes == 0 ? start : done.next_cookie));
    if (done.input_bytes == 0) return fail(Error::InvalidArgument);
    if (const auto copied = copy_to_user(address, entries.data(), done.output_bytes); !copied) {
        TRY(set_position(directory, start));
        return fail(copied.error());
    }
    return done.output_bytes;
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
