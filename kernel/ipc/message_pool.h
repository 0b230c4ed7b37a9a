#pragma once

#include "kernel/ipc/carried_pages.h"
#include "kernel/ipc/queue_node.h"
#include "kernel/ipc/sender.h"
#include "kernel/object/account.h"
#include "libs/result.h"

namespace portico::kernel {

class MessagePool;

/// A one-way message in a queue. A free one is constructed, but empty and linked in its chunk.
class QueuedMessage final : public QueueNode {
public:
    QueuedMessage() : QueueNode(Kind::Message) {}
    ~QueuedMessage() {}

    union {
        abi::Message message;  ///< not set in a free one
    };
    Ref<Sender> sender;  ///< gets its credit back when the message is taken or dropped
    CarriedHandles handles;
    CarriedPages pages;
    struct MessageChunk* chunk = nullptr;
    QueuedMessage* next_free = nullptr;
};

/// A run of messages in one block of the kernel heap.
struct MessageChunk : boost::intrusive::list_base_hook<> {
    static constexpr uint32_t kMessages = 18;
    MessageChunk(Account& account, MessagePool& owner);

    Account* payer;
    MessagePool* pool;  ///< null once its process has ended
    QueuedMessage* free = nullptr;
    uint32_t used = 0;
    QueuedMessage messages[kMessages];
};

/// The memory of the one-way messages that a process has posted: chunks of them, charged to its account when they are made and
/// paid back when all their messages have been taken. One empty chunk is kept, so that a lone message costs no allocation.
///
/// Ownership: owns its chunks. Those that still have messages in queues when the process ends go with the last of them.
/// Locks:     the kernel lock. Bound: the account, and the credits of the senders posted to.
class MessagePool {
public:
    MessagePool() = default;
    MessagePool(const MessagePool&) = delete;
    ~MessagePool() { let_go(); }

    /// The process has ended: there will be no take().
    void let_go();

    /// An empty message. Errors: NoMemory.
    Result<QueuedMessage*> take(Account& payer);
    /// Back to wherever it came from, empty again.
    static void give_back(QueuedMessage& message) {
        message.sender = nullptr;
        MessageChunk& chunk = *message.chunk;
        message.next_free = chunk.free;
        chunk.free = &message;
        --chunk.used;
        if (chunk.used == 0 || chunk.used + 1 == MessageChunk::kMessages) settle(chunk);
    }

private:
    using Chunks = boost::intrusive::list<MessageChunk, boost::intrusive::constant_time_size<false>>;
    Result<> grow(Account& payer);
    static void settle(MessageChunk& chunk);

    static constexpr uint32_t kSparesMax = 1;

    Chunks chunks_;        ///< those with free messages first
    uint32_t spares_ = 0;  ///< chunks that are empty
};

}  // namespace portico::kernel
