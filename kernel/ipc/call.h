#pragma once

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

    Account* payer;
    State state = State::Idle;
    uint8_t priority = 0;                            ///< of the caller when it called: its receiver runs at no less
    abi::MessageKind kind = abi::MessageKind::Call;  ///< Call, Fault, ForeignCall or ForeignResult
    abi::Message message;                            ///< id and badge set
    abi::Windows windows;
    CarriedHandles handles;
    Thread* caller = nullptr;  ///< of a blocking call
    Ref<Port> reply_port;      ///< of an asynchronous one
    Process* async_owner = nullptr;
    Ref<Port> port;               ///< where it was posted
    Process* receiver = nullptr;  ///< who took it
    Call* next_taken = nullptr;   ///< links of the two tables it can be in
    Call* next_async = nullptr;
};

/// Calls of a process by id: those it has taken and not answered (only their receiver finds them: a forged id names
/// nothing), or the asynchronous ones it has made. The member pointer says which link the table uses.
class CallTable {
public:
    explicit CallTable(Call* Call::* link) : link_(link) {}
    void add(Call& call);
    Call* find(uint64_t id);
    void remove(Call& call);
    /// Any call, to fail them one by one; null if there is none.
    Call* first();

private:
    static constexpr unsigned kBuckets = 32;
    Call* Call::* link_;
    Call* buckets_[kBuckets] = {};
};

/// Ids are never reused: a counter behind a bijection, so that they tell neither addresses nor how busy others are at a glance.
uint64_t next_call_id();
void seed_call_ids(uint64_t random);

}  // namespace portico::kernel
