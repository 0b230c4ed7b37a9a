#pragma once

#include <map>

#include "kernel/arch/hosted/explored_world.h"

/// A swap server and programs whose pages go there, for runs in which frames are few.
namespace portico::kernel::hosted {

/// Keeps what it gets, and gives it back. Ends when its clients have.
class SwapServerProgram final : public CheckedProgram {
public:
    static constexpr unsigned kSlots = 4;  ///< words used in each page
    static constexpr uint64_t kBuffer = 0x6000'0000, kLanding = 0x7000'0000, kPagesAtOnce = 64;

    SwapServerProgram(Handle port, Handle space, std::vector<Thread*> clients)
        : CheckedProgram("swap server"), port_(port), space_(space), clients_(std::move(clients)) {}

private:
    enum class Phase : uint8_t { Idle, Received, Fill, Supplied, Copied, Save, Written };

    void act(Thread& thread) override {
        switch (phase_) {
        case Phase::Idle:
            return idle(thread);
        case Phase::Received:
            return received(thread);
        case Phase::Fill:
            if (slot_ == kSlots) {
                phase_ = Phase::Supplied;
                return call(thread, abi::MemorySupply{space_, number_ * kPage, kBuffer, kPage});
            }
            access(kBuffer + 8 * slot_, Access::Write, [&](uint64_t& word) { word = store_[number_][slot_++]; });
            return;
        case Phase::Copied:
            demand(error(thread) == Error::None, "a copy ended with %lu", thread.frame.registers.rax);
            dirty_ = thread.frame.registers.rsi;
            page_ = slot_ = 0;
            phase_ = Phase::Save;
            [[fallthrough]];
        case Phase::Save:
            while (page_ < count_ && (dirty_ >> page_ & 1) == 0) ++page_;
            if (page_ == count_) return detach(thread, Phase::Written, abi::DetachMode::Written);
            access(kLanding + page_ * kPage + 8 * slot_, Access::Read, [&](uint64_t& word) { store_[number_ + page_][slot_++] = word; });
            if (slot_ == kSlots) slot_ = 0, ++page_;
            return;
        case Phase::Supplied:
        case Phase::Written:
            demand(error(thread) == Error::None, "a server's call ended with %lu", thread.frame.registers.rax);
            return idle(thread);
        }
    }
    void idle(Thread& thread) {
        phase_ = Phase::Idle;
        bool all_gone = true;
        for (const Thread* client : clients_) all_gone = all_gone && client->state() == Thread::State::Dead;
        if (all_gone) return leave(thread, port_);
        if (random.one_in(8)) return nap(thread);
        phase_ = Phase::Received;
        message<abi::PortReceive>(thread, {.handle_or_id = port_.value, .deadline_or_badge = in_ns(random.below(5000))});
    }
    void received(Thread& thread) {
        if (error(thread) == Error::TimedOut) return idle(thread);
        const abi::Registers& r = thread.frame.registers;
        demand(error(thread) == Error::None, "a server's receive ended with %lu", r.rax);
        number_ = r.rdx / kPage;
        count_ = r.r10 / kPage;
        if (abi::Header{r.rsi}.kind() == abi::MessageKind::PageOut) return detach(thread, Phase::Copied, abi::DetachMode::Copy);
        demand(store_.contains(number_), "page %lu was never written", number_);
        slot_ = 0;
        phase_ = Phase::Fill;
        act(thread);
    }
    void detach(Thread& thread, Phase next, abi::DetachMode mode) {
        phase_ = next;
        call(thread, abi::MemoryDetach{space_, number_ * kPage, kLanding, count_ * kPage, static_cast<uint64_t>(mode)});
    }

    Handle port_, space_;
    std::vector<Thread*> clients_;
    Phase phase_ = Phase::Idle;
    uint64_t number_ = 0, count_ = 0, page_ = 0, slot_ = 0, dirty_ = 0;
    std::map<uint64_t, std::array<uint64_t, kSlots>> store_;
};

/// Counts up in words of its own in many pages.
class PageWalker final : public CheckedProgram {
public:
    PageWalker(uint64_t address, uint64_t pages, uint64_t slot, uint64_t rounds)
        : CheckedProgram("walker"), address_(address), slot_(slot), left_(rounds), counts_(pages) {}

private:
    void act(Thread& thread) override {
        if (left_ == 0) return finish(thread);
        if (random.one_in(20)) return nap(thread);
        if (!pending_) page_ = random.below(counts_.size());
        pending_ = true;
        const bool writes = page_ % 2 == 0 || random.one_in(2);
        access(address_ + page_ * kPage + 8 * slot_, writes ? Access::Write : Access::Read, [&](uint64_t& word) {
            demand(word == counts_[page_], "page %lu, word %lu is %lu, not %lu", page_, slot_, word, counts_[page_]);
            if (writes) word = ++counts_[page_];
            pending_ = false;
            --left_;
        });
    }

    uint64_t address_, slot_, left_, page_ = 0;
    bool pending_ = false;
    std::vector<uint64_t> counts_;
};

}  // namespace portico::kernel::hosted
