#pragma once

#include "kernel/ipc/carried_pages.h"
#include "kernel/ipc/queue_node.h"
#include "kernel/ipc/sender.h"
#include "kernel/object/account.h"
#include "libs/result.h"

namespace portico::kernel {

class MessagePool;

/// What goes with a message's words. A block of the heap, charged to the sender: most messages have none.
struct Cargo {
    CarriedHandles handles;
    CarriedPages pages;
};

/// A one-way message in a queue. A free one is constructed, but empty and linked in its chunk.
class QueuedMessage final : public QueueNode {
public:
    QueuedMessage() : QueueNode(Kind::Message) {}
    ~QueuedMessage() {}

    union {
        abi::Message message;  ///< not set in a free one
    };
    Ref<Sender> sender;  ///< gets its credit back when the message is taken or dropped
    Cargo* cargo;        ///< not set if header.is_plain()
    struct MessageChunk* chunk = nullptr;
    QueuedMessage* next_free = nullptr;

    /// Errors: NoMemory.
    Result<> add_cargo();
    void drop_cargo();
};

/// A run of messages in one block of the kernel heap.
///
/// Ownership: the messages need no destroying, as all are free by then and own nothing.
struct MessageChunk : boost::intrusive::list_base_hook<> {
    static constexpr uint32_t kMessages = 33;
    MessageChunk(Account& account, MessagePool& owner);
    ~MessageChunk() {}

    Account* payer;
    MessagePool* pool;  ///< null once its process has ended
    QueuedMessage* free = nullptr;
    uint32_t used = 0;
    union {
        QueuedMessage messages[kMessages];
    };
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
    /// The same from the memory that is there, or null.
    QueuedMessage* take_free() {
        if (!has_free()) [[unlikely]]
            return nullptr;
        MessageChunk& chunk = chunks_.front();
        QueuedMessage* message = chunk.free;
        chunk.free = message->next_free;
        if (chunk.used++ == 0) --spares_;
        if (chunk.free == nullptr) [[unlikely]]
            put_last();
        return message;
    }
    /// Up to `max` empty messages, fewer if there is no memory: `fill` is given each, and returns false for one that it leaves here.
    template <class Fill>
    uint32_t take_some(Account& payer, uint32_t max, Fill fill);
    /// Back to wherever it came from, empty again.
    static void give_back(QueuedMessage& message) {
        if (!message.message.header.is_plain()) message.drop_cargo();
        message.sender = nullptr;
        give_back_empty(message);
    }
    /// The same for one without sender and cargo.
    static void give_back_empty(QueuedMessage& message) {
        give_back_run({.chunk = message.chunk, .first = &message, .last = &message, .count = 1});
    }
    /// Whether that is all: nothing is freed, and no chunk gets another place.
    static bool goes_back_alone(const QueuedMessage& message) {
        const MessageChunk& chunk = *message.chunk;
        if (chunk.used == 1) return chunk.pool != nullptr && chunk.pool->spares_ < kSparesMax;
        return chunk.used != MessageChunk::kMessages;
    }
    /// Messages of one chunk, linked by next_free.
    struct Run {
        MessageChunk* chunk = nullptr;
        QueuedMessage* first = nullptr;
        QueuedMessage* last = nullptr;
        uint32_t count = 0;
    };
    static void give_back_run(const Run& run) {
        MessageChunk& chunk = *run.chunk;
        run.last->next_free = chunk.free;
        chunk.free = run.first;
        const bool was_full = chunk.used == MessageChunk::kMessages;
        chunk.used -= run.count;
        if (chunk.used == 0 || was_full) settle(chunk, was_full);
    }

private:
    using Chunks = boost::intrusive::list<MessageChunk, boost::intrusive::constant_time_size<false>>;
    bool has_free() const { return !chunks_.empty() && chunks_.front().free != nullptr; }
    Result<> grow(Account& payer);
    /// The first chunk has been used up.
    void put_last();
    static void settle(MessageChunk& chunk, bool was_full);

    static constexpr uint32_t kSparesMax = 1;

    Chunks chunks_;        ///< those with free messages first
    uint32_t spares_ = 0;  ///< chunks that are empty
};

template <class Fill>
uint32_t MessagePool::take_some(Account& payer, uint32_t max, Fill fill) {
    uint32_t taken = 0;
    bool more = true;
    while (more && taken < max && (has_free() || grow(payer))) {
        MessageChunk& chunk = chunks_.front();
        QueuedMessage* free = chunk.free;
        const uint32_t before = taken;
        while (free != nullptr && taken < max) {
            QueuedMessage* const next = free->next_free;
            more = fill(*free);
            if (!more) break;
            free = next;
            ++taken;
        }
        if (taken == before) break;
        if (chunk.used == 0) --spares_;
        chunk.free = free;
        chunk.used += taken - before;
        if (free == nullptr) put_last();
    }
    return taken;
}

}  // namespace portico::kernel
