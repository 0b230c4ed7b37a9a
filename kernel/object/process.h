#pragma once

#include "abi/exit_code.h"
#include "kernel/ipc/call.h"
#include "kernel/ipc/message_pool.h"
#include "kernel/ipc/sender.h"
#include "kernel/memory/address_space.h"
#include "kernel/object/handle_table.h"
#include "kernel/sched/thread.h"

namespace portico::kernel {

/// The place of a process that has no thread yet in its maker's list.
struct UnstartedLink : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    explicit UnstartedLink(Process& owner) : process(owner) {}
    Process& process;
};

/// A handle table, an address space, an account, and threads.
///
/// Ownership: its threads and handles refer to it. It ends when killed or when its last thread exits; then its calls fail,
///            its handles close, its space goes, and its supervisor is told. Handles to the dead process still answer queries.
///            Before its first thread it also ends with the process that made it: its table may hold the only handles to itself, or
///            to ports in whose queues these are, and nothing else would end that.
class Process final : public Object {
public:
    static constexpr ObjectType kType = ObjectType::Process;

    Process(Ref<AddressSpace> space, Ref<Account> account, Ref<Sender> supervisor);
    ~Process() override;

    HandleTable& handles() { return handles_; }
    AddressSpace& space() { return *space_; }
    bool has_space() const { return static_cast<bool>(space_); }
    Account& account() { return *account_; }
    Sender* supervisor() const { return supervisor_.get(); }
    TakenCalls& calls() { return calls_; }
    AsyncCalls& async_calls() { return async_calls_; }
    MessagePool& messages() { return messages_; }
    uint64_t id() const { return id_; }
    const ObjectName& name() const { return name_; }
    void set_name(const ObjectName& name);

    abi::ProcessState state() const;
    bool dying() const { return dying_; }
    bool suspended() const { return suspended_; }
    uint64_t exit_code() const { return exit_code_; }
    unsigned thread_count() const { return thread_count_; }
    uint64_t cpu_time_ns() const;

    void add_thread(Thread& thread);
    /// This one made that one.
    void add_unstarted(Process& made) { unstarted_.push_back(made.unstarted_link_); }
    /// A thread died; with the last one the process ends.
    void remove_thread(Thread& thread);

    void kill(uint64_t code);
    /// Ends all threads but one (for exec).
    void kill_others(Thread& keep);
    void suspend();
    void resume();
    void hold(Thread& thread) { held_.push_back(thread.link); }
    void unhold(Thread& thread) { held_.erase(held_.iterator_to(thread.link)); }

    /// Replaces the address space; only the calling thread is left.
    void replace_space(Ref<AddressSpace> space) { space_ = std::move(space); }

    uint64_t foreign_entry = 0;
    uint64_t upcall_entry = 0;

    /// Who gets its threads' calls of other systems; see kernel/ipc/foreign_call.h.
    Sender* service() const { return service_.get(); }
    void replace_service(Ref<Sender> service) { service_ = std::move(service); }
    /// Where such calls enter without the kernel's core: nowhere if a service gets them.
    uint64_t direct_foreign_entry() const { return service_ ? 0 : foreign_entry; }

    ThreadList& threads() { return threads_; }

private:
    void end_threads(const Thread* keep);
    void on_end() override;
    void end();

    HandleTable handles_;
    Ref<AddressSpace> space_;
    Ref<Account> account_;
    Ref<Sender> supervisor_;
    Ref<Sender> service_;
    MessagePool messages_;
    TakenCalls calls_;
    AsyncCalls async_calls_;
    ThreadList threads_;
    ThreadList held_;
    boost::intrusive::list<UnstartedLink, boost::intrusive::constant_time_size<false>> unstarted_;  ///< made by this one
    UnstartedLink unstarted_link_{*this};
    uint64_t id_;
    ObjectName name_{};
    uint64_t exit_code_ = 0;
    uint64_t ended_cpu_ticks_ = 0;
    unsigned thread_count_ = 0;
    bool dying_ = false;
    bool suspended_ = false;
    bool started_ = false;
    bool ended_ = false;
};

uint64_t process_count();
uint64_t thread_count();

}  // namespace portico::kernel
