#include "posix/files/terminals.h"

#include "posix/files/control_requests.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"
#include "protocols/process.h"

namespace portico::posix {

bool is_terminal_device(uint64_t special_device) {
    const uint32_t major = linux_abi::device_major(special_device);
    return major == 4 || major == 5 || (major >= 136 && major <= 143);
}

bool is_terminal(Thread& thread, int32_t number, const Descriptor& descriptor) {
    if (descriptor.kind != file::Kind::CharacterDevice) return false;
    if (descriptor.terminal != TerminalHint::Unknown) return descriptor.terminal == TerminalHint::Yes;
    const Result<file::Attributes> attributes = attributes_of(descriptor.handle);
    if (!attributes) return false;
    const bool terminal = is_terminal_device(attributes->special_device);
    thread.process->descriptors.note_terminal(number, descriptor.handle, terminal ? TerminalHint::Yes : TerminalHint::No);
    return terminal;
}

uint64_t process_group_for(Thread& thread, int32_t number, const Descriptor& descriptor) {
    if (!is_terminal(thread, number, descriptor)) return 0;
    const auto ids = thread.process->ids();
    return ids ? static_cast<uint64_t>(ids->group) | static_cast<uint64_t>(ids->session) << 32 : 0;
}

Result<OwnedHandle> terminal_reference(Thread& thread, abi::Handle terminal) {
    const auto ids = TRY(thread.process->ids());
    const file::Open method{.flags = file::kPathOnly | file::kNoControllingTerminal,
                            .session = static_cast<uint64_t>(ids.session),
                            .process_group = static_cast<uint64_t>(ids.group)};
    const auto reply = TRY(settled_call(terminal, method));
    return OwnedHandle(reply.file);
}

Result<> hold_terminal(Thread& thread, abi::Handle terminal, uint64_t special_device) {
    const OwnedHandle reference = TRY(terminal_reference(thread, terminal));
    TRY(settled_call(thread.process->process_server,
                     protocols::process::SetTerminal{.special_device = special_device, .terminal = reference.get()}));
    return {};
}

void adopt_terminal(Thread& thread, abi::Handle terminal, uint64_t special_device) {
    if (special_device == linux_abi::kPseudoMultiplexer) return;  // its outer side is nobody's terminal
    Process& process = *thread.process;
    const auto ids = process.ids();
    if (!ids || ids->session != process.pid) return;
    const auto current = settled_call(process.process_server, protocols::process::GetTerminal{});
    if (current) native::close(current->terminal);
    if (current || current.error() != Error::NoDevice) return;
    // Another session may have it: then the terminal server refuses, and the caller just has it open.
    const auto granted = settled_call(terminal, file::Control{.request = kTerminalSetControlling,
                                                              .process_group = static_cast<uint64_t>(ids->group),
                                                              .session = static_cast<uint64_t>(ids->session),
                                                              .pid = static_cast<uint64_t>(process.pid)});
    if (!granted) return;
    (void)hold_terminal(thread, terminal, special_device);
}

}  // namespace portico::posix
