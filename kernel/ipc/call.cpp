#include "kernel/ipc/call.h"

#include "kernel/ipc/port.h"
#include "kernel/object/account.h"

namespace portico::kernel {
namespace {

uint64_t call_counter = 0;
uint64_t id_mask = 0x9E37'79B9'7F4A'7C15;

}  // namespace

void seed_call_ids(uint64_t random) {
    id_mask = random;
}

uint64_t next_call_id() {
    for (;;) {
        // Odd multiplier: a bijection modulo 2^64.
        const uint64_t id = (++call_counter * 0xD134'2543'DE82'EF95) ^ id_mask;
        if (id != 0) return id;
    }
}

Call::Call(Account& account) : QueueNode(Kind::Call), payer(&account) {
    payer->add_reference();
}
Call::~Call() {
    payer->drop_reference();
}

void CallTable::add(Call& call) {
    Call*& bucket = buckets_[call.message.id % kBuckets];
    call.*link_ = bucket;
    bucket = &call;
}

Call* CallTable::find(uint64_t id) {
    Call* call = buckets_[id % kBuckets];
    while (call != nullptr && call->message.id != id) call = call->*link_;
    return call;
}

void CallTable::remove(Call& call) {
    Call** link = &buckets_[call.message.id % kBuckets];
    while (*link != &call) {
        ASSERT(*link != nullptr);
        link = &((*link)->*link_);
    }
    *link = call.*link_;
    call.*link_ = nullptr;
}

Call* CallTable::first() {
    for (Call* call : buckets_)
        if (call != nullptr) return call;
    return nullptr;
}

}  // namespace portico::kernel
