#pragma once

#include <boost/intrusive/list.hpp>

#include "abi/message.h"
#include "kernel/object/capability.h"
#include "kernel/sched/thread_list.h"

namespace portico::kernel {

/// Handles in flight. They are the sender's until the message is posted, and the receiver's when it is taken; of a message
/// that is dropped in between they are closed.
struct CarriedHandles {
    Capability capability[abi::kMessageHandlesMax];
    void drop() {
        for (Capability& one : capability) Capability dropped = std::move(one);
    }
    void take_from(CarriedHandles& other) {
        for (unsigned i = 0; i < abi::kMessageHandlesMax; ++i) capability[i] = std::move(other.capability[i]);
    }
};

/// What waits in a port's queue: a message, a call, a sender with bits raised, or a memory object that misses pages.
class QueueNode : public boost::intrusive::list_base_hook<ListChecks> {
public:
    enum class Kind : uint8_t { Message, Call, Sender, Paging };
    explicit QueueNode(Kind kind) : node_kind_(kind) {}
    Kind node_kind() const { return node_kind_; }

private:
    Kind node_kind_;
};

using MessageQueue = boost::intrusive::list<QueueNode, boost::intrusive::constant_time_size<false>>;

}  // namespace portico::kernel
