#pragma once

#include "kernel/arch/arch.h"
#include "kernel/debug/trace.h"
#include "kernel/ipc/call.h"
#include "kernel/sched/thread_list.h"
#include "kernel/time/timer_queue.h"

namespace portico::kernel {

class Memory;
class MessageSource;
class Port;
class Process;
class Sender;

/// A saved set of registers, and what it waits for. There is no kernel stack: a blocked thread is only this.
///
///     Ready ⇄ Running ──▶ Blocked ──▶ Ready      Held: would be Ready, but its process is suspended.
///     any ──▶ Dead
///
/// Ownership: its process's list holds a reference until it is dead; handles may hold more.
/// Invariant: `link` is in exactly the list that its state says: a run queue (Ready), the process's held list (Held), what
///            it waits at (Blocked in Receive, Futex, Credit, Page or Frame), else none.
class Thread final : public Object {
public:
    static constexpr ObjectType kType = ObjectType::Thread;
    enum class State : uint8_t { Ready, Running, Blocked, Held, Dead };
    enum class Wait : uint8_t { None, Receive, ReceiveBatch, Call, Futex, Sleep, Fault, Foreign, Credit, Page, Frame };

    static Result<Ref<Thread>> create(Process& process, const abi::ThreadStart& start, unsigned priority);
    explicit Thread(Process& process);
    ~Thread() override;

    ThreadFrame frame;

    Process& process() const { return *process_; }
    State state() const { return state_; }
    void set_state(State state) { state_ = state; }
    Wait wait() const { return wait_; }
    bool waits_for_messages() const { return wait_ == Wait::Receive || wait_ == Wait::ReceiveBatch; }
    uint64_t id() const { return id_; }
    const ObjectName& name() const { return name_; }
    void set_name(const ObjectName& name);
    unsigned priority() const { return priority_; }  ///< its own, or a higher one that it has inherited
    unsigned base_priority() const { return base_priority_; }
    void* vector_state() const { return vector_state_; }

    /// The running thread stops being Running; the scheduler will pick another.
    void begin_wait(Wait wait, uint64_t deadline_ns);
    /// Its wait is over and it is out of whatever it waited at: rax gets the error (not after a Fault or a Foreign call), it becomes Ready.
    void finish_wait(Error error);
    /// Takes it out of whatever it waits at, then as finish_wait.
    void end_wait(Error error);
    void deadline_passed();
    /// Its wait is over and it is out of whatever it waited at: it makes the same system call again, or, missing a page
    /// outside of calls, the same access.
    void retry_wait();
    /// Its wait is over and it is out of whatever it waited at; it stays Blocked for now.
    void stop_waiting();
    bool has_deadline() const { return deadline.queue != nullptr; }

    /// Runs at least at this priority until run_at_base_priority.
    void inherit_priority(unsigned priority);
    void run_at_base_priority() {
        if (priority_ != base_priority_) drop_priority();
    }

    /// Interrupts it: see abi::ThreadAlert.
    void alert();
    bool alert_is_due() const;
    bool alert_is_pending() const { return alerted_; }
    /// Whether an alert ends the wait it is in: not a fault's, a missing page's, a steady call's, or one in an upcall.
    bool alert_ends_wait() const;
    /// On the way to user mode: diverts it to the upcall entry for an alert, if one is due.
    void deliver_alert();
    /// Diverts it to the upcall entry for a fault. False if it is in an upcall or has no entry.
    bool deliver_fault(const abi::FaultWords& fault);
    bool in_upcall() const { return upcall_ != nullptr && in_upcall_; }
    const abi::UpcallState* upcall() const { return in_upcall_ ? upcall_ : nullptr; }
    void end_upcall();
    /// Loads all registers; privileged flags are ignored. rip must be a user address.
    void load_registers(const abi::Registers& registers);
    /// Goes on as a new image: clean registers, vector state and upcall state.
    void start_over(const abi::ThreadStart& start);

    /// Takes it out of everything; its process's list still refers to it.
    void die();

    /// A call record that is Idle: the kept one, or a new one. Errors: NoMemory.
    Result<Call*> idle_call() {
        if (call_ == nullptr) [[unlikely]]
            TRY(make_call());
        ASSERT(call_->state == Call::State::Idle);
        return call_;
    }
    Call* current_call() const { return call_; }
    void forget_call() { call_ = nullptr; }

    ThreadLink link{*this};
    ThreadLink process_link{*this};
    MessageSource* waits_at = nullptr;  ///< Receive, ReceiveBatch
    Sender* waits_to_send = nullptr;    ///< Credit
    Port* serves = nullptr;             ///< where it last received, see Port::set_server
    /// Woken to make its batch receive again, it must come for a message here. If it does something else first, or takes nothing, the
    /// task passes to the next one that waits: of messages that somebody waits for, no more are queued than there are such tasks.
    Ref<Port> task;
    void pass_task_on();
    ThreadList* wait_list = nullptr;  ///< Futex, Page, Frame
    union {
        struct {
            uint64_t space, offset;
        } word{};  ///< Futex: key of the word it waits for: an address space or memory object id, and an offset
        struct {
            uint64_t index, address;
        } page;  ///< Page: the page in `missing`, and where it was touched
        struct {
            uint64_t kept_free_pages, address;
        } frame;  ///< Frame: one besides so many; and what was touched
    } awaited;
    uint32_t futex_mask = 0;
    /// The page that it waits for, or none if it is a frame, and how it goes on when that is there.
    struct MissingPage {
        enum class Then : uint8_t { RunOn, RepeatCall };
        Ref<Memory> memory;
        abi::Access access = abi::Access::None;
        Then then = Then::RunOn;
    } missing;
    bool restart = false;         ///< the system call moved its arguments on and is to be made again
    bool report_due = false;      ///< its service wants the result of the call that the runtime library does now
    bool passes_service = false;  ///< its next call of another system is not the service's
    bool doomed = false;          ///< runs, and ends when its CPU leaves the kernel
    Cpu* cpu = nullptr;           ///< where it runs or ran last, or in whose queue it is
    uint64_t cpu_ticks = 0;       ///< time it has run, see arch::ticks

private:
    State state_ = State::Blocked;  // these four together: FastPath writes them as one
    Wait wait_ = Wait::None;

public:
    bool fast_wakeable = false;  ///< waits in Receive or Call and nothing else can end it or come with its end: FastPath may do it
    bool disturbed = false;      ///< runs, and its CPU must look at it first: an alert, its end, suspension; always while recording
    struct DeadlineNode : Deadline {
        explicit DeadlineNode(Thread& owner) : Deadline(Deadline::Kind::Thread), thread(owner) {}
        Thread& thread;
    } deadline{*this};

private:
    friend class FastPath;
    Result<> make_call();
    void drop_priority();
    void set_start(const abi::ThreadStart& start);
    void divert(abi::FaultKind kind, uint32_t access, uint64_t address);

    Ref<Process> process_;
    Call* call_ = nullptr;
    abi::UpcallState* upcall_ = nullptr;
    void* vector_block_ = nullptr;
    void* vector_state_ = nullptr;
    uint64_t id_;
    ObjectName name_{};
    uint8_t priority_ = 16;
    uint8_t base_priority_ = 16;
    bool alerted_ = false;
    bool in_upcall_ = false;
};

}  // namespace portico::kernel
