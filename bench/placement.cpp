#include "bench/placement.h"

#include <thread>

namespace portico::bench {
namespace {

using abi::Handle;
using abi::Header;
using abi::MessageKind;
using abi::MessageRegisters;

constexpr uint64_t kCredits = 64;  ///< of each handle: a sender that is far ahead must wait
constexpr Header kEnd = Header::make(1);

/// Answers calls, takes messages, until a message says to end.
void serve(Handle port) {
    MessageRegisters registers{.handle_or_id = port.value};
    for (;;) {
        must(native::message_call<abi::PortReplyReceive>(registers));
        const bool is_call = registers.header.kind() == MessageKind::Call;
        if (!is_call && registers.header.operation() == kEnd.operation()) return;
        registers.r14 = is_call ? registers.handle_or_id : 0;
        registers.handle_or_id = port.value;
        registers.header = {};
        registers.deadline_or_badge = abi::kForever;
    }
}

void serve_all(const std::vector<Handle>& ports, unsigned servers_per_port) {
    std::vector<std::thread> servers;
    for (const Handle port : ports)
        for (unsigned i = 0; i < servers_per_port; ++i) servers.emplace_back(serve, port);
    for (std::thread& server : servers) server.join();
}

size_t ports_of(const Layout& layout) {
    switch (layout.placement) {
    case Placement::OnePort:
        return 1;
    case Placement::PerThread:
        return layout.senders;
    case Placement::PerObject:
        return kObjects;
    }
    __builtin_unreachable();
}

}  // namespace

PlacedServer::PlacedServer(const Layout& layout)
    : layout_(layout), ports_(make_ports(ports_of(layout))), server_([this] { serve_all(ports_, layout_.servers_per_port); }) {
    make_handles();
}

PlacedServer::~PlacedServer() {
    for (const Handle port : ports_) {
        const Handle sender = must(native::call(abi::PortBadge{port, 0, kCredits})).sender;
        for (unsigned i = 0; i < layout_.servers_per_port; ++i) must(native::send(sender, {.header = kEnd}).error_or(abi::Error::None));
        native::close(sender);
        native::close(port);
    }
    for (const std::vector<Handle>& of_sender : handles_)
        for (const Handle handle : of_sender) native::close(handle);
}

std::vector<Handle> PlacedServer::make_ports(size_t count) {
    std::vector<Handle> ports;
    for (size_t i = 0; i < count; ++i) ports.push_back(must(native::call(abi::PortCreate{})).port);
    return ports;
}

size_t PlacedServer::port_of(unsigned sender, unsigned object) const {
    switch (layout_.placement) {
    case Placement::OnePort:
        return 0;
    case Placement::PerThread:
        return sender;
    case Placement::PerObject:
        return object;
    }
    __builtin_unreachable();
}

void PlacedServer::make_handles() {
    for (unsigned sender = 0; sender < layout_.senders; ++sender) {
        std::vector<Handle>& of_sender = handles_.emplace_back();
        for (unsigned object = 0; object < kObjects; ++object)
            of_sender.push_back(must(native::call(abi::PortBadge{ports_[port_of(sender, object)], object, kCredits})).sender);
    }
}

Handle PlacedServer::handle_for(unsigned sender, unsigned object) const {
    return handles_[sender][object];
}

}  // namespace portico::bench
