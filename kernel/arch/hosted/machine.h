#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "kernel/arch/hosted/explorer.h"
#include "kernel/arch/hosted/hardware.h"
#include "kernel/sched/kernel_lock.h"
#include "kernel/syscall/handlers.h"

namespace portico::kernel::hosted {

using abi::Handle;

/// A message as a receive or call returned it.
struct Received : abi::Message {
    uint32_t readable_bytes = 0, writable_bytes = 0;
    uint32_t page_bytes() const { return header.has_pages() ? readable_bytes : 0; }
    uint64_t r14 = 0;
    Error status() const { return header.status(); }
};

/// A whole machine with the kernel core booted on it, driven by a test: the test plays the user programs.
///
/// A test makes system calls for threads and touches memory for them, one after the other, on the CPU named by use_cpu();
/// each CPU has a thread of the lowest priority that never waits, so control always comes back. After every kernel entry pending
/// kicks and interrupts are delivered and no CPU may cache a translation that its page table does not allow.
/// With run_cpus() the CPUs are threads of the host instead.
///
/// Ownership: keeps references to the processes and threads that it made. The destructor kills them and demands that every
///            byte is back; it aborts the test program if not, since the next machine would start broken.
class Machine {
public:
    explicit Machine(unsigned cpus = 1, uint64_t mebibytes = 8, std::string_view command_line = {});
    ~Machine();
    Machine(const Machine&) = delete;

    Hardware hardware;
    Account& root() { return *root_; }

    Process& make_process(Ref<Sender> supervisor = {}, Account* account = nullptr);
    Thread& make_thread(Process& process, unsigned priority = 16);
    Thread& make_thread() { return make_thread(make_process()); }
    /// Keeps what a system call made, to use it and to kill it in the end.
    Process& adopt_process(Thread& holder, Handle handle);
    Thread& adopt_thread(Thread& holder, Handle handle);
    /// Lets go of those that have ended.
    void forget_ended();
    Handle make_resource(Thread& holder);
    /// Duplicates a handle into another table, with all rights of the first.
    Handle give(Thread& from, Handle handle, Thread& to);

    /// Lets the thread, which can run, run on this CPU.
    void switch_to(Thread& thread);
    void use_cpu(unsigned index) { Hardware::be_cpu(index); }
    Thread* running() { return arch::this_cpu().running; }
    /// Something of the kernel's own under its lock, for tests of its parts.
    template <class Act>
    auto in_kernel(Act act) {
        const Settled settled{*this};
        const Locked locked;
        return act();
    }

    // ---- system calls

    template <class Call>
    void start(Thread& thread, const Call& call) {
        load_arguments(thread, abi::to_arguments(call));
        enter(thread, Call::doc.number);
    }
    template <class Call>
    Result<ReplyOf<Call>> result(Thread& thread) {
        const Error error = error_of(thread);
        if (error != Error::None) return fail(error);
        if constexpr (!std::is_void_v<ReplyOf<Call>>) return abi::from_arguments<ReplyOf<Call>>(arguments_of(thread));
        return {};
    }
    template <class Call>
    Result<ReplyOf<Call>> call(Thread& thread, const Call& call) {
        start(thread, call);
        return result<Call>(thread);
    }
    /// The message calls. A result is there once waits() is false.
    template <class Call>
    void start_message(Thread& thread, const abi::MessageRegisters& registers) {
        load_message_registers(thread, registers);
        enter(thread, Call::doc.number);
    }
    Result<Received> received(Thread& thread);
    template <class Call>
    Result<Received> message(Thread& thread, const abi::MessageRegisters& registers) {
        start_message<Call>(thread, registers);
        return received(thread);
    }
    Result<Received> send(Thread& thread, Handle sender, uint64_t word = 0) {
        return message<abi::PortSend>(thread, {.handle_or_id = sender.value, .word = {word}});
    }
    Result<Received> receive(Thread& thread, Handle port) {
        return message<abi::PortReceive>(thread, {.handle_or_id = port.value, .deadline_or_badge = abi::kNow});
    }
    void start_receive(Thread& thread, Handle port, uint64_t deadline_ns = abi::kForever) {
        start_message<abi::PortReceive>(thread, {.handle_or_id = port.value, .deadline_or_badge = deadline_ns});
    }
    void start_call(Thread& thread, Handle sender, uint64_t word = 0, uint64_t deadline_ns = abi::kForever) {
        start_message<abi::PortCall>(thread, {.handle_or_id = sender.value, .word = {word}, .deadline_or_badge = deadline_ns});
    }
    Result<Received> reply(Thread& thread, uint64_t id, uint64_t word = 0) {
        return message<abi::PortReply>(thread, {.handle_or_id = id, .word = {word}});
    }
    /// Any number and whatever registers the thread has.
    void enter(Thread& thread, uint64_t number);
    /// A call of another system, as the syscall instruction and the entry code make it.
    void foreign_call(Thread& thread, uint64_t number, const abi::Arguments& arguments = {});
    /// As the call left them; if an upcall followed at once, those it interrupted.
    const abi::Registers& result_registers(const Thread& thread) const;
    bool waits(const Thread& thread) const { return thread.state() == Thread::State::Blocked; }
    bool runnable(const Thread& thread) const { return thread.state() == Thread::State::Ready || thread.state() == Thread::State::Running; }

    // ---- user memory

    uint64_t map(Thread& thread, uint64_t bytes, abi::MapFlags flags = abi::MapFlags::None | abi::Access::ReadWrite, Handle memory = {});
    /// False: the access faulted and the fault was not resolved.
    bool access(Thread& thread, uint64_t address, void* buffer, uint64_t bytes, abi::Access access);
    template <class T>
    bool write(Thread& thread, uint64_t address, T value) {
        return access(thread, address, &value, sizeof(value), abi::Access::Write);
    }
    template <class T = uint64_t>
    std::optional<T> read(Thread& thread, uint64_t address) {
        T value;
        if (!access(thread, address, &value, sizeof(value), abi::Access::Read)) return std::nullopt;
        return value;
    }
    /// A writable page that every process can have, for structures of system calls.
    uint64_t scratch(Thread& thread);
    template <class T>
    uint64_t put(Thread& thread, const T& value) {
        const uint64_t address = scratch(thread);
        write(thread, address, value);
        return address;
    }
    template <class Info, class Call>
    Result<Info> query(Thread& thread, Call request) {
        request.info = scratch(thread);
        TRY(call(thread, request));
        return *read<Info>(thread, request.info);
    }

    // ---- the world

    void advance(uint64_t by_ns);
    void raise_interrupt(unsigned line);
    void hold_kicks(bool hold) { kicks_held_ = hold; }
    /// Delivers kicks and interrupts that are pending; threads that were killed or suspended from outside leave their CPU.
    void settle();
    void check_tlbs();

    /// For a while every CPU is a thread of the host; `step` does one system call or access for the thread that runs there.
    void run_cpus(std::chrono::milliseconds duration, const std::function<void(Thread&)>& step);
    /// The same with CPUs that are fibers of this host thread, switched where `exploration` leads. Ends when every CPU waits for an
    /// interrupt and none will come. Then `all_done` must hold, else somebody was not woken.
    void explore_cpus(Explorer& explorer, const Exploration& exploration, const std::function<void(Thread&)>& step,
                      const std::function<bool()>& all_done);

    /// What the machine demands of the kernel does not hold: prints and aborts.
    [[noreturn]] void broken(const char* what);

private:
    struct Locked {
        Locked();
        ~Locked();
    };
    struct Settled {
        Machine& machine;
        ~Settled() { machine.settle(); }
    };
    void load_arguments(Thread& thread, const abi::Arguments& arguments);
    abi::Arguments arguments_of(const Thread& thread) const;
    void load_message_registers(Thread& thread, const abi::MessageRegisters& registers);
    Error error_of(Thread& thread);
    void run_cpu(unsigned index, const std::function<void(Thread&)>& step, const std::atomic<bool>& stop);
    void explore_cpu(const std::function<void(Thread&)>& step, const bool& stop);
    bool take_interrupt(Explorer& explorer);
    void wake_idle_cpus();
    void share_out_idlers();
    void kill_all();
    void demand_everything_back();

    alignas(Account) unsigned char root_storage_[sizeof(Account)];
    Account* root_;
    std::vector<Ref<Process>> processes_;
    std::vector<Ref<Thread>> threads_;
    std::vector<Ref<Thread>> idlers_;  ///< one for each CPU
    Ref<Process> idle_process_;
    const Thread* diverted_ = nullptr;  ///< the last call ended in an upcall of this thread
    bool kicks_held_ = false;
};

}  // namespace portico::kernel::hosted
