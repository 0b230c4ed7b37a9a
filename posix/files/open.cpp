#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"
#include "posix/files/terminals.h"

namespace portico::posix {
namespace {

constexpr uint32_t kPermissionBits = 07777;
/// What stays of the flags once the file is open; the rest only says how to open.
constexpr uint32_t kKeptFlags =
    ~(file::kCreate | file::kExclusive | file::kNoControllingTerminal | file::kTruncate | linux_abi::kOpenCloseOnExec);

struct OpenRequest {
    int32_t directory;
    uint64_t path;
    uint32_t flags;
    uint32_t mode;
};

Result<file::Open> method_of(Thread& thread, const OpenRequest& request, const PathArgument& path) {
    file::Open method{.flags = request.flags & ~(linux_abi::kOpenCloseOnExec | linux_abi::kOpenLargeFile), .mode = 0};
    if ((request.flags & (file::kCreate | linux_abi::kOpenTemporary)) != 0)
        method.mode = request.mode & kPermissionBits & ~thread.process->current_umask();
    if (path.below_dev || path.terminal) {  // only terminals want to know, and asking takes a call
        const auto ids = TRY(thread.process->ids());
        method.session = static_cast<uint32_t>(ids.session);
        method.process_group = static_cast<uint32_t>(ids.group);
    }
    return method;
}

/// Whether an interrupted open was one that may wait long. Others are made again, steady: no program expects EINTR of them.
bool waits_for_peer(const PathArgument& path) {
    file::Attributes attributes{};
    const auto known = settled_call(path.directory, file::GetAttributesAt{}, path.lend(std::as_writable_bytes(std::span(&attributes, 1))));
    constexpr uint32_t kFormat = 0170000, kRegular = 0100000, kDirectoryFormat = 0040000;
    const uint32_t format = attributes.mode & kFormat;
    return known && format != kRegular && format != kDirectoryFormat;
}

Result<file::Open::Reply> open_at_server(Thread& thread, file::Open method, const PathArgument& path) {
    constexpr uint32_t kNew = file::kCreate | file::kExclusive;
    const ipc::Lend lend = path.lend_or_put(method);
    if ((method.flags & kNew) == kNew) return settled_call(path.directory, method, lend);  // made twice it would exist
    auto reply = interruptible::call(thread, path.directory, method, lend);
    if (reply || reply.error() != Error::Interrupted || waits_for_peer(path)) return reply;
    return settled_call(path.directory, method, lend);
}

int64_t fill_number(Thread& thread, int32_t number, const OpenRequest& request, const file::Open::Reply& reply, bool lists_descriptors) {
    const bool device = reply.kind == file::Kind::CharacterDevice;
    const bool terminal = device && is_terminal_device(reply.special_device);
    if (terminal && (request.flags & (file::kNoControllingTerminal | file::kPathOnly)) == 0)
        adopt_terminal(thread, reply.file, reply.special_device);
    thread.process->descriptors.fill(number,
                                     {.handle = reply.file,
                                      .kind = reply.kind,
                                      .status = (request.flags & kKeptFlags) | (lists_descriptors ? Descriptor::kListsDescriptors : 0u),
                                      .close_on_exec = (request.flags & linux_abi::kOpenCloseOnExec) != 0,
                                      .terminal = terminal ? TerminalHint::Yes : TerminalHint::No});
    return number;
}

/// /dev/fd/N: another descriptor of the same open object. (Linux opens the object anew.)
int64_t open_descriptor_again(Thread& thread, int32_t number, int32_t source, uint32_t flags) {
    DescriptorTable& table = thread.process->descriptors;
    const Result<Descriptor> descriptor = table.get(source);
    if (!descriptor) return -ENOENT;
    const uint32_t wanted = flags & file::kAccessMode;
    if ((wanted != file::kWriteOnly && !descriptor->readable()) || (wanted != file::kReadOnly && !descriptor->writable())) return -EACCES;
    if ((flags & file::kDirectory) != 0 && descriptor->kind != file::Kind::Directory) return -ENOTDIR;
    const auto copy = native::call(abi::HandleDuplicate{descriptor->handle, static_cast<uint64_t>(abi::Rights::All)});
    if (!copy) return to_errno(copy.error());
    Descriptor again = *descriptor;
    again.handle = copy->handle;
    again.close_on_exec = (flags & linux_abi::kOpenCloseOnExec) != 0;
    table.fill(number, again);
    return number;
}

int64_t open_into(Thread& thread, int32_t number, const OpenRequest& request) {
    PathArgument path;
    const FinalLink final_link = (request.flags & file::kNoFollow) != 0 ? FinalLink::Keep : FinalLink::Follow;
    if (const int64_t error = load_path(thread, request.directory, request.path, final_link, path); error != 0) return error;
    if (path.number >= 0) return open_descriptor_again(thread, number, path.number, request.flags);
    const Result<file::Open> method = method_of(thread, request, path);
    if (!method) return to_errno(method.error());
    const auto reply = open_at_server(thread, *method, path);
    return reply ? fill_number(thread, number, request, *reply, path.lists_descriptors) : to_errno(reply.error());
}

int64_t open_path(Thread& thread, OpenRequest request) {
    constexpr uint32_t kPathOnlyFlags = file::kPathOnly | file::kDirectory | file::kNoFollow | linux_abi::kOpenCloseOnExec;
    if ((request.flags & file::kPathOnly) != 0) request.flags &= kPathOnlyFlags;
    if ((request.flags & linux_abi::kOpenTemporary) != 0) {
        const bool whole = (request.flags & file::kTemporary) == file::kTemporary && (request.flags & file::kCreate) == 0;
        if (!whole || (request.flags & file::kAccessMode) == file::kReadOnly) return -EINVAL;
    }
    constexpr uint32_t kDirectoryToCreate = file::kCreate | file::kDirectory;
    if ((request.flags & kDirectoryToCreate) == kDirectoryToCreate) return -EINVAL;
    if ((request.flags & file::kAccessMode) == file::kAccessMode) return -EINVAL;
    DescriptorTable& table = thread.process->descriptors;
    const Result<int32_t> number = table.reserve(0, thread.process->file_limit());
    if (!number) return number.error() == Error::NoSpace ? -EMFILE : to_errno(number.error());
    const int64_t result = open_into(thread, *number, request);
    if (result < 0) table.cancel(*number);
    return result;
}

}  // namespace

int64_t sys_open(Thread& thread, const Arguments& arguments) {
    return open_path(thread, {linux_abi::kAtFdcwd, arguments[0], static_cast<uint32_t>(arguments[1]), static_cast<uint32_t>(arguments[2])});
}

int64_t sys_openat(Thread& thread, const Arguments& arguments) {
    return open_path(
        thread, {number_argument(arguments[0]), arguments[1], static_cast<uint32_t>(arguments[2]), static_cast<uint32_t>(arguments[3])});
}

int64_t sys_creat(Thread& thread, const Arguments& arguments) {
    return open_path(thread, {linux_abi::kAtFdcwd, arguments[0], file::kCreate | file::kWriteOnly | file::kTruncate,
                              static_cast<uint32_t>(arguments[1])});
}

/// A file without a name in /dev/shm. Seals can not be set, so none are promised: F_GET_SEALS is refused.
int64_t sys_memfd_create(Thread& thread, const Arguments& arguments) {
    constexpr uint64_t kCloseOnExec = 1, kAllowSealing = 2, kExecutable = 0x10, kNameBytesMax = 249;
    constexpr std::string_view kDirectory = "/dev/shm";
    const auto length = user_string_length(arguments[0], kNameBytesMax);
    if (!length) return length.error() == Error::BadAddress ? -EFAULT : -EINVAL;
    if ((arguments[1] & ~(kCloseOnExec | kAllowSealing | kExecutable)) != 0) return -EINVAL;
    DescriptorTable& table = thread.process->descriptors;
    const Result<int32_t> number = table.reserve(0, thread.process->file_limit());
    if (!number) return number.error() == Error::NoSpace ? -EMFILE : to_errno(number.error());
    const file::Open method{.flags = file::kTemporary | file::kReadWrite, .mode = 0777};
    const auto reply = settled_call(thread.process->root_directory, method, ipc::Lend::text(kDirectory));
    if (!reply) {
        table.cancel(*number);
        return to_errno(reply.error());
    }
    table.fill(*number, {.handle = reply->file,
                         .kind = reply->kind,
                         .status = file::kReadWrite,
                         .close_on_exec = (arguments[1] & kCloseOnExec) != 0,
                         .terminal = TerminalHint::No});
    return *number;
}

int64_t sys_openat2(Thread& thread, const Arguments& arguments) {
    constexpr uint64_t kResolveFlags = 0x3F;
    const uint64_t how_bytes = arguments[3];
    if (how_bytes < sizeof(linux_abi::OpenHow)) return -EINVAL;
    if (how_bytes > sizeof(linux_abi::OpenHow)) return -E2BIG;  // a later structure: its program tries the first again
    const auto how = read_user<linux_abi::OpenHow>(arguments[2]);
    if (!how) return to_errno(how.error());
    if (how->flags >> 32 != 0 || (how->resolve & ~kResolveFlags) != 0 || (how->mode & ~uint64_t{kPermissionBits}) != 0) return -EINVAL;
    if (how->mode != 0 && (how->flags & file::kCreate) == 0) return -EINVAL;
    if (how->resolve != 0) return -ENOSYS;  // restricted walks are not there: openat is what its program falls back to
    return open_path(thread,
                     {number_argument(arguments[0]), arguments[1], static_cast<uint32_t>(how->flags), static_cast<uint32_t>(how->mode)});
}

}  // namespace portico::posix
