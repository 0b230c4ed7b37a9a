#include "posix/files/requests.h"

#include "posix/files/linux_files.h"
#include "protocols/process.h"

namespace portico::posix {
namespace {

int64_t start_at(Thread& thread, int32_t directory, PathArgument& to) {
    Process& process = *thread.process;
    if (to.path.absolute()) {
        to.directory = process.root_directory;
    } else if (directory == linux_abi::kAtFdcwd) {
        to.directory = process.current_directory();
    } else {
        const Result<Descriptor> descriptor = process.descriptors.get(directory);
        if (!descriptor) return -EBADF;
        if (!to.path.empty() && descriptor->kind != file::Kind::Directory) return -ENOTDIR;
        to.directory = descriptor->handle;
        if (to.path.empty()) to.number = directory;
    }
    return 0;
}

int64_t start_at_descriptor(Thread& thread, int32_t number, PathArgument& to) {
    const Result<Descriptor> descriptor = thread.process->descriptors.get(number);
    if (!descriptor) return -ENOENT;  // /proc/self/fd has no such name
    to.directory = descriptor->handle;
    to.number = number;
    to.path.set_length(0);
    return 0;
}

int64_t start_at_terminal(Thread& thread, PathArgument& to) {
    const auto reply = settled_call(thread.process->process_server, protocols::process::GetTerminal{});
    if (!reply) return reply.error() == Error::NoDevice ? -ENXIO : to_errno(reply.error());
    to.terminal.reset(reply->terminal);
    to.directory = to.terminal.get();
    to.path.set_length(0);
    return 0;
}

}  // namespace

int64_t load_path(Thread& thread, int32_t directory, uint64_t address, FinalLink final_link, PathArgument& to, EmptyPath empty) {
    const Result<size_t> length = copy_string_from_user({to.path.storage(), PathBuffer::kBytesMax + 1}, address);
    if (!length) return length.error() == Error::BadAddress ? -EFAULT : -ENAMETOOLONG;
    to.path.set_length(static_cast<uint32_t>(*length));
    if (to.path.empty() && empty == EmptyPath::Refuse) return -ENOENT;
    const Result<SpecialPath> special = rewrite_path(to.path, thread.process->pid);
    if (!special) return to_errno(special.error());
    to.lists_descriptors = special->kind == SpecialPath::Kind::DescriptorDirectory;
    // The server has a link for any number there; which there are only we know.
    if (special->kind == SpecialPath::Kind::Descriptor && !thread.process->descriptors.get(special->number)) return -ENOENT;
    to.below_dev = to.path.text().starts_with("/dev/") || !to.path.absolute();
    if (final_link == FinalLink::Follow && special->kind == SpecialPath::Kind::Descriptor)
        return start_at_descriptor(thread, special->number, to);
    if (final_link == FinalLink::Follow && special->kind == SpecialPath::Kind::Terminal) return start_at_terminal(thread, to);
    return start_at(thread, directory, to);
}

Result<std::span<std::byte>> user_window(uint64_t address, uint64_t length_bytes) {
    if (!is_user_range(address, length_bytes)) return fail(Error::BadAddress);
    return std::span(reinterpret_cast<std::byte*>(address), length_bytes);
}

Result<Descriptor> open_descriptor(Thread& thread, uint64_t number) {
    const Descriptor descriptor = TRY(thread.process->descriptors.get(number_argument(number)));
    if (descriptor.path_only()) return fail(Error::BadHandle);
    return descriptor;
}

Result<file::Attributes> attributes_of(abi::Handle object) {
    file::Attributes attributes{};
    TRY(settled_call(object, file::GetAttributes{}, {.writable = std::as_writable_bytes(std::span(&attributes, 1))}));
    return attributes;
}

}  // namespace portico::posix
