#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"

/// inotify: the file server keeps watchers and watches.
namespace portico::posix {
namespace {

constexpr uint32_t kAllEvents = 0xFFF, kDontFollow = 0x0200'0000, kMustBeNew = 0x1000'0000, kAdd = 0x2000'0000;

int64_t make_watcher(Thread& thread, uint32_t flags) {
    if ((flags & ~(linux_abi::kOpenCloseOnExec | file::kNonBlocking)) != 0) return -EINVAL;
    DescriptorTable& table = thread.process->descriptors;
    const Result<int32_t> number = table.reserve(0, thread.process->file_limit());
    if (!number) return number.error() == Error::NoSpace ? -EMFILE : to_errno(number.error());
    const auto reply = settled_call(thread.process->root_directory, file::MakeWatcher{.flags = flags & file::kNonBlocking});
    if (!reply) {
        table.cancel(*number);
        return to_errno(reply.error());
    }
    table.fill(*number, {.handle = reply->watcher,
                         .kind = file::Kind::None,
                         .status = flags & file::kNonBlocking,
                         .close_on_exec = (flags & linux_abi::kOpenCloseOnExec) != 0,
                         .terminal = TerminalHint::No});
    return *number;
}

}  // namespace

int64_t sys_inotify_init(Thread& thread, const Arguments&) {
    return make_watcher(thread, 0);
}

int64_t sys_inotify_init1(Thread& thread, const Arguments& arguments) {
    return make_watcher(thread, static_cast<uint32_t>(arguments[0]));
}

int64_t sys_inotify_add_watch(Thread& thread, const Arguments& arguments) {
    const auto mask = static_cast<uint32_t>(arguments[2]);
    const Result<Descriptor> watcher = open_descriptor(thread, arguments[0]);
    if (!watcher) return -EBADF;
    if (watcher->kind != file::Kind::None || (mask & kAllEvents) == 0 || (mask & (kMustBeNew | kAdd)) == (kMustBeNew | kAdd))
        return -EINVAL;
    PathArgument path;
    const FinalLink final_link = (mask & kDontFollow) != 0 ? FinalLink::Keep : FinalLink::Follow;
    if (const int64_t error = load_path(thread, linux_abi::kAtFdcwd, arguments[1], final_link, path); error != 0) return error;
    const auto reply = settled_call(path.directory, file::Watch{.mask = mask, .zero = {}, .watcher = watcher->handle}, path.lend());
    return reply ? static_cast<int64_t>(reply->watch) : to_errno(reply.error());
}

int64_t sys_inotify_rm_watch(Thread& thread, const Arguments& arguments) {
    const Result<Descriptor> watcher = open_descriptor(thread, arguments[0]);
    if (!watcher) return -EBADF;
    if (watcher->kind != file::Kind::None) return -EINVAL;
    return request_or_invalid(watcher->handle, file::Unwatch{.watch = arguments[1]});
}

}  // namespace portico::posix
