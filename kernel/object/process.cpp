#include "kernel/object/process.h"

#include "kernel/ipc/ipc.h"
#include "kernel/sched/scheduler.h"

namespace portico::kernel {
namespace {

uint64_t processes_alive = 0;
uint64_t last_process_id = 0;

}  // namespace

uint64_t process_count() {
    return processes_alive;
}

Process::Process(Ref<AddressSpace> space, Ref<Account> account, Ref<Sender> supervisor)
    : Object(kType),
      handles_(*account),
      space_(std::move(space)),
      account_(std::move(account)),
      supervisor_(std::move(supervisor)),
      id_(++last_process_id) {
    ++processes_alive;
}

Process::~Process() {
    ASSERT(threads_.empty());
    if (!ended_) end();
    --processes_alive;
}

abi::ProcessState Process::state() const {
    if (ended_ || dying_) return abi::ProcessState::Exited;
    return suspended_ ? abi::ProcessState::Suspended : abi::ProcessState::Running;
}

uint64_t Process::cpu_time_ns() const {
    uint64_t ticks = ended_cpu_ticks_;
    for (const ThreadLink& link : threads_) ticks += link.thread.cpu_ticks;
    for (unsigned i = 0; i < arch::cpu_count(); ++i) {
        const Cpu& cpu = cpu_at(i);
        if (cpu.charged != nullptr && &cpu.charged->process() == this) ticks += arch::ticks() - cpu.charged_since_ticks;
    }
    return arch::ticks_to_ns(ticks);
}

void Process::set_name(const ObjectName& name) {
    name_ = name;
    note_process_name(id_, name_);
}

void Process::add_thread(Thread& thread) {
    started_ = true;
    unstarted_link_.unlink();
    thread.add_reference();
    threads_.push_back(thread.process_link);
    ++thread_count_;
}

void Process::remove_thread(Thread& thread) {
    ended_cpu_ticks_ += thread.cpu_ticks;
    threads_.erase(threads_.iterator_to(thread.process_link));
    --thread_count_;
    if (threads_.empty()) {
        dying_ = true;
        later(kEnd);
    }
    thread.drop_reference();
}

void Process::kill(uint64_t code) {
    if (dying_ || ended_) return;
    dying_ = true;
    exit_code_ = code;
    if (threads_.empty()) {
        later(kEnd);
        return;
    }
    end_threads(nullptr);
}

void Process::kill_others(Thread& keep) {
    end_threads(&keep);
}

/// First those that receive: the ends of the others' calls post messages, which must not go to threads that end too.
void Process::end_threads(const Thread* keep) {
    for (const bool receivers : {true, false}) {
        for (auto it = threads_.begin(); it != threads_.end();) {
            Thread& thread = it->thread;
            ++it;
            if (&thread != keep && (!receivers || thread.waits_for_messages())) scheduler.terminate(thread);
        }
    }
}

void Process::suspend() {
    if (suspended_ || dying_) return;
    suspended_ = true;
    for (ThreadLink& link : threads_) {
        link.thread.fast_wakeable = false;
        scheduler.hold_if_runnable(link.thread);
    }
}

void Process::resume() {
    if (!suspended_) return;
    suspended_ = false;
    while (!held_.empty()) {
        Thread& thread = held_.front().thread;
        held_.pop_front();
        scheduler.make_ready(thread);
    }
}

void Process::on_end() {
    if (!ended_) end();
}

/// What was the process's goes now, not when its last reference does: others may keep a handle to it for long.
void Process::end() {
    ended_ = true;
    dying_ = true;
    note(TraceEvent::ProcessEnd, nullptr, 0, id_, exit_code_);
    while (!unstarted_.empty()) {
        Process& made = unstarted_.front().process;
        unstarted_.pop_front();
        made.kill(exit_code_);
    }
    fail_all_calls(*this);
    messages_.let_go();
    handles_.clear();
    space_ = nullptr;
    service_ = nullptr;
    if (supervisor_) {
        Ref<Sender> supervisor = std::move(supervisor_);
        if (started_) supervisor->notify(abi::kNotifyProcessExited);
    }
}

}  // namespace portico::kernel
