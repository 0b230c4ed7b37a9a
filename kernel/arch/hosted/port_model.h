#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "abi/handle.h"
#include "abi/message.h"

/// Ports as docs/ipc.md describes them, in plain containers: no queues woven through objects, no put-off work, no memory to run out
/// of. kernel/ipc/port_model_test.cpp holds the kernel against it step by step.
namespace portico::kernel::hosted::model {

using abi::Error;
using abi::Handle;
using abi::Header;
using abi::MessageKind;
using abi::Rights;

struct Port;
struct Sender;
struct Process;
struct Thread;

struct Object {
    enum class Kind : uint8_t { Port, Sender, Token };
    explicit Object(Kind object_kind) : kind(object_kind) {}
    virtual ~Object() = default;
    const Kind kind;
    unsigned number = 0;   ///< for messages to people
    unsigned handles = 0;  ///< in tables and on their way
};

/// Something to hand around that one can recognize.
struct Token final : Object {
    Token() : Object(Kind::Token) {}
    uint64_t size_bytes = 0;
};

struct Capability {
    Object* object = nullptr;
    Rights rights = Rights::None;
};

/// A message on its way, as it will be seen.
struct Letter {
    uint64_t id = 0;  ///< 0 if there is none, or if it is not known yet
    uint64_t badge = 0;
    Header header;
    std::array<uint64_t, abi::kMessageWords> word{};
    std::array<Capability, abi::kMessageHandlesMax> carried{};
    uint32_t readable_bytes = 0, writable_bytes = 0;
};

struct Call {
    enum class State : uint8_t { Queued, Taken, Cancelled, Replied, Over };
    State state = State::Queued;
    uint64_t id = 0;  ///< 0 until somebody was told
    Letter letter;
    bool is_fault = false;
    uint64_t readable_at = 0, writable_at = 0;  ///< in the caller's buffer
    Thread* caller = nullptr;                   ///< of a blocking call
    Process* owner = nullptr;                   ///< of an asynchronous one
    Port* reply_port = nullptr;
    Port* port = nullptr;
    Process* taker = nullptr;
};

/// One place in a queue. What one operation brings about in several places at once has no order that anything promises: such nodes
/// have the same `operation`, and any of them may come first.
struct Node {
    enum class Kind : uint8_t { Message, Call, Reply, Cancelled, Bits };
    Kind kind = Kind::Message;
    uint64_t operation = 0;
    Letter letter;             ///< of a Message or a Reply
    Sender* sender = nullptr;  ///< of a Message or Bits
    Call* call = nullptr;      ///< of the others
    bool perhaps = false;      ///< it may have been dropped already: a notice that another process came across
};

struct Port final : Object {
    Port() : Object(Kind::Port) {}
    bool closed = false;
    std::deque<Node> queue;
    std::deque<Thread*> waiters;
};

struct Sender final : Object {
    Sender() : Object(Kind::Sender) {}
    Port* port = nullptr;
    uint64_t badge = 0;
    uint64_t credits = 0;
    uint64_t bits = 0;
    bool queued = false, gone = false;
    unsigned users = 0;  ///< what keeps it besides handles: supervised processes, queued messages
};

struct Thread {
    enum class State : uint8_t { Ready, Receiving, Calling, Faulted, Sleeping, Dead };
    Process* process = nullptr;
    unsigned number = 0;
    State state = State::Ready;
    Port* waits_at = nullptr;
    Call* call = nullptr;
    uint64_t deadline_ns = abi::kForever;
    bool alert_pending = false, in_upcall = false;
};

struct Process {
    static constexpr size_t kBufferBytes = 4096;
    unsigned number = 0;
    std::map<uint64_t, Capability> handles;  ///< by value
    std::vector<Thread*> threads;
    std::vector<Call*> taken, asynchronous;
    Sender* supervisor = nullptr;
    bool dead = false, suspended = false, takes_upcalls = false;
    std::array<uint8_t, kBufferBytes> buffer{};  ///< a page of its memory
};

/// What a thread is told when its operation or its wait is over.
struct Outcome {
    Error error = Error::None;
    std::optional<Letter> letter;
    bool silent = false;  ///< it goes on where it was: no register changes
};

/// What the kernel told it.
struct Observed {
    Error error = Error::None;
    abi::Message message;
    uint32_t readable_bytes = 0, writable_bytes = 0;
};

/// Errors of which the kernel must give one; none: it must do what was asked for.
using Refusals = std::set<Error>;

/// The arguments of a send or a call.
struct Sending {
    Handle sender;
    Header header;
    std::array<uint64_t, abi::kMessageWords> word{};
    uint64_t readable_at = 0, writable_at = 0;
    uint64_t readable_bytes = 0, writable_bytes = 0;
    uint64_t deadline_ns = abi::kForever;
};

/// The whole of it. Each operation is one of the kernel's: it returns the refusals, or changes the model if there are none. Between
/// begin() and settle() effects pile up; settle() hands messages to who waits and compares all outcomes with what was observed.
///
/// To add an operation (forwarding a call, sets of ports, batches): write it in terms of post(), conclude(), end_wait(), take_in()
/// and close(), and give port_lockstep the system call that it stands for.
class PortModel {
public:
    Process& add_process(Sender* supervisor, bool takes_upcalls);
    Thread& add_thread(Process& process);

    void begin() {
        ++operation_;
        told_.clear();
    }
    /// `observe` tells what a thread was told, or nothing if it waits. Returns what does not agree, or nothing.
    using Observe = std::function<std::optional<Observed>(const Thread&)>;
    std::string settle(const Observe& observe);
    /// Whether the thread's wait or operation ended since begin(), so that it was told something.
    bool was_told(const Thread& thread) const { return told_.contains(&thread); }

    // ---- handles. The kernel picks their values: give() learns one.

    /// Errors: what find() says of it.
    Refusals close(Thread& thread, Handle handle);
    Refusals duplicate(Thread& thread, Handle handle, Rights keep, Capability& made);
    std::string give(Process& process, uint64_t value, Capability capability);
    Capability* find(Process& process, Handle handle);

    Capability create_port();
    Capability create_token(uint64_t size_bytes);
    Refusals badge(Thread& thread, Handle port, uint64_t badge, uint64_t credits, Capability& made);

    // ---- messages

    Refusals send(Thread& thread, const Sending& sending);
    Refusals call(Thread& thread, const Sending& sending);
    Refusals call_async(Thread& thread, const Sending& sending, Handle reply_port, Call*& made);
    std::string learn_id(Call& call, uint64_t id);
    Refusals cancel(Thread& thread, Handle reply_port, uint64_t id);
    Refusals reply(Thread& thread, uint64_t id, const Sending& answer);
    Refusals receive(Thread& thread, Handle port, uint64_t deadline_ns);
    /// The port is looked at first: if it will not do, nothing is answered.
    Refusals reply_receive(Thread& thread, Handle port, uint64_t id, const Sending& answer, uint64_t deadline_ns);
    Refusals notify(Thread& thread, Handle sender, uint64_t bits);
    /// Copies between windows and the buffer of the thread's process.
    Refusals window_read(Thread& thread, uint64_t id, uint64_t offset, uint64_t to, uint64_t length);
    Refusals window_write(Thread& thread, uint64_t id, uint64_t offset, uint64_t from, uint64_t length);

    // ---- threads

    void sleep(Thread& thread, uint64_t deadline_ns);
    void fault(Thread& thread, const std::array<uint64_t, abi::kMessageWords>& words);
    Refusals alert(Thread& thread);
    /// The thread is about to do something of its own: an alert that is pending comes first.
    void enter(Thread& thread);
    void end_upcall(Thread& thread) { thread.in_upcall = false; }
    void exit(Thread& thread);
    void kill(Process& process);
    Process& clone(const Process& parent);
    /// The earliest deadline, and its passing.
    uint64_t next_deadline() const;
    void expire(uint64_t now_ns);

    std::deque<Process> processes;
    std::deque<Thread> threads;
    std::vector<Port*> ports;  ///< all there ever were

private:
    template <class T>
    T* find_as(Thread& thread, Handle handle, Object::Kind kind, Rights needed, Refusals& refusals);
    void check_carried(Thread& thread, const Sending& sending, Refusals& refusals);
    bool carries_older_port(Thread& thread, const Port& target, const Sending& sending);
    Letter take_in(Thread& thread, const Sending& sending, MessageKind kind);
    Call& make_call(Thread& thread, const Sending& sending, Sender& sender);
    Call* find_taken(Thread& thread, uint64_t id);

    void post(Port& port, Node node);
    void answer(Call& call, Letter letter);
    void conclude(Call& call, Error error);
    void detach(Call& call);
    void take_back_notices(const Process& process);
    void end_wait(Thread& thread, Outcome outcome);
    void leave_wait(Thread& thread);
    void notify(Sender& sender, uint64_t bits);
    void drop(Capability capability);
    void drop(Letter& letter);
    void drop_user(Sender& sender);
    void drop_message(const Node& node);
    void lose_sender(Sender& sender);
    void close(Port& port);
    bool do_put_off();

    std::string deliver_all(const Observe& observe);
    std::string compare_ended(const Observe& observe);
    size_t find_told(const Port& port, const Thread& thread, const std::optional<Observed>& observed, std::string& difference);
    std::string deliver(Port& port, Thread& thread, size_t chosen, const Observed& observed);
    std::string differs(const Letter& letter, const Observed& observed, bool id_is_known) const;
    std::string hand_over(Letter& letter, const Observed& observed, Process& process);
    Letter seen(const Node& node) const;

    template <class T>
    T& add_object();

    uint64_t operation_ = 0;
    std::map<Thread*, Outcome> ended_;
    std::set<const Thread*> told_;
    std::deque<Port*> to_close_;
    std::deque<Sender*> to_lose_;
    std::deque<Call> calls_;
    std::vector<std::unique_ptr<Object>> objects_;
    std::set<uint64_t> ids_;  ///< all ever seen
};

}  // namespace portico::kernel::hosted::model
