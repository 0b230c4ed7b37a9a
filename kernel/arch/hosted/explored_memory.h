#pragma once

#include "kernel/arch/hosted/explored_world.h"

/// Programs that change what memory others can see while those use it.
namespace portico::kernel::hosted {

/// A page that one thread maps, protects and unmaps. The flags say what holds for certain: they are set when the system call that
/// takes access away has returned, and cleared before the one that gives it is made.
struct PageState {
    uint64_t address = 0;
    bool gone = true;
    bool read_only = true;
    bool finished = false;
};

class PageMapper final : public CheckedProgram {
public:
    PageMapper(PageState& page, uint64_t rounds) : CheckedProgram("mapper"), page_(page), left_(rounds) {}

private:
    void act(Thread& thread) override {
        if (std::exchange(changed_, false))
            demand(error(thread) == Error::None, "a change of a mapping ended with %lu", thread.frame.registers.rax);
        if (random.one_in(3)) return nap(thread);
        changed_ = true;
        switch (phase_++) {
        case 0:
            page_.gone = page_.read_only = false;
            return call(thread, abi::SpaceMap{.space = abi::kSelfSpace,
                                              .address = page_.address,
                                              .length = kPage,
                                              .flags = static_cast<uint64_t>(MapFlags::Fixed | Access::ReadWrite)});
        case 1:
            return protect(thread, Access::Read);
        case 2:
            page_.read_only = true;
            return call(thread, abi::ThreadYield{});
        case 3:
            if (random.one_in(2)) return call(thread, abi::Null{});
            page_.read_only = false;
            return protect(thread, Access::ReadWrite);
        case 4:
            return call(thread, abi::SpaceUnmap{abi::kSelfSpace, page_.address, kPage});
        default:
            page_.gone = true;
            phase_ = 0;
            page_.finished = --left_ == 0;
            return page_.finished ? finish(thread) : call(thread, abi::ThreadYield{});
        }
    }
    void protect(Thread& thread, Access access) {
        call(thread, abi::SpaceProtect{abi::kSelfSpace, page_.address, kPage, static_cast<uint64_t>(access)});
    }
    PageState& page_;
    uint64_t left_;
    int phase_ = 0;
    bool changed_ = false;
};

/// Cuts a memory object off and lets it grow again; others have it mapped, in other processes too.
class MemoryResizer final : public CheckedProgram {
public:
    MemoryResizer(Handle memory, PageState& page, uint64_t rounds)
        : CheckedProgram("resizer"), memory_(memory), page_(page), left_(rounds) {}

private:
    void act(Thread& thread) override {
        if (std::exchange(changed_, false))
            demand(error(thread) == Error::None, "a change of size ended with %lu", thread.frame.registers.rax);
        if (random.one_in(3)) return nap(thread);
        if (!page_.gone && !cut_) {
            changed_ = cut_ = true;
            return call(thread, abi::MemoryResize{memory_, 0});
        }
        cut_ = false;
        page_.gone = true;
        page_.finished = left_-- == 0;
        if (page_.finished) return finish(thread);
        if (random.one_in(2)) return call(thread, abi::ThreadYield{});
        page_.gone = page_.read_only = false;
        changed_ = true;
        call(thread, abi::MemoryResize{memory_, kPage});
    }
    Handle memory_;
    PageState& page_;
    uint64_t left_;
    bool changed_ = false, cut_ = false;
};

/// Replaces its process's image while other threads run in the old one: `next` runs in the new.
class Executor final : public CheckedProgram {
public:
    /// `start_at`: where to put the ThreadStart; `fresh_page`: what the new image has.
    Executor(uint64_t start_at, uint64_t fresh_page, Program& next)
        : CheckedProgram("executor"), start_at_(start_at), fresh_page_(fresh_page), next_(next) {}

private:
    void act(Thread& thread) override {
        if (phase_ == 0 && random.one_in(2)) return nap(thread);
        switch (phase_) {
        case 0:
            phase_ = 1;
            return call(thread, abi::SpaceCreate{});
        case 1:
            phase_ = 2;
            space_ = Handle{thread.frame.registers.rdi};
            return call(thread, abi::SpaceMap{.space = space_,
                                              .address = fresh_page_,
                                              .length = kPage,
                                              .flags = static_cast<uint64_t>(MapFlags::Fixed | Access::ReadWrite)});
        case 2: {
            const abi::ThreadStart start{.instruction = 0x3000'0000, .argument = reinterpret_cast<uint64_t>(&next_)};
            access(start_at_, Access::Write, [&](uint64_t& word) {
                *reinterpret_cast<abi::ThreadStart*>(&word) = start;
                phase_ = 3;
            });
            return;
        }
        case 3:
            phase_ = 4;
            thread.frame.registers.rbp = 0;  // as for a new thread: its program is its argument
            done = true;
            return call(thread, abi::ProcessExec{space_, start_at_});
        default:
            panic("an exec returned with %lu", thread.frame.registers.rax);
        }
    }
    uint64_t start_at_, fresh_page_;
    Program& next_;
    int phase_ = 0;
    Handle space_;
};

/// Reads and writes the page for as long as its mapper goes on. Faults are upcalls, after which it tries again.
class PageToucher final : public CheckedProgram {
public:
    explicit PageToucher(PageState& page) : CheckedProgram("toucher"), page_(page) {}

private:
    void act(Thread& thread) override {
        if (page_.finished) return finish(thread);
        if (random.one_in(6)) return nap(thread);
        const bool writes = random.one_in(2);
        access(page_.address, writes ? Access::Write : Access::Read, [&](uint64_t& word) {
            demand(!page_.gone, "the page is used after it was unmapped");
            demand(!writes || !page_.read_only, "the page is written after it was made read-only");
            if (writes) word = random();
        });
    }
    PageState& page_;
};

/// Counts up in a word of its own, on a page that others count on too and that is cloned now and then.
class WordCounter final : public CheckedProgram {
public:
    WordCounter(uint64_t page, uint64_t slot, uint64_t count) : CheckedProgram("counter"), address_(page + 8 * slot), count_(count) {}

private:
    void act(Thread& thread) override {
        if (value_ == count_) return finish(thread);
        access(address_, Access::Write, [&](uint64_t& word) {
            demand(word == value_, "a counter is %lu, not %lu", word, value_);
            word = ++value_;
        });
    }
    uint64_t address_;
    uint64_t count_;
    uint64_t value_ = 0;
};

/// A thread of a clone: its words stand still, whatever the original does. It writes, too, to get a page of its own.
class CloneWatcher final : public CheckedProgram {
public:
    CloneWatcher(uint64_t page, uint64_t count) : CheckedProgram("watcher of a clone"), page_(page), left_(count) {}

private:
    void act(Thread& thread) override {
        if (left_ == 0) return finish(thread);
        if (random.one_in(4)) {
            access(page_ + kPage, Access::Write, [](uint64_t& word) { ++word; });
            return;
        }
        const size_t slot = random.below(2);
        access(page_ + 8 * slot, Access::Read, [&](uint64_t& word) {
            demand(!known_[slot] || seen_[slot] == word, "a clone's word changed from %lu to %lu", seen_[slot], word);
            known_[slot] = true;
            seen_[slot] = word;
            --left_;
        });
    }
    uint64_t page_;
    uint64_t left_;
    bool known_[2] = {};
    uint64_t seen_[2] = {};
};

/// Clones a process, starts a watcher in the clone, and ends the clone or lets it end.
class ProcessCloner final : public CheckedProgram {
public:
    ProcessCloner(Handle victim, uint64_t watched_page, uint64_t start_at, uint64_t count)
        : CheckedProgram("cloner"), victim_(victim), page_(watched_page), start_at_(start_at), left_(count) {}

private:
    void act(Thread& thread) override {
        const uint64_t result = thread.frame.registers.rdi;
        switch (phase_++) {
        case 0:
            if (left_-- == 0) return finish(thread);
            return call(thread, abi::ProcessClone{victim_, {}, 0});
        case 1:
            if (error(thread) == Error::WrongState) {  // it has ended
                left_ = phase_ = 0;
                return call(thread, abi::ThreadYield{});
            }
            demand(error(thread) == Error::None, "a process was not cloned: %lu", thread.frame.registers.rax);
            clone_ = Handle{result};
            watchers_.push_back(std::make_unique<CloneWatcher>(page_, 4));
            watchers_.back()->random = random.branch();
            start_.argument = reinterpret_cast<uint64_t>(watchers_.back().get());
            [[fallthrough]];
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
            demand(error(thread) == Error::None, "no thread in a clone: %lu", thread.frame.registers.rax);
            made_ = Handle{result};
            return nap(thread);
        case 5:
            return random.one_in(2) ? nap(thread) : call(thread, abi::ProcessKill{clone_, 0});
        case 6:
            return call(thread, abi::HandleClose{clone_});
        default:
            phase_ = 0;
            return call(thread, abi::HandleClose{made_});
        }
    }

    Handle victim_;
    uint64_t page_, start_at_, left_;
    int phase_ = 0;
    Handle clone_, made_;
    abi::ThreadStart start_{.instruction = 0x3000'0000};
    std::vector<std::unique_ptr<CloneWatcher>> watchers_;
};

/// Touches pages that are not there: its supervisor maps each, and it goes on.
class Faulter final : public CheckedProgram {
public:
    Faulter(uint64_t base, uint64_t count) : CheckedProgram("faulter"), address_(base), end_(base + count * kPage) {}

private:
    void act(Thread& thread) override {
        if (address_ == end_) return finish(thread);
        access(address_, Access::Write, [&](uint64_t& word) {
            demand(word == 0, "a fresh page holds %lx", word);
            word = address_;
            address_ += kPage;
        });
    }
    uint64_t address_, end_;
};

/// Maps what its processes miss; ends when each of them has.
class FaultSupervisor final : public CheckedProgram {
public:
    /// `spaces` by badge. `killed`: the processes may be, in the middle of a fault.
    FaultSupervisor(Handle port, std::vector<Handle> spaces, bool killed)
        : CheckedProgram("supervisor"), port_(port), spaces_(std::move(spaces)), ended_(spaces_.size()), killed_(killed) {}

private:
    enum class Last : uint8_t { Nothing, Receive, Map, Reply };

    void act(Thread& thread) override {
        const abi::Registers& r = thread.frame.registers;
        const Last last = std::exchange(last_, Last::Nothing);
        const bool too_late = killed_ && last == Last::Reply && error(thread) == Error::NoSuchCall;
        demand(last == Last::Nothing || too_late || error(thread) == Error::None, "a supervisor's call ended with %lu", r.rax);
        if (last == Last::Receive && abi::Header{r.rsi}.kind() == abi::MessageKind::Fault) return map(thread);
        if (last == Last::Receive) note_end(r);
        if (last == Last::Map) {
            last_ = Last::Reply;
            return message<abi::PortReply>(thread, {.handle_or_id = id_});
        }
        if (std::find(ended_.begin(), ended_.end(), false) == ended_.end()) return finish(thread);
        if (random.one_in(4)) return nap(thread);
        last_ = Last::Receive;
        message<abi::PortReceive>(thread, {.handle_or_id = port_.value});
    }
    void map(Thread& thread) {
        const abi::Registers& r = thread.frame.registers;
        id_ = r.rdi;
        last_ = Last::Map;
        call(thread, abi::SpaceMap{.space = spaces_.at(r.r13),
                                   .address = r.r10 & ~(kPage - 1),  // FaultWords: the address
                                   .length = kPage,
                                   .flags = static_cast<uint64_t>(MapFlags::Fixed | MapFlags::NoReplace | Access::ReadWrite)});
    }
    void note_end(const abi::Registers& r) {
        if (killed_ && abi::Header{r.rsi}.kind() == abi::MessageKind::Cancelled) return;
        if (r.rdx == abi::kNotifySendersGone) return;
        demand((r.rdx & abi::kNotifyProcessExited) != 0, "a supervisor got bits %lx", r.rdx);
        demand(!ended_[r.r13], "process %lu ended twice", r.r13);
        ended_[r.r13] = true;
    }

    Handle port_;
    std::vector<Handle> spaces_;
    std::vector<bool> ended_;
    bool killed_;
    Last last_ = Last::Nothing;
    uint64_t id_ = 0;
};

/// One of several threads that count a word up in turns and wait for their turn on a futex.
class TurnTaker final : public CheckedProgram {
public:
    TurnTaker(uint64_t address, unsigned place, unsigned places, uint64_t rounds, bool shared)
        : CheckedProgram("turn taker"), address_(address), place_(place), places_(places), rounds_(rounds), shared_(shared) {}

private:
    void act(Thread& thread) override {
        if (std::exchange(waited_, false))
            demand(error(thread) == Error::None || error(thread) == Error::WouldBlock || error(thread) == Error::TimedOut,
                   "a futex wait ended with %lu", thread.frame.registers.rax);
        if (std::exchange(passed_on_, false)) return call(thread, abi::FutexWake{address_, ~0u, shared_, ~0u});
        if (rounds_ == 0) return finish(thread);
        uint64_t value = 0;
        if (!access(address_, Access::Write, [&](uint64_t& word) {
                value = word;
                if (word % places_ != place_) return;
                ++word;
                --rounds_;
                passed_on_ = true;
            }))
            return;
        if (passed_on_) return;
        waited_ = true;
        call(thread, abi::FutexWait{address_, static_cast<uint32_t>(value), random.one_in(4) ? in_ns(random.below(2000)) : abi::kForever,
                                    shared_, ~0u});
    }
    uint64_t address_;
    unsigned place_, places_;
    uint64_t rounds_;
    uint64_t shared_;
    bool waited_ = false, passed_on_ = false;
};

}  // namespace portico::kernel::hosted
