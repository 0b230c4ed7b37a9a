#include "kernel/sched/thread.h"

#include "kernel/ipc/foreign_call.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/port.h"
#include "kernel/memory/paging.h"
#include "kernel/memory/reclaim.h"
#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"

namespace portico::kernel {
namespace {

uint64_t threads_alive = 0;
uint64_t last_thread_id = 0;

constexpr uint64_t kUserFlags = 0x202;  // interrupts on, and the bit that is always one

}  // namespace

uint64_t thread_count() {
    return threads_alive;
}

Thread::Thread(Process& process) : Object(kType), process_(process), id_(++last_thread_id) {
    ++threads_alive;
}

Thread::~Thread() {
    if (call_ != nullptr) destroy_call(*call_);
    if (upcall_ != nullptr) heap.free(upcall_, payer());
    if (vector_block_ != nullptr) heap.free(vector_block_, payer());
    --threads_alive;
}

Result<Ref<Thread>> Thread::create(Process& process, const abi::ThreadStart& start, unsigned priority) {
    if (process.dying() || !process.has_space()) return fail(Error::WrongState);
    if (start.instruction >= abi::kUserAddressMax || start.stack > abi::kUserAddressMax || start.gs_base >= abi::kUserAddressMax ||
        start.fs_base >= abi::kUserAddressMax)
        return fail(Error::InvalidArgument);
    Account& payer = process.account();
    Ref<Thread> thread = TRY(create_object<Thread>(payer, process));
    thread->upcall_ = TRY(heap.make<abi::UpcallState>(payer));
    thread->vector_block_ = TRY(heap.allocate(arch::vector_state_bytes() + 64, payer));
    thread->vector_state_ = reinterpret_cast<void*>((reinterpret_cast<uint64_t>(thread->vector_block_) + 63) & ~uint64_t{63});
    arch::init_vector_state(thread->vector_state_);
    thread->priority_ = thread->base_priority_ = static_cast<uint8_t>(priority);
    thread->set_start(start);
    process.add_thread(*thread);
    note_thread(*thread);
    scheduler.make_ready(*thread);
    return thread;
}

void Thread::set_name(const ObjectName& name) {
    name_ = name;
    note_thread_name(*this);
}

void Thread::set_start(const abi::ThreadStart& start) {
    frame.registers = {.rdi = start.argument, .rip = start.instruction, .rflags = kUserFlags, .rsp = start.stack};
    frame.full_restore = 1;
    frame.fs_base = start.fs_base;
    frame.gs_base = start.gs_base;
    frame.foreign_entry = process_->direct_foreign_entry();
}

void Thread::load_registers(const abi::Registers& registers) {
    constexpr uint64_t kSettable = 0x240DD5;  // what a program may set by popf: CF PF AF ZF SF TF DF OF AC ID
    frame.registers = registers;
    frame.registers.rflags = (registers.rflags & kSettable) | kUserFlags;
    frame.full_restore = 1;
}

void Thread::end_upcall() {
    in_upcall_ = false;
    request_attention();  // an alert may have waited for this
}

void Thread::start_over(const abi::ThreadStart& start) {
    end_upcall();  // an alert not yet taken stays: signals pend over execve
    report_due = false;
    passes_service = false;
    restart = true;
    arch::init_vector_state(vector_state_);
    set_start(start);
    arch::load_vector_state(vector_state_);
    arch::load_user_bases(frame);
}

Result<> Thread::make_call() {
    call_ = TRY(heap.make<Call>(payer(), payer()));
    return {};
}

void Thread::pass_task_on() {
    if (!task) [[likely]]
        return;
    const Ref<Port> port = std::move(task);
    port->wake_receivers();
}

void Thread::begin_wait(Wait wait, uint64_t deadline_ns) {
    pass_task_on();
    wait_ = wait;
    state_ = State::Blocked;
    fast_wakeable = false;
    arch::this_cpu().attention = true;
    if (deadline_ns == abi::kForever) return;
    deadline.at_ns = deadline_ns;
    arch::this_cpu().timers.add(deadline);
}

void Thread::stop_waiting() {
    wait_ = Wait::None;
    TimerQueue::remove(deadline);
}

void Thread::finish_wait(Error error) {
    const bool returns_error = wait_ != Wait::Fault && wait_ != Wait::Foreign;
    stop_waiting();
    if (returns_error) frame.registers.rax = static_cast<uint64_t>(error);
    note(TraceEvent::Wake, this, static_cast<uint64_t>(error));
    scheduler.make_ready(*this);
}

void Thread::retry_wait() {
    const bool in_call = (wait_ != Wait::Page && wait_ != Wait::Frame) || missing.then == MissingPage::Then::RepeatCall;
    stop_waiting();
    note(TraceEvent::Wake, this);
    if (in_call) frame.registers.rip -= 2;  // the length of the syscall instruction; rax still holds the number
    scheduler.make_ready(*this);
}

void Thread::inherit_priority(unsigned priority) {
    if (priority <= priority_) return;
    const bool in_run_queue = state_ == State::Ready && cpu->next != this;
    if (in_run_queue) cpu->ready.remove(*this);
    priority_ = static_cast<uint8_t>(priority);
    if (!in_run_queue) return;
    cpu->ready.push(*this);
    if (cpu->running != nullptr && cpu->running->priority() < priority) {
        cpu->resched = true;
        scheduler.note_change(*cpu->running);
    }
}

void Thread::drop_priority() {
    priority_ = base_priority_;
    if (state_ != State::Running || cpu->ready.empty() || cpu->ready.top_priority() <= priority_) return;
    cpu->resched = true;
    request_attention();
}

void Thread::end_wait(Error error) {
    switch (wait_) {
    case Wait::Receive:
    case Wait::ReceiveBatch:
        waits_at->unpark(*this);
        break;
    case Wait::Futex:
        wait_list->erase(wait_list->iterator_to(link));
        break;
    case Wait::Page:
        return Paging::end_wait(*this, error);
    case Wait::Frame:
        return reclaimer.end_wait(*this, error);
    case Wait::Call:
    case Wait::Fault:
        abandon_call(*this);
        break;
    case Wait::Foreign:
        abandon_call(*this);
        repeat_foreign_call(*this);  // after the upcall of an alert
        break;
    case Wait::Credit:
        waits_to_send->unpark(*this);
        break;
    case Wait::Sleep:
    case Wait::None:
        break;
    }
    finish_wait(error);
}

void Thread::deadline_passed() {
    end_wait(wait_ == Wait::Sleep ? Error::None : Error::TimedOut);
}

void Thread::alert() {
    if (state_ == State::Dead) return;
    alerted_ = true;
    fast_wakeable = false;
    if (state_ == State::Blocked && alert_ends_wait())
        end_wait(Error::Interrupted);
    else if (state_ == State::Running)
        scheduler.note_change(*this);
}

void Thread::divert(abi::FaultKind kind, uint32_t access, uint64_t address) {
    note(TraceEvent::Upcall, this, static_cast<uint64_t>(kind), address, frame.registers.rip);
    pass_task_on();
    upcall_->registers = frame.registers;
    upcall_->kind = kind;
    upcall_->access = access;
    upcall_->address = address;
    in_upcall_ = true;
    frame.registers.rip = process_->upcall_entry;
    frame.registers.rdi = static_cast<uint64_t>(kind);
    frame.registers.rsi = address;
    frame.registers.rdx = access;
    frame.registers.rflags = kUserFlags;
    frame.full_restore = 1;
    // A program may have changed GS; the runtime finds its thread by it.
    if (arch::this_cpu().loaded == this) {
        arch::save_user_bases(frame);
        arch::load_user_bases(frame);
    }
}

bool Thread::alert_ends_wait() const {
    const bool steady = wait_ == Wait::Call && call_->message.header.is_steady();
    return !in_upcall_ && wait_ != Wait::Fault && wait_ != Wait::Page && wait_ != Wait::Frame && !steady;
}

bool Thread::alert_is_due() const {
    return alerted_ && !in_upcall_ && process_->upcall_entry != 0;
}

void Thread::deliver_alert() {
    if (!alert_is_due()) return;
    alerted_ = false;
    divert(abi::FaultKind::Alert, 0, 0);
}

bool Thread::deliver_fault(const abi::FaultWords& fault) {
    if (in_upcall_ || process_->upcall_entry == 0) return false;
    divert(fault.kind, fault.access, fault.address);
    return true;
}

void Thread::die() {
    ASSERT(state_ != State::Dead);
    state_ = State::Dead;
    pass_task_on();
    if (serves != nullptr) serves->forget_server();
    for (unsigned i = 0; i < arch::cpu_count(); ++i)
        if (cpu_at(i).charged == this) scheduler.charge_time(cpu_at(i), nullptr);
    note(TraceEvent::ThreadEnd, this, 0, process_->id());
    process_->remove_thread(*this);
}

}  // namespace portico::kernel
