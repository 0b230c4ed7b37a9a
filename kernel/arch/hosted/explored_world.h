#pragma once

#include <cstdarg>

#include "kernel/arch/hosted/machine.h"
#include "kernel/arch/hosted/stress_programs.h"

namespace portico::kernel::hosted {

/// What a program sees must be so; else the run ends with the message, the seed and the last events.
__attribute__((format(printf, 2, 3))) inline void demand(bool condition, const char* format, ...) {
    if (condition) return;
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    format_text(text, sizeof(text), format, arguments);
    va_end(arguments);
    panic("%s", text);
}

/// A program that checks what it sees. It ends its thread when it has done what it was made for; a run in which one does not is a
/// failure. Where its process has an upcall entry it takes alerts and faults there and goes on.
class CheckedProgram : public Program {
public:
    static constexpr uint64_t kUpcallEntry = 0x2000'0000;

    explicit CheckedProgram(const char* its_name) : name(its_name) {}
    const char* const name;
    bool done = false;
    uint64_t upcalls = 0;
    uint64_t upcall_page = 0;  ///< a page of its own, if its process has an upcall entry
    SeededRandom random;       ///< its decisions, whoever runs when

    void step(Thread& thread) final {
        if (thread.frame.registers.rip == kUpcallEntry) return take_upcall(thread);
        ++steps;
        act(thread);
    }

protected:
    virtual void act(Thread& thread) = 0;

    void finish(Thread& thread) {
        done = true;
        call(thread, abi::ThreadExit{});
    }
    /// The same after closing a handle, which others may wait for.
    void leave(Thread& thread, Handle handle) {
        if (std::exchange(leaving_, true)) return finish(thread);
        call(thread, abi::HandleClose{handle});
    }
    static uint64_t in_ns(uint64_t ns) { return arch::now_ns() + ns; }
    /// A while, to let others get on; short or over a turn.
    void nap(Thread& thread) { call(thread, abi::ThreadSleep{in_ns(random.below(random.one_in(8) ? 12'000'000 : 5'000))}); }

private:
    void take_upcall(Thread& thread) {
        if (!std::exchange(asked_, true)) {
            ++upcalls;
            return call(thread, abi::UpcallQuery{upcall_page});
        }
        asked_ = false;
        call(thread, abi::UpcallReturn{upcall_page});  // the saved registers come first in UpcallState
    }
    bool asked_ = false, leaving_ = false;
};

/// A machine with programs, made from a seed and explored once.
class ExploredWorld {
public:
    ExploredWorld(const Exploration& how, unsigned cpus) : random(how.seed), machine(cpus, 2), exploration_(how) {}

    SeededRandom random;
    Machine machine;

    template <class Made, class... Arguments>
    Made& start(Thread& thread, Arguments&&... arguments) {
        auto made = std::make_unique<Made>(std::forward<Arguments>(arguments)...);
        Made& program = *made;
        program.random = random.branch();
        if (thread.process().upcall_entry != 0) program.upcall_page = machine.map(thread, kPage);
        thread.frame.registers.rbp = reinterpret_cast<uint64_t>(&program);
        programs_.push_back({std::move(made), &thread});
        return program;
    }
    /// Alerts and faults of this process become upcalls.
    void take_upcalls(Process& process) { process.upcall_entry = CheckedProgram::kUpcallEntry; }
    /// A handle with all rights, whoever has the object.
    Handle grant(Thread& holder, Object& object) {
        return machine.in_kernel([&] { return *holder.process().handles().add(Capability(object, Rights::All)); });
    }
    /// A sender that only `to` has.
    Handle badge(Thread& server, Handle port, uint64_t badge, uint64_t credits, Thread& to) {
        const Handle made = machine.call(server, abi::PortBadge{port, badge, credits})->sender;
        if (&server.process() == &to.process()) return made;
        const Handle given = machine.give(server, made, to);
        machine.call(server, abi::HandleClose{made});
        return given;
    }
    /// Runs until all is quiet; then all programs must be done, or dead with their process.
    void explore(Explorer& explorer) {
        machine.explore_cpus(
            explorer, exploration_,
            [](Thread& thread) {
                abi::Registers& r = thread.frame.registers;
                if (r.rbp == 0) r.rbp = r.rdi;  // made by a program: its argument
                reinterpret_cast<Program*>(r.rbp)->step(thread);
            },
            [this] { return all_done(); });
    }

private:
    struct Started {
        std::unique_ptr<CheckedProgram> program;
        Thread* thread;
    };

    bool all_done() {
        bool all = true;
        for (const Started& each : programs_) {
            if (each.program->done || each.thread->state() == Thread::State::Dead) continue;
            log("%s, thread %lu: state %u, wait %u, %lu steps", each.program->name, each.thread->id(),
                static_cast<unsigned>(each.thread->state()), static_cast<unsigned>(each.thread->wait()), each.program->steps);
            all = false;
        }
        return all;
    }

    Exploration exploration_;
    std::vector<Started> programs_;
};

}  // namespace portico::kernel::hosted
