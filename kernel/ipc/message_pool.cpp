#include "kernel/ipc/message_pool.h"

#include "kernel/ipc/sender.h"
#include "kernel/memory/heap.h"

namespace portico::kernel {

static_assert(sizeof(MessageChunk) <= Heap::kBlockBytesMax);

Result<> QueuedMessage::add_cargo() {
    cargo = TRY(heap.make<Cargo>(*chunk->payer));
    return {};
}

void QueuedMessage::drop_cargo() {
    heap.destroy(cargo, *chunk->payer);
}

MessageChunk::MessageChunk(Account& account, MessagePool& owner) : payer(&account), pool(&owner) {
    for (QueuedMessage& place : messages) {
        auto* message = new (&place) QueuedMessage;
        message->chunk = this;
        message->next_free = free;
        free = message;
    }
}

static void destroy(MessageChunk& chunk) {
    Ref<Account> payer(*chunk.payer);
    chunk.payer->drop_reference();
    heap.destroy(&chunk, *payer);
}

void MessagePool::let_go() {
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
    ++spares_;
    return {};
}

Result<QueuedMessage*> MessagePool::take(Account& payer) {
    if (!has_free()) [[unlikely]]
        TRY(grow(payer));
    return take_free();
}

void MessagePool::put_last() {
    MessageChunk& chunk = chunks_.front();
    chunks_.pop_front();
    chunks_.push_back(chunk);
}

/// A chunk was full, or is empty now.
void MessagePool::settle(MessageChunk& chunk, bool was_full) {
    MessagePool* pool = chunk.pool;
    if (pool == nullptr) {
        if (chunk.used == 0) destroy(chunk);
        return;
    }
    const bool goes = chunk.used == 0 && pool->spares_ >= kSparesMax;
    if (chunk.used == 0 && !goes) ++pool->spares_;
    if (!goes && !was_full) return;
    pool->chunks_.erase(pool->chunks_.iterator_to(chunk));
    if (goes)
        destroy(chunk);
    else
        pool->chunks_.push_front(chunk);
}

}  // namespace portico::kernel
