#pragma once

#include "kernel/arch/hosted/explored_world.h"

/// Programs that alert, kill and suspend others, and one that waits to be alerted.
namespace portico::kernel::hosted {

/// Waits in every way there is, without a deadline: only alerts, and all of them, bring it on.
class Sleeper final : public CheckedProgram {
public:
    /// `sender` leads to a port where nobody answers.
    Sleeper(Handle port, Handle sender, uint64_t alerts_wanted)
        : CheckedProgram("sleeper"), port_(port), sender_(sender), alerts_wanted_(alerts_wanted) {}

private:
    void act(Thread& thread) override {
        if (std::exchange(waited_, false)) {
            demand(error(thread) == Error::Interrupted, "a sleeper's wait ended with %lu", thread.frame.registers.rax);
            ++interrupted_;
            demand(interrupted_ <= upcalls, "a sleeper was interrupted %lu times and got %lu upcalls", interrupted_, upcalls);
        }
        if (upcalls >= alerts_wanted_) return finish(thread);
        if (random.one_in(4)) return call(thread, abi::ThreadYield{});
        waited_ = true;
        switch (random.below(4)) {
        case 0:
            return call(thread, abi::ThreadSleep{abi::kForever});
        case 1:
            return message<abi::PortReceive>(thread, {.handle_or_id = port_.value});
        case 2:
            return message<abi::PortCall>(thread, {.handle_or_id = sender_.value});
        default:
            return call(thread, abi::FutexWait{upcall_page + kPage - 4, 0, abi::kForever, random.below(2), ~0u});
        }
    }
    Handle port_, sender_;
    uint64_t alerts_wanted_;
    uint64_t interrupted_ = 0;
    bool waited_ = false;
};

/// Computes: uses memory and never enters the kernel by itself, until it has got so many alerts or its owner lets it go.
class Spinner final : public CheckedProgram {
public:
    Spinner(uint64_t page, uint64_t alerts_wanted) : CheckedProgram("spinner"), page_(page), alerts_wanted_(alerts_wanted) {}
    bool let_go = false;

private:
    void act(Thread& thread) override {
        if (let_go || upcalls >= alerts_wanted_) return finish(thread);
        access(page_, Access::Write, [](uint64_t& word) { ++word; });
    }
    uint64_t page_, alerts_wanted_;
};

/// Alerts threads. With a sleeper it alerts again only when the last one has arrived, and goes on until the sleeper is done.
class Alerter final : public CheckedProgram {
public:
    Alerter(std::vector<Handle> threads, uint64_t count) : CheckedProgram("alerter"), threads_(std::move(threads)), left_(count) {}
    const CheckedProgram* sleeper = nullptr;

private:
    void act(Thread& thread) override {
        if (std::exchange(alerted_, false)) {
            const Error result = error(thread);
            demand(result == Error::None || result == Error::WrongState, "an alert ended with %lu", static_cast<uint64_t>(result));
        }
        if (sleeper != nullptr ? sleeper->done : left_ == 0) return finish(thread);
        if (sleeper != nullptr && sleeper->upcalls < upcalls_wanted_) return nap(thread);
        if (random.one_in(2)) return nap(thread);
        if (left_ > 0) --left_;
        if (sleeper != nullptr) upcalls_wanted_ = sleeper->upcalls + 1;
        alerted_ = true;
        call(thread, abi::ThreadAlert{threads_[random.below(threads_.size())]});
    }
    std::vector<Handle> threads_;
    uint64_t left_;
    uint64_t upcalls_wanted_ = 0;
    bool alerted_ = false;
};

/// Kills a process at some time.
class Killer final : public CheckedProgram {
public:
    Killer(Handle process, uint64_t naps) : CheckedProgram("killer"), process_(process), naps_(naps) {}
    bool killed = false;

private:
    void act(Thread& thread) override {
        if (killed) return finish(thread);
        if (naps_ > 0 && naps_-- > 0) return nap(thread);
        killed = true;
        call(thread, abi::ProcessKill{process_, 9});
    }
    Handle process_;
    uint64_t naps_;
};

/// Stops a process and lets it go on, over and over; in the end it goes on.
class Suspender final : public CheckedProgram {
public:
    Suspender(Handle process, uint64_t count) : CheckedProgram("suspender"), process_(process), left_(2 * count) {}

private:
    void act(Thread& thread) override {
        if (left_ == 0) return finish(thread);
        if (random.one_in(2)) return nap(thread);
        if (--left_ % 2 == 1) return call(thread, abi::ProcessSuspend{process_});
        call(thread, abi::ProcessResume{process_});
    }
    Handle process_;
    uint64_t left_;
};

/// Suspends a spinner's process and demands that it stops; resumes it and demands that it goes on; lets it go in the end.
class Stopper final : public CheckedProgram {
public:
    Stopper(Handle process, Spinner& spinner, uint64_t rounds)
        : CheckedProgram("stopper"), process_(process), spinner_(spinner), rounds_(rounds) {}

private:
    static constexpr unsigned kNapsMax = 200;

    void act(Thread& thread) override {
        if (rounds_ == 0) {
            spinner_.let_go = true;
            return finish(thread);
        }
        if (!suspended_) {
            if (spinner_.steps == steps_before_) return wait(thread, "a process does not go on");
            suspended_ = true;
            naps_ = 0;
            return call(thread, abi::ProcessSuspend{process_});
        }
        if (spinner_.steps != steps_before_) {
            steps_before_ = spinner_.steps;
            return wait(thread, "a suspended process goes on");
        }
        suspended_ = false;
        naps_ = 0;
        --rounds_;
        call(thread, abi::ProcessResume{process_});
    }
    void wait(Thread& thread, const char* what) {
        demand(++naps_ < kNapsMax, "%s", what);
        nap(thread);
    }
    Handle process_;
    Spinner& spinner_;
    uint64_t rounds_;
    uint64_t steps_before_ = ~0ull;
    unsigned naps_ = 0;
    bool suspended_ = false;
};

}  // namespace portico::kernel::hosted
