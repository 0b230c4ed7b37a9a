#pragma once

#include "kernel/arch/hosted/stress_programs.h"

/// User programs that pass pages while others write to them, for machines whose CPUs are threads of the host.
namespace portico::kernel::hosted {

/// Stamps pages and sends them, moved and copied in turns.
class PageMover final : public Program {
public:
    PageMover(Handle sender, uint64_t source, uint64_t count) : sender_(sender), source_(source), count_(count) {}
    void step(Thread& thread) override {
        if (stamped_ < count_) {
            const bool done = access(source_ + stamped_ * kPage, Access::Write, [&](uint64_t& word) { word = stamp() + stamped_; });
            stamped_ += done;
            return;
        }
        stamped_ = 0;
        ++steps;
        message<abi::PortSend>(thread, {.handle_or_id = sender_.value,
                                        .header = abi::Header::make(0).with_pages(steps % 2 == 0),
                                        .word = {stamp(-1), count_},
                                        .r14 = source_,
                                        .rbx = count_ * kPage});
    }

private:
    uint64_t stamp(int64_t rounds = 0) const { return (steps + 1 + static_cast<uint64_t>(rounds)) * 1000; }
    Handle sender_;
    uint64_t source_, count_, stamped_ = 0;
};

/// Writes to pages that another thread of its process sends away all the time.
class PageScribbler final : public Program {
public:
    PageScribbler(uint64_t source, uint64_t count) : source_(source), count_(count) {}
    void step(Thread&) override {
        steps += access(source_ + steps % count_ * kPage + 8, Access::Write, [&](uint64_t& word) { word = steps; });
    }

private:
    uint64_t source_, count_;
};

/// Receives pages and looks at them twice: they have their stamps, and nobody writes to them any more.
class PageSink final : public Program {
public:
    PageSink(Handle port, uint64_t landing, uint64_t count) : port_(port), landing_(landing), count_(count), seen_(count) {}
    void step(Thread& thread) override {
        const abi::Registers& r = thread.frame.registers;
        if (!std::exchange(received_, true))
            return message<abi::PortReceive>(thread, {.handle_or_id = port_.value, .r15 = landing_, .rbx = count_ * kPage << 32});
        if (looks_ == 0) {
            if (error(thread) != Error::None) panic("pages could not be received: %u", static_cast<unsigned>(error(thread)));
            if (static_cast<uint32_t>(r.rbx) != count_ * kPage) panic("%lu pages came, not %lu", r.rbx / kPage, count_);
            stamp_ = r.rdx;
        }
        look();
    }

private:
    void look() {
        const uint64_t page = looks_ % count_, round = looks_ / count_;
        // The second time it writes too: the page is this process's alone, or becomes so.
        const Access wanted = round == 0 ? Access::Read : Access::ReadWrite;
        const bool done = access(landing_ + page * kPage, wanted, [&](uint64_t& first) {
            uint64_t& second = (&first)[1];
            if (first != stamp_ + page) panic("page %lu has the stamp %lu, not %lu", page, first, stamp_ + page);
            if (round == 1 && second != seen_[page]) panic("page %lu changed after it was delivered", page);
            seen_[page] = second;
            if (round == 1) first = second = 0;
        });
        looks_ += done;
        if (looks_ < 2 * count_) return;
        looks_ = 0;
        received_ = false;
        ++steps;
    }

    Handle port_;
    uint64_t landing_, count_, looks_ = 0, stamp_ = 0;
    std::vector<uint64_t> seen_;
    bool received_ = false;
};

}  // namespace portico::kernel::hosted
