#pragma once

#include <memory>
#include <vector>

#include "kernel/arch/hosted/machine.h"

/// User programs for machines whose CPUs run by themselves: as threads of the host, or explored.
namespace portico::kernel::hosted {

inline constexpr uint64_t kPage = abi::kPageBytes;

/// A user program: makes a system call or an access each time its thread runs. Reached by the thread's rbp.
/// A step ends with the system call or the access that faults: when that returns here the thread may long run on another CPU.
class Program {
public:
    virtual ~Program() = default;
    virtual void step(Thread& thread) = 0;
    uint64_t steps = 0;

protected:
    template <class Call>
    static void call(Thread& thread, const Call& call) {
        const abi::Arguments a = abi::to_arguments(call);
        abi::Registers& r = thread.frame.registers;
        r.rdi = a[0], r.rsi = a[1], r.rdx = a[2], r.r10 = a[3], r.r8 = a[4], r.r9 = a[5];
        enter<Call>(thread);
    }
    template <class Call>
    static void message(Thread& thread, const abi::MessageRegisters& m) {
        abi::Registers& r = thread.frame.registers;
        r.rdi = m.handle_or_id, r.rsi = m.header.value, r.rdx = m.word[0], r.r10 = m.word[1], r.r8 = m.word[2], r.r9 = m.word[3];
        r.r12 = m.word[4], r.r13 = m.deadline_or_badge, r.r14 = m.r14, r.r15 = m.r15, r.rbx = m.rbx;
        enter<Call>(thread);
    }
    template <class Call>
    static void enter(Thread& thread) {
        thread.frame.registers.rax = abi::kNativeBase + Call::doc.number;
        Hardware::get().enter_kernel(Pause::Enter, Call::doc.number, enter_syscall);
    }
    static Error error(const Thread& thread) { return static_cast<Error>(thread.frame.registers.rax); }
    /// False: it faulted, and is to be tried again.
    template <class Act>
    static bool access(uint64_t address, Access access, Act act) {
        const bool done = Hardware::get().access_page(address, access, [&](uint8_t* at) { act(*reinterpret_cast<uint64_t*>(at)); });
        if (done) return true;
        Hardware::get().enter_kernel(Pause::Fault, address,
                                     [&](Cpu& cpu) { enter_fault(cpu, abi::FaultKind::Page, static_cast<uint32_t>(access), address); });
        return false;
    }
};

/// Takes whatever comes, closes handles that came along, answers calls with the same word.
class Server final : public Program {
public:
    explicit Server(Handle port) : port_(port) {}
    void step(Thread& thread) override {
        const abi::Registers& r = thread.frame.registers;
        const abi::Header header{r.rsi};
        if (std::exchange(received_, false) && error(thread) == Error::None) {
            ++steps;
            if (header.kind() == abi::MessageKind::Call) {
                received_ = true;
                return message<abi::PortReplyReceive>(thread, {.handle_or_id = port_.value, .word = {r.rdx}, .r14 = r.rdi});
            }
            if (header.handle_count() == 1) return call(thread, abi::HandleClose{{r.r12}});
        }
        received_ = true;
        message<abi::PortReceive>(thread, {.handle_or_id = port_.value});
    }

private:
    Handle port_;
    bool received_ = false;
};

/// Calls with a number and demands it back; some calls have a deadline that may pass.
class Caller final : public Program {
public:
    explicit Caller(Handle sender) : sender_(sender) {}
    void step(Thread& thread) override {
        if (std::exchange(called_, true) && error(thread) == Error::None) {
            if (thread.frame.registers.rdx != steps) panic("a reply for %lu answers %lu", thread.frame.registers.rdx, steps);
        }
        ++steps;
        const uint64_t deadline = steps % 4 == 0 ? arch::now_ns() + steps % 50'000 : abi::kForever;
        message<abi::PortCall>(thread, {.handle_or_id = sender_.value, .word = {steps}, .deadline_or_badge = deadline});
    }

private:
    Handle sender_;
    bool called_ = false;
};

/// Makes memory objects and moves them to the server.
class Mover final : public Program {
public:
    explicit Mover(Handle sender) : sender_(sender) {}
    void step(Thread& thread) override {
        const uint64_t made = thread.frame.registers.rdi;
        switch (steps++ % 2) {
        case 0:
            return call(thread, abi::MemoryCreate{kPage});
        default:
            return message<abi::PortSend>(
                thread, {.handle_or_id = sender_.value, .header = abi::Header::make(0, 1, 1), .word = {0, 0, 0, 0, made}});
        }
    }

private:
    Handle sender_;
};

/// Counts up in a word of its own on a page that other threads use and that is cloned all the time.
class Counter final : public Program {
public:
    Counter(uint64_t page, uint64_t slot) : address_(page + 8 * slot) {}
    void step(Thread&) override {
        access(address_, Access::Write, [&](uint64_t& word) {
            if (word != steps) panic("a counter is %lu, not %lu", word, steps);
            word = ++steps;
        });
    }

private:
    uint64_t address_;
};

/// A thread of a clone: its words stand still, whatever the original does. Also writes, to get pages of its own.
class Onlooker final : public Program {
public:
    explicit Onlooker(uint64_t page) : page_(page) {}
    void step(Thread&) override {
        const bool done = access(page_ + 8 * (steps % 2), Access::Read, [&](uint64_t& word) {
            uint64_t& expected = seen_[steps % 2];
            if (steps >= 2 && word != expected) panic("a clone's word changed from %lu to %lu", expected, word);
            expected = word;
        });
        if (done && ++steps % 8 == 0) access(page_ + kPage, Access::Write, [](uint64_t& word) { ++word; });
    }

private:
    uint64_t page_;
    uint64_t seen_[2] = {};
};

/// Clones the counters' process, starts a thread in the clone, alerts it, kills it, and again.
class Cloner final : public Program {
public:
    Cloner(Handle victim, uint64_t page, uint64_t start_at) : victim_(victim), page_(page), start_at_(start_at) {}
    bool between() const { return phase_ == 0; }
    void step(Thread& thread) override {
        const uint64_t result = thread.frame.registers.rdi;
        switch (phase_++) {
        case 0:
            return call(thread, abi::ProcessClone{victim_, {}, 0});
        case 1: {
            if (error(thread) != Error::None) {
                phase_ = 0;
                return;
            }
            clone_ = Handle{result};
            onlookers_.push_back(std::make_unique<Onlooker>(page_));
            start_.argument = reinterpret_cast<uint64_t>(onlookers_.back().get());
            phase_ = 2;
            return;
        }
        case 2:
            phase_ = 2;
            access(start_at_, Access::Write, [&](uint64_t& word) {
                *reinterpret_cast<abi::ThreadStart*>(&word) = start_;
                phase_ = 3;
            });
            return;
        case 3:
            return call(thread, abi::ThreadCreate{clone_, start_at_});
        case 4:
            made_ = error(thread) == Error::None ? Handle{result} : Handle{};
            return call(thread, abi::ThreadSleep{arch::now_ns() + 300'000});
        case 5:
            return made_ ? call(thread, abi::ThreadAlert{made_}) : void();
        case 6:
            return call(thread, abi::ProcessKill{clone_, 0});
        case 7:
            return call(thread, abi::HandleClose{clone_});
        default:
            phase_ = 0;
            ++steps;
            return call(thread, abi::HandleClose{made_});
        }
    }

private:
    Handle victim_;
    uint64_t page_, start_at_;
    int phase_ = 0;
    Handle clone_, made_;
    abi::ThreadStart start_{.instruction = 0x3000'0000};
    std::vector<std::unique_ptr<Onlooker>> onlookers_;  // ended threads may still be on their way out
};

}  // namespace portico::kernel::hosted
