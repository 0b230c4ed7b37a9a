#include "posix/files/control_requests.h"
#include "posix/files/file_calls.h"
#include "posix/files/new_descriptor.h"
#include "posix/files/requests.h"
#include "posix/files/terminals.h"
#include "protocols/process.h"

namespace portico::posix {
namespace {

int64_t set_non_blocking(const Descriptor& descriptor, uint64_t argument) {
    const Result<int32_t> wanted = read_user<int32_t>(argument);
    if (!wanted) return to_errno(wanted.error());
    const auto flags = settled_call(descriptor.handle, file::GetFlags{});
    if (!flags) return to_errno(flags.error());
    const uint64_t others = flags->flags & file::kAppend;
    return request(descriptor.handle, file::SetFlags{.flags = others | (*wanted != 0 ? file::kNonBlocking : 0u)});
}

/// FIONREAD of a file is what is left behind the offset; files have no Control.
int64_t readable_bytes(const Descriptor& descriptor, uint64_t argument) {
    const Result<file::Attributes> attributes = attributes_of(descriptor.handle);
    if (!attributes) return to_errno(attributes.error());
    const auto position = settled_call(descriptor.handle, file::Seek{.offset = 0, .whence = 1});
    if (!position) return to_errno(position.error());
    return to_errno(write_user(argument, static_cast<int32_t>(attributes->size_bytes - position->offset)));
}

/// What the terminal server granted, the process server must know: it answers for /dev/tty and /proc. A leader gives the
/// terminal of its session, and takes it.
int64_t after_control(Thread& thread, const Descriptor& descriptor, const file::Control& method) {
    const abi::Handle server = thread.process->process_server;
    const bool leader = method.session == method.pid;
    if (method.request == kTerminalGiveUp && leader) return request(server, protocols::process::SetTerminal{});
    if (method.request != kTerminalSetControlling) return 0;
    const Result<file::Attributes> attributes = attributes_of(descriptor.handle);
    if (!attributes) return to_errno(attributes.error());
    return to_errno(hold_terminal(thread, descriptor.handle, attributes->special_device));
}

int64_t control(Thread& thread, int32_t number, const Descriptor& descriptor, uint64_t request_number, uint64_t argument) {
    const ControlShape shape = control_shape(request_number);
    file::Control method{.request = request_number, .argument = shape.by_value ? argument : 0};
    ipc::Lend lend;
    const auto input = user_window(argument, shape.input_bytes);
    const auto output = user_window(argument, shape.output_bytes);
    if (!shape.by_value && (!input || !output)) return -EFAULT;
    if (shape.input_bytes != 0) lend.readable = *input;
    if (shape.output_bytes != 0) lend.writable = *output;
    const bool terminal = is_terminal(thread, number, descriptor);
    if (terminal) {
        const auto ids = thread.process->ids();
        if (!ids) return to_errno(ids.error());
        method.process_group = static_cast<uint64_t>(ids->group);
        method.session = static_cast<uint64_t>(ids->session);
        method.pid = static_cast<uint64_t>(thread.process->pid);
    }
    // Draining output and job control of a background process may wait.
    const auto reply = interruptible::call(thread, descriptor.handle, method, lend);
    if (!reply) return reply.error() == Error::NotSupported ? -ENOTTY : to_errno(reply.error());
    if (terminal)
        if (const int64_t error = after_control(thread, descriptor, method); error != 0) return error;
    return static_cast<int64_t>(reply->result);
}

/// TIOCGPTPEER: the other side of a pseudo-terminal, without its name.
int64_t open_inner_side(Thread& thread, const Descriptor& descriptor, uint64_t flags) {
    const auto open = static_cast<uint32_t>(flags);
    const bool close_on_exec = (open & linux_abi::kOpenCloseOnExec) != 0;
    const Result<file::Attributes> attributes = attributes_of(descriptor.handle);
    if (!attributes || attributes->special_device != linux_abi::kPseudoMultiplexer) return -ENOTTY;
    return new_descriptor(
        thread, file::Kind::CharacterDevice, open & ~linux_abi::kOpenCloseOnExec, close_on_exec, [&]() -> Result<abi::Handle> {
            const auto ids = TRY(thread.process->ids());
            const auto reply = TRY(settled_call(descriptor.handle, file::Open{.flags = open & ~linux_abi::kOpenCloseOnExec,
                                                                              .session = static_cast<uint64_t>(ids.session),
                                                                              .process_group = static_cast<uint64_t>(ids.group)}));
            if ((open & file::kNoControllingTerminal) == 0) adopt_terminal(thread, reply.file, reply.special_device);
            return reply.file;
        });
}

}  // namespace

int64_t sys_ioctl(Thread& thread, const Arguments& arguments) {
    const int32_t number = number_argument(arguments[0]);
    const Result<Descriptor> descriptor = open_descriptor(thread, arguments[0]);
    if (!descriptor) return -EBADF;
    const uint64_t request_number = static_cast<uint32_t>(arguments[1]);
    switch (request_number) {
    case kSetCloseOnExec:
        return to_errno(thread.process->descriptors.set_close_on_exec(number, true));
    case kClearCloseOnExec:
        return to_errno(thread.process->descriptors.set_close_on_exec(number, false));
    case kNonBlockingIo:
        return set_non_blocking(*descriptor, arguments[2]);
    case kReadable:
        if (descriptor->kind == file::Kind::File) return readable_bytes(*descriptor, arguments[2]);
        break;
    case kPseudoPeer:
        return open_inner_side(thread, *descriptor, arguments[2]);
    default:
        break;
    }
    if (descriptor->kind == file::Kind::File || descriptor->kind == file::Kind::Directory) return -ENOTTY;
    return control(thread, number, *descriptor, request_number, arguments[2]);
}

}  // namespace portico::posix
