#include "kernel/ipc/message_pool.h"

#include "kernel/ipc/sender.h"
#include "kernel/memory/heap.h"

namespace portico::kernel {

static_assert(sizeof(MessageChunk) <= Heap::kBlockBytesMax);

MessageChunk::MessageChunk(Account& account, MessagePool& owner) : payer(&account), pool(&owner) {
    for (QueuedMessage& message : messages) {
        message.chunk = this;
        message.next_free = free;
        free = &message;
    }
}

static void destroy(MessageChunk& chunk) {
    Ref<Account> payer(*chunk.payer);
    chunk.payer->drop_reference();
    heap.destroy(&chunk, *payer);
}

MessagePool::~MessagePool() {
    while (!chunks_.empty()) {
        MessageChunk& chunk = chunks_.front();
        chunks_.pop_front();
        chunk.pool = nullptr;
        if (chunk.used == 0) destroy(chunk);
    }
}

Result<> MessagePool::grow(Account& payer) {
    MessageChunk* chunk = TRY(heap.make<MessageChunk>(payer, payer, *this));
    payer.add_reference();
    chunks_.push_front(*chunk);
    return {};
}

Result<QueuedMessage*> MessagePool::take(Account& payer) {
    if (chunks_.empty() || chunks_.front().free == nullptr) [[unlikely]]
        TRY(grow(payer));
    MessageChunk& chunk = chunks_.front();
    QueuedMessage* message = chunk.free;
    chunk.free = message->next_free;
    ++chunk.used;
    if (chunk.free == nullptr) [[unlikely]] {
        chunks_.pop_front();
        chunks_.push_back(chunk);
    }
    return message;
}

/// A full chunk has a free message again, or all of a chunk's are free.
void MessagePool::chunk_got_room(MessageChunk& chunk) {
    if (chunk.used + 1 == MessageChunk::kMessages) {
        chunks_.erase(chunks_.iterator_to(chunk));
        chunks_.push_front(chunk);
    }
    if (chunk.used != 0 || (&chunks_.front() == &chunk && (++chunks_.begin())->free == nullptr)) return;  // none other has room
    chunks_.erase(chunks_.iterator_to(chunk));
    destroy(chunk);
}

/// A chunk was full or is empty.
void MessagePool::settle(MessageChunk& chunk) {
    if (chunk.pool == nullptr) {
        if (chunk.used == 0) destroy(chunk);
    } else if (!chunk.pool->has_only(chunk)) {
        chunk.pool->chunk_got_room(chunk);
    }
}

}  // namespace portico::kernel
