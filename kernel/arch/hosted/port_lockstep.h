#pragma once

#include "kernel/arch/hosted/machine.h"
#include "kernel/arch/hosted/port_model.h"
#include "kernel/arch/hosted/seeded_random.h"

namespace portico::kernel::hosted {

/// A machine and the model of its ports, which do the same things. After each operation everything that a program can see must be
/// the same: results, messages, who waits, how many handles there are, what is in memory.
///
/// A disagreement is kept as text, with what was done before it; nothing is done after it.
class PortLockstep {
public:
    explicit PortLockstep(uint64_t seed) : random_(seed) { keeper_ = &machine_.make_thread(); }

    model::PortModel model;
    const std::string& disagreement() const { return disagreement_; }
    const std::vector<std::string>& history() const { return history_; }

    model::Process& add_process(model::Thread* supervising, Handle supervisor, bool takes_upcalls);
    model::Thread& add_thread(model::Process& process);

    // ---- what threads do

    void close(model::Thread& thread, Handle handle);
    void duplicate(model::Thread& thread, Handle handle, Rights keep);
    void create_port(model::Thread& thread);
    void create_token(model::Thread& thread);
    /// Demands that a handle names the object that the model says.
    void look_at_token(model::Thread& thread, Handle handle);
    void badge(model::Thread& thread, Handle port, uint64_t badge, uint64_t credits);
    void send(model::Thread& thread, const model::Sending& sending);
    void call(model::Thread& thread, const model::Sending& sending);
    void call_async(model::Thread& thread, const model::Sending& sending, Handle reply_port);
    void cancel(model::Thread& thread, Handle reply_port, uint64_t id);
    void reply(model::Thread& thread, uint64_t id, const model::Sending& answer);
    void receive(model::Thread& thread, Handle port, uint64_t deadline_ns);
    void reply_receive(model::Thread& thread, Handle port, uint64_t id, const model::Sending& answer, uint64_t deadline_ns);
    void notify(model::Thread& thread, Handle sender, uint64_t bits);
    void window_read(model::Thread& thread, uint64_t id, uint64_t offset, uint64_t to, uint64_t length);
    void window_write(model::Thread& thread, uint64_t id, uint64_t offset, uint64_t from, uint64_t length);
    void sleep(model::Thread& thread, uint64_t deadline_ns);
    void fault(model::Thread& thread);
    void end_upcall(model::Thread& thread);
    void exit(model::Thread& thread);

    // ---- what is done to them

    void alert(model::Thread& thread);
    void kill(model::Process& process);
    model::Process& clone(model::Process& process);
    void suspend(model::Process& process);
    void resume(model::Process& process);
    void advance(uint64_t by_ns);

    uint64_t now_ns() const { return machine_.hardware.now_ns(); }
    bool can_act(const model::Thread& thread) const;

private:
    struct RealProcess {
        Process* process;
        Handle handle;  ///< the keeper's
    };
    struct RealThread {
        Thread* thread;
        Handle handle;
        abi::Registers before;  ///< when the last operation was over, or as loaded for this one
    };
    Thread& real(const model::Thread& thread) { return *threads_.at(&thread).thread; }

    void start(model::Thread* actor, std::string what);
    void finish(model::Thread* actor);
    void record(const model::Thread& thread);
    void disagree(const std::string& what);
    /// A system call that returns at once. The result: its registers, or none if it was refused.
    template <class Call>
    std::optional<ReplyOf<Call>> make(model::Thread& thread, const Call& call, const model::Refusals& refusals);
    template <class Call>
    bool make_message(model::Thread& thread, const abi::MessageRegisters& registers, const model::Refusals& refusals);
    bool check_error(const model::Thread& thread, const model::Refusals& refusals);
    std::optional<model::Observed> observe(const model::Thread& thread);
    const abi::Registers& registers_of(const model::Thread& thread);
    void compare_threads(const model::Thread* actor);
    void compare_registers(const model::Thread& thread, bool is_actor);
    void compare_processes();
    void follow_upcalls();
    void compare_buffer(const model::Process& process);
    RealProcess& remember(model::Process& process, Process& real);

    Machine machine_;
    SeededRandom random_;
    Thread* keeper_;
    std::map<const model::Process*, RealProcess> processes_;
    std::map<const model::Thread*, RealThread> threads_;
    uint64_t tokens_ = 0;
    std::string disagreement_;
    std::vector<std::string> history_;
};

}  // namespace portico::kernel::hosted
