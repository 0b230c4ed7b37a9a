#pragma once

#include "kernel/arch/hosted/explored_world.h"

/// A pager that gives pages, takes them back and keeps what they hold, while clients count on them.
namespace portico::kernel::hosted {

class PagerProgram final : public CheckedProgram {
public:
    static constexpr unsigned kPages = 2, kSlots = 4;  ///< words used in each page
    static constexpr uint64_t kStock = 0x6000'0000, kBack = 0x7000'0000;

    /// Ends when all clients have, or after so many PageIns: then the port closes, and who waits gets a fault.
    PagerProgram(Handle port, Handle memory, std::vector<Thread*> clients, uint64_t pages_max)
        : CheckedProgram("pager"), port_(port), memory_(memory), clients_(std::move(clients)), left_(pages_max) {}

private:
    enum class Phase : uint8_t { Idle, Received, Fill, Supplied, Detached, Save };

    void act(Thread& thread) override {
        switch (phase_) {
        case Phase::Idle:
            return idle(thread);
        case Phase::Received:
            return received(thread);
        case Phase::Fill:
            if (slot_ == kSlots) return supply(thread);
            access(kStock + page_ * kPage + 8 * slot_, Access::Write, [&](uint64_t& word) { word = store_[page_][slot_++]; });
            return;
        case Phase::Supplied:
            demand(error(thread) == Error::None, "a supply ended with %lu", thread.frame.registers.rax);
            return idle(thread);
        case Phase::Detached:
            demand(error(thread) == Error::None, "a detachment ended with %lu", thread.frame.registers.rax);
            dirty_ = thread.frame.registers.rsi << first_;
            page_ = slot_ = 0;
            phase_ = Phase::Save;
            [[fallthrough]];
        case Phase::Save:
            while (page_ < kPages && (dirty_ >> page_ & 1) == 0) ++page_;
            if (page_ == kPages) return idle(thread);
            access(kBack + page_ * kPage + 8 * slot_, Access::Read, [&](uint64_t& word) { store_[page_][slot_++] = word; });
            if (slot_ == kSlots) slot_ = 0, ++page_;
            return;
        }
    }
    void idle(Thread& thread) {
        phase_ = Phase::Idle;
        bool all_gone = true;
        for (const Thread* client : clients_) all_gone = all_gone && client->state() == Thread::State::Dead;
        if (all_gone || left_ == 0) return leave(thread, port_);
        if (random.one_in(6)) return nap(thread);
        if (random.one_in(2)) return detach(thread);
        phase_ = Phase::Received;
        message<abi::PortReceive>(thread, {.handle_or_id = port_.value, .deadline_or_badge = in_ns(random.below(5000))});
    }
    void received(Thread& thread) {
        if (error(thread) == Error::TimedOut) return idle(thread);
        const abi::Registers& r = thread.frame.registers;
        demand(error(thread) == Error::None, "a pager's receive ended with %lu", r.rax);
        const abi::MessageKind kind = abi::Header{r.rsi}.kind();
        if (kind == abi::MessageKind::PageOut) return detach(thread);
        demand(kind == abi::MessageKind::PageIn && r.rdx < kPages * kPage, "a pager got kind %u", static_cast<unsigned>(kind));
        page_ = r.rdx / kPage;
        slot_ = 0;
        --left_;
        phase_ = Phase::Fill;
        act(thread);
    }
    void supply(Thread& thread) {
        phase_ = Phase::Supplied;
        call(thread, abi::MemorySupply{memory_, page_ * kPage, kStock + page_ * kPage, kPage});
    }
    void detach(Thread& thread) {
        phase_ = Phase::Detached;
        first_ = random.below(kPages);
        const uint64_t count = 1 + random.below(kPages - first_);
        call(thread, abi::MemoryDetach{memory_, first_ * kPage, kBack + first_ * kPage, count * kPage, random.one_in(3)});
    }

    Handle port_, memory_;
    std::vector<Thread*> clients_;
    uint64_t left_;
    Phase phase_ = Phase::Idle;
    uint64_t page_ = 0, slot_ = 0, first_ = 0, dirty_ = 0;
    uint64_t store_[kPages][kSlots]{};
};

}  // namespace portico::kernel::hosted
