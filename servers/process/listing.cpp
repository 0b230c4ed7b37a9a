#include <algorithm>

#include "servers/process/server.h"

namespace portico::process {

namespace {

char state_letter(State state) {
    switch (state) {
    case State::Stopped:
        return 'T';
    case State::Ending:
    case State::Zombie:
        return 'Z';
    default:
        return 'R';  // the kernel does not tell whether its threads wait
    }
}

void copy_kernel_side(const Process& process, protocol::Description& description) {
    abi::ProcessInfo info;
    if (!native::call(abi::ProcessQuery{process.kernel_process.get(), reinterpret_cast<uint64_t>(&info)})) return;
    description.cpu_time_ns = info.cpu_time_ns;
    description.resident_bytes = info.resident_bytes;
    description.mapped_bytes = info.mapped_bytes;
    description.thread_count = info.thread_count;
}

}  // namespace

Result<protocol::List::Reply> Server::on(const Call& call, const protocol::List& request) {
    TRY(caller(call));
    const std::vector<int32_t> pids = table_.list(request.after, call.writable_bytes() / sizeof(int32_t));
    TRY(call.write(0, std::as_bytes(std::span(pids))));
    return protocol::List::Reply{.count = pids.size()};
}

Result<protocol::Describe::Reply> Server::on(const Call& call, const protocol::Describe& request) {
    Process& asking = *TRY(caller(call));
    const Process& process = *TRY(named(asking, request.pid));
    protocol::Description description{};
    description.pid = process.pid;
    description.parent = process.parent;
    description.group = process.group;
    description.session = process.session;
    description.uid = process.credentials.uid;
    description.gid = process.credentials.gid;
    description.state = state_letter(process.state);
    process.name.copy(description.name, sizeof description.name);
    description.start_ns = process.start_ns;
    description.cpu_time_ns = process.cpu_time_ns;
    if (process.pid != 0) description.special_device = table_.session_of(process).special_device;
    if (process.kernel_process) copy_kernel_side(process, description);
    description.path_bytes = static_cast<uint32_t>(process.path.size());
    description.arguments_bytes = static_cast<uint32_t>(process.arguments.size());

    std::string all(reinterpret_cast<const char*>(&description), sizeof description);
    all += process.path;
    all += process.arguments;
    const uint64_t length_bytes = std::min<uint64_t>(all.size(), call.writable_bytes());  // the rest is cut off
    TRY(call.write(0, std::as_bytes(std::span(all)).first(length_bytes)));
    return protocol::Describe::Reply{.length_bytes = length_bytes};
}

}  // namespace portico::process
