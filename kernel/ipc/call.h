#pragma once

#include "kernel/ipc/carried_pages.h"
#include "kernel/ipc/queue_node.h"

namespace portico::kernel {

class Account;
class Port;
class Process;
class Thread;

/// One call from its making to its end. States:
///
///     Idle ──call──▶ Queued ──receive──▶ Taken ──reply──▶ (caller goes on) Idle, or as a Reply in an asynchronous caller's port
///                      │ cancel            │ cancel: queued at the port as Cancelled, then destroyed
///                      ▼                   ▼ receiver dies: PeerClosed to the caller
///                     Idle
///
/// Ownership: the record of a blocking call belongs to its thread, which keeps one for the next call; once cancelled after it
///            was taken, or asynchronous, it belongs to the queue or table it is in.
class Call final : public QueueNode {
public:
    enum class State : uint8_t { Idle, Queued, Taken, Cancelled, Replied };

    explicit Call(Account& account);
    ~Call();

    State state = State::Idle;
    abi::MessageKind kind = abi::MessageKind::Call;  ///< Call, Fault, ForeignCall or ForeignResult
    uint8_t priority = 0;                            ///< of the caller when it called: its receiver runs at no less
    Account* payer;
    abi::Message message;  ///< id and badge set
    abi::Windows windows;  ///< without windows in the header: the writable one is for pages of the reply
    CarriedHandles handles;
    CarriedPages pages;
    Thread* caller = nullptr;  ///< of a blocking call
    Ref<Port> reply_port;      ///< of an asynchronous one
    Process* async_owner = nullptr;
    Ref<Port> port;               ///< where it was posted
    Process* receiver = nullptr;  ///< who took it; while Cancelled, who is to be told
    Call* next_taken = nullptr;   ///< links of the two tables it can be in
    Call* next_async = nullptr;

    /// The memory that the caller lends.
    abi::Windows lent() const { return message.header.has_windows() ? windows : abi::Windows{}; }
    /// Where pages of the reply may land.
    PageRange landing() const {
        return message.header.has_windows() ? PageRange{} : PageRange{windows.writable_address, windows.writable_bytes};
    }
    /// What it carries goes.
    void drop_carried() {
        handles.drop();
        pages.drop();
    }
};

/// Calls of a process by id: those it has taken and not answered (only their receiver finds them: a forged id names
/// nothing), with those of which it is to hear that they were cancelled; or the asynchronous ones it has made. `kLink` says which link
/// the table uses.
template <Call* Call::* kLink>
class CallTable {
public:
    [[gnu::always_inline]] void add(Call& call) {
        if (latest_ != nullptr) [[unlikely]]
            make_way();
        latest_ = &call;
    }
    [[gnu::always_inline]] Call* find(uint64_t id) {
        if (latest_ != nullptr && latest_->message.id == id) [[likely]]
            return latest_;
        return find_older(id);
    }
    [[gnu::always_inline]] void remove(Call& call) {
        if (latest_ == &call) [[likely]]
            latest_ = nullptr;
        else
            remove_older(call);
    }
    /// Any call, to fail them one by one; null if there is none.
    Call* first() {
        if (latest_ != nullptr) return latest_;
        for (Call* call : buckets_)
            if (call != nullptr) return call;
        return nullptr;
    }

private:
    // The rarer ways keep the registers of the fast path.
    [[clang::preserve_most]] void make_way() __attribute__((noinline)) {
        Call*& bucket = buckets_[latest_->message.id % kBuckets];
        latest_->*kLink = bucket;
        bucket = latest_;
    }
    [[clang::preserve_most]] Call* find_older(uint64_t id) __attribute__((noinline)) {
        Call* call = buckets_[id % kBuckets];
        while (call != nullptr && call->message.id != id) call = call->*kLink;
        return call;
    }
    [[clang::preserve_most]] void remove_older(Call& call) __attribute__((noinline)) {
        Call** link = &buckets_[call.message.id % kBuckets];
        while (*link != &call) {
            ASSERT(*link != nullptr);
            link = &((*link)->*kLink);
        }
        *link = call.*kLink;
        call.*kLink = nullptr;
    }

    static constexpr unsigned kBuckets = 32;
    Call* latest_ = nullptr;        ///< the one added last, if it is still there: most are answered before the next is taken
    Call* buckets_[kBuckets] = {};  ///< the others
};
using TakenCalls = CallTable<&Call::next_taken>;
using AsyncCalls = CallTable<&Call::next_async>;

/// Ids are never reused: a counter behind a permutation with a secret key, so that they tell neither addresses nor how many calls others
/// made between two of one's own. The key is two odd numbers: the counter's step, and a factor; a factor spreads its argument's bits
/// upwards, the shifts fold them down again. It hides what is of little worth at the price of a few instructions and is no cipher: who
/// guesses an id gains nothing, for only who took the call can use it.
class CallIds {
public:
    /// Begins again with another key. The first 2^64 - 1 ids differ from each other and from 0.
    void seed(uint64_t one, uint64_t other) {
        position_ = 0;
        step_ = one | 1;
        factor_ = other | 1;
    }
    uint64_t next() {
        position_ += step_;
        const uint64_t spread = (position_ ^ position_ >> 32) * factor_;
        return spread ^ spread >> 32;
    }

private:
    uint64_t position_ = 0;
    uint64_t step_ = 0xD134'2543'DE82'EF95;
    uint64_t factor_ = 0x9E37'79B9'7F4A'7C15;
};
extern CallIds call_ids;

}  // namespace portico::kernel
