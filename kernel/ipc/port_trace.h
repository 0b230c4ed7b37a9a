#pragma once

#include "kernel/debug/trace.h"
#include "kernel/ipc/queue_node.h"

/// Messages in the trace. A call is known by its id; a one-way message and a notification by the address of what stands for them in
/// the queue, which nobody else has until they are taken.
namespace portico::kernel {

class Port;

/// The slow halves of the two below.
[[clang::preserve_most]] void record_posted(const QueueNode& node, const Port& port) __attribute__((noinline, cold));
[[clang::preserve_most]] void record_taken(const QueueNode& node, const Thread& receiver, const Port& port) __attribute__((noinline, cold));

/// A node is about to be queued, by whoever runs.
inline void note_posted(const QueueNode& node, const Port& port) {
    if (tracing) [[unlikely]]
        record_posted(node, port);
}
/// A node is about to be delivered. (That may yet fail for want of memory; then it is told again when it is.)
inline void note_taken(const QueueNode& node, const Thread& receiver, const Port& port) {
    if (tracing) [[unlikely]]
        record_taken(node, receiver, port);
}

}  // namespace portico::kernel
