#include "kernel/ipc/port_set.h"

#include "kernel/sched/thread.h"

namespace portico::kernel {

PortSet::~PortSet() {
    ASSERT(members_.empty());
}

Result<> PortSet::add(Port& port, uint64_t key) {
    if (closed() || port.closed()) return fail(Error::PeerClosed);
    if (port.set_ != nullptr) return fail(Error::Exists);
    port.set_ = this;
    port.key_ = key;
    members_.push_back(port);
    if (port.empty()) return {};
    became_ready(port);
    while (!empty() && has_receivers()) (void)wake_receiver();
    return {};
}

Result<> PortSet::remove(Port& port) {
    if (port.set_ != this) return fail(Error::NotFound);
    if (!port.empty()) became_empty(port);
    members_.erase(members_.iterator_to(port));
    port.set_ = nullptr;
    return {};
}

void PortSet::took_from(Port& port) {
    if (port.empty()) return;
    became_empty(port);
    became_ready(port);
}

Result<bool> PortSet::take(Thread& receiver) {
    while (Port* port = next()) {
        const Result<bool> taken = port->take(receiver);
        took_from(*port);  // its turn is over also if the receiver could not take the message
        if (taken && !*taken) continue;
        abi::Registers& r = receiver.frame.registers;
        if (taken && abi::Header{r.rsi}.kind() != abi::MessageKind::ForeignCall) r.r14 = port->key();  // there it is an argument
        return taken;
    }
    return false;
}

void PortSet::on_unreachable() {
    close();
    while (!members_.empty()) (void)remove(members_.front());
}

}  // namespace portico::kernel
