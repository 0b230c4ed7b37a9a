#pragma once

#include <boost/intrusive/set.hpp>
#include <span>

#include "abi/types.h"

namespace portico::kernel {

class Port;

struct PortTreeTag;
using PortTreeHook = boost::intrusive::set_base_hook<boost::intrusive::tag<PortTreeTag>, boost::intrusive::optimize_size<true>>;

/// All ports there are, in the order of their ids, for port_list.
///
/// Ownership: none; a port is in it as long as it exists. Locks: the kernel lock.
/// Bound:     a lookup takes time with the logarithm of the number of ports, so a list of many is read in parts.
class PortRegistry {
public:
    static uint64_t next_id();

    static void add(Port& port);
    static void remove(Port& port);
    static uint64_t count();

    /// Describes the port with the lowest id above `cursor`. False if there is none.
    static bool describe_next(uint64_t cursor, abi::PortInfo& info);
};

}  // namespace portico::kernel
