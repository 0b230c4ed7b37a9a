#include "kernel/ipc/port_registry.h"

#include "kernel/ipc/port.h"

namespace portico::kernel {
namespace {

struct IdOfPort {
    using type = uint64_t;
    type operator()(const Port& port) const { return port.id(); }
};

boost::intrusive::set<Port, boost::intrusive::base_hook<PortTreeHook>, boost::intrusive::key_of_value<IdOfPort>> ports;
uint64_t last_id = 0;

}  // namespace

uint64_t PortRegistry::next_id() {
    return ++last_id;
}

void PortRegistry::add(Port& port) {
    ports.push_back(port);  // ids only grow
}

void PortRegistry::remove(Port& port) {
    ports.erase(ports.iterator_to(port));
}

uint64_t PortRegistry::count() {
    return ports.size();
}

bool PortRegistry::describe_next(uint64_t cursor, abi::PortInfo& info) {
    const auto found = ports.upper_bound(cursor);
    if (found == ports.end()) return false;
    info = found->describe();
    return true;
}

}  // namespace portico::kernel
