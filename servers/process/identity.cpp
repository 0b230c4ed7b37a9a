#include "servers/process/credential_rules.h"
#include "servers/process/server.h"

namespace portico::process {

Result<protocol::GetIds::Reply> Server::on(const Call& call, const protocol::GetIds& request) {
    Process& asking = *TRY(caller(call));
    const Process& process = *TRY(named(asking, request.pid));
    return protocol::GetIds::Reply{.pid = process.pid, .parent = process.parent, .group = process.group, .session = process.session};
}

Result<protocol::ShareIdentities::Reply> Server::on(const Call& call, const protocol::ShareIdentities&) {
    TRY(caller(call));
    OwnedHandle shown = TRY(environment_.identities.duplicate(abi::Rights::Read | abi::Rights::Map | abi::Rights::Transfer));
    return protocol::ShareIdentities::Reply{.count = ProcessTable::kIdMax, .zero = {}, .memory = shown.release()};
}

Result<protocol::SetGroup::Reply> Server::on(const Call& call, const protocol::SetGroup& request) {
    Process& asking = *TRY(caller(call));
    Process& process = *TRY(named(asking, request.pid));
    if (request.group < 0 || request.group >= ProcessTable::kIdMax) return fail(Error::InvalidArgument);
    if (&process != &asking) {
        if (process.parent != asking.pid) return fail(Error::NoProcess);
        if (process.session != asking.session) return fail(Error::AccessDenied);
        if (process.did_exec) return fail(Error::WrongState);
    }
    if (process.pid == 0 || process.session == process.pid) return fail(Error::AccessDenied);
    const int32_t group = request.group == 0 ? process.pid : static_cast<int32_t>(request.group);
    if (group != process.pid && !table_.group_in_session(group, process.session)) return fail(Error::AccessDenied);
    table_.move_to_group(process, group);
    return protocol::SetGroup::Reply{};
}

Result<protocol::NewSession::Reply> Server::on(const Call& call, const protocol::NewSession&) {
    Process& process = *TRY(caller(call));
    // While a group has this number, the caller's new group would not be new.
    if (process.pid == 0 || !table_.group_members(process.pid).empty()) return fail(Error::AccessDenied);
    table_.lead_new_session(process);
    return protocol::NewSession::Reply{.session = process.session};
}

Result<protocol::GetCredentials::Reply> Server::on(const Call& call, const protocol::GetCredentials& request) {
    Process& asking = *TRY(caller(call));
    const Process& process = *TRY(named(asking, request.pid));
    TRY(call.write(0, std::as_bytes(std::span(&process.credentials, 1))));
    return protocol::GetCredentials::Reply{};
}

Result<protocol::SetCredentials::Reply> Server::on(const Call& call, const protocol::SetCredentials&) {
    Process& process = *TRY(caller(call));
    if (process.pid == 0) return fail(Error::AccessDenied);
    Credentials wanted;
    if (call.readable_bytes() != sizeof wanted) return fail(Error::InvalidArgument);
    TRY(call.read(0, std::as_writable_bytes(std::span(&wanted, 1))));
    if (wanted.group_count > std::size(wanted.groups)) return fail(Error::InvalidArgument);
    if (!may_become(process.credentials, wanted)) return fail(Error::AccessDenied);
    table_.set_credentials(process, wanted);
    return protocol::SetCredentials::Reply{};
}

Result<protocol::SetTerminal::Reply> Server::on(const Call& call, const protocol::SetTerminal& request) {
    OwnedHandle terminal(request.terminal);
    Process& process = *TRY(caller(call));
    if (process.pid == 0) {
        next_terminal_ = std::move(terminal);
        next_special_device_ = request.special_device;
        return protocol::SetTerminal::Reply{};
    }
    if (process.session != process.pid) return fail(Error::AccessDenied);
    Session& session = table_.session_of(process);
    if (terminal) {
        const bool has_this = session.terminal && session.special_device == request.special_device;
        if (session.terminal && !has_this) return fail(Error::AccessDenied);
        if (table_.terminal_taken(request.special_device, process.session)) return fail(Error::AccessDenied);
    }
    session.special_device = terminal ? request.special_device : 0;
    session.terminal = std::move(terminal);
    return protocol::SetTerminal::Reply{};
}

Result<protocol::GetTerminal::Reply> Server::on(const Call& call, const protocol::GetTerminal&) {
    const Process& process = *TRY(caller(call));
    if (process.pid == 0) return fail(Error::NoDevice);
    const Session& session = table_.session_of(process);
    if (!session.terminal) return fail(Error::NoDevice);
    OwnedHandle shown = TRY(session.terminal.duplicate());
    return protocol::GetTerminal::Reply{.special_device = session.special_device, .terminal = shown.release()};
}

}  // namespace portico::process
