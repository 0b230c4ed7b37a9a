#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"

namespace portico::posix {
namespace {

struct Numbers {
    int32_t read_end, write_end;
};

int64_t make_pipe(Thread& thread, uint32_t flags, Numbers& numbers) {
    const uint64_t server_flags = flags & file::kNonBlocking;
    const auto reply = settled_call(thread.process->pipe_server, file::MakePipe{.flags = server_flags});
    if (!reply) return to_errno(reply.error());
    const Descriptor read_end{.handle = reply->read_end,
                              .kind = file::Kind::Fifo,
                              .status = file::kReadOnly | (flags & file::kNonBlocking),
                              .close_on_exec = (flags & linux_abi::kOpenCloseOnExec) != 0};
    Descriptor write_end = read_end;
    write_end.handle = reply->write_end;
    write_end.status |= file::kWriteOnly;
    DescriptorTable& table = thread.process->descriptors;
    table.fill(numbers.read_end, read_end);
    table.fill(numbers.write_end, write_end);
    return 0;
}

/// Reserves both numbers first, so that nothing has happened if there are not two.
int64_t make_pipe_at(Thread& thread, uint64_t address, uint32_t flags) {
    DescriptorTable& table = thread.process->descriptors;
    const Result<int32_t> first = table.reserve(0, thread.process->file_limit());
    if (!first) return first.error() == Error::NoSpace ? -EMFILE : to_errno(first.error());
    const Result<int32_t> second = table.reserve(0, thread.process->file_limit());
    if (!second) {
        table.cancel(*first);
        return second.error() == Error::NoSpace ? -EMFILE : to_errno(second.error());
    }
    Numbers numbers{*first, *second};
    int64_t error = to_errno(write_user(address, numbers));  // before the pipe is made: a bad address has no effect
    if (error == 0) error = make_pipe(thread, flags, numbers);
    if (error == 0) return 0;
    table.cancel(*second);
    table.cancel(*first);
    return error;
}

}  // namespace

int64_t sys_pipe(Thread& thread, const Arguments& arguments) {
    return make_pipe_at(thread, arguments[0], 0);
}

int64_t sys_pipe2(Thread& thread, const Arguments& arguments) {
    const auto flags = static_cast<uint32_t>(arguments[1]);
    if ((flags & ~(linux_abi::kOpenCloseOnExec | file::kNonBlocking)) != 0) return -EINVAL;
    return make_pipe_at(thread, arguments[0], flags);
}

}  // namespace portico::posix
