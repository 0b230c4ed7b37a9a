#include "kernel/ipc/port_trace.h"

#include "kernel/ipc/message_pool.h"
#include "kernel/ipc/sender.h"
#include "kernel/memory/paging.h"
#include "kernel/sched/cpu.h"

namespace portico::kernel {
namespace {

uint64_t address_of(const QueueNode& node) {
    return reinterpret_cast<uint64_t>(&node);
}

MessageKind kind_of(const QueueNode& node) {
    switch (node.node_kind()) {
    case QueueNode::Kind::Message:
        return MessageKind::Send;
    case QueueNode::Kind::Sender:
        return MessageKind::Notification;
    case QueueNode::Kind::Paging:
        return static_cast<const Paging&>(node).next_kind();
    case QueueNode::Kind::Call:
        break;
    }
    const auto& call = static_cast<const Call&>(node);
    if (call.state == Call::State::Cancelled) return MessageKind::Cancelled;
    return call.state == Call::State::Replied ? MessageKind::Reply : call.kind;
}

void record_call(const Call& call, const Cpu& cpu, const Port& port) {
    const uint64_t operation = call.message.header.operation();
    if (call.state == Call::State::Replied)
        cpu.note(TraceEvent::Reply, operation, call.message.id, 0);
    else if (call.state == Call::State::Queued)
        cpu.note(TraceEvent::Call, operation, call.message.id, port.id() | static_cast<uint64_t>(call.kind) << 56);
}

}  // namespace

[[clang::preserve_most]] void record_posted(const QueueNode& node, const Port& port) {
    const Cpu& cpu = arch::this_cpu();
    switch (node.node_kind()) {
    case QueueNode::Kind::Message:
        cpu.note(TraceEvent::Send, static_cast<const QueuedMessage&>(node).message.header.operation(), address_of(node), port.id());
        return;
    case QueueNode::Kind::Sender:
    case QueueNode::Kind::Paging:
        cpu.note(TraceEvent::Notify, 0, address_of(node), port.id());
        return;
    case QueueNode::Kind::Call:
        record_call(static_cast<const Call&>(node), cpu, port);
        return;
    }
}

[[clang::preserve_most]] void record_taken(const QueueNode& node, const Thread& receiver, const Port& port) {
    const bool is_call = node.node_kind() == QueueNode::Kind::Call;
    note(TraceEvent::Take, &receiver, static_cast<uint64_t>(kind_of(node)),
         is_call ? static_cast<const Call&>(node).message.id : address_of(node), port.id());
}

}  // namespace portico::kernel
