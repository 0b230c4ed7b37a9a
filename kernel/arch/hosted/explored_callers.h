#pragma once

#include <set>

#include "kernel/arch/hosted/explored_ledger.h"

/// Programs that call.
namespace portico::kernel::hosted {

/// What may happen to a caller's calls besides an answer.
struct Fates {
    bool alerted = false;    ///< somebody alerts it
    bool peer_dies = false;  ///< servers are killed
};

/// Makes calls one after the other: with deadlines or without, steady or not; some lend memory, some carry a handle.
class CheckedCaller final : public CheckedProgram {
public:
    /// `page`: memory of its own to lend; `handle`: what to send along.
    CheckedCaller(Handle sender, uint64_t page, Handle handle, CallLedger& ledger, uint64_t number, uint64_t count, Fates fates)
        : CheckedProgram("caller"),
          sender_(sender),
          page_(page),
          handle_(handle),
          ledger_(ledger),
          word_(number << 32),
          left_(count),
          fates_(fates) {}
    /// It was killed: the call it was in has no end that anybody sees.
    void note_death() {
        if (phase_ == Phase::Called) ledger_.of(word_).caller_died = true;
    }

private:
    enum class Phase : uint8_t { Idle, Prepare, Called, Compare, Close };

    void act(Thread& thread) override {
        switch (phase_) {
        case Phase::Idle:
            if (left_ == 0) return leave(thread, sender_);
            if (random.one_in(8)) return nap(thread);
            --left_;
            ++word_;
            lends_ = random.one_in(3);
            phase_ = Phase::Prepare;
            [[fallthrough]];
        case Phase::Prepare:
            if (lends_ && !access(page_, Access::Write, [&](uint64_t& at) { at = word_; })) return;
            return make_call(thread);
        case Phase::Called:
            look_at_result(thread);
            if (phase_ != Phase::Compare) return act(thread);
            [[fallthrough]];
        case Phase::Compare:
            if (!access(page_ + kPage, Access::Read, [&](uint64_t& at) { demand(at == word_, "call %lx got %lx back", word_, at); }))
                return;
            phase_ = came_back_ ? Phase::Close : Phase::Idle;
            return act(thread);
        case Phase::Close:
            phase_ = Phase::Idle;
            return call(thread, abi::HandleClose{std::exchange(came_back_, {})});
        }
    }
    void make_call(Thread& thread) {
        phase_ = Phase::Called;
        deadline_ = random.one_in(2) ? abi::kForever : in_ns(random.below(random.one_in(4) ? 100'000 : 4'000));
        steady_ = random.one_in(4);
        sends_handle_ = random.one_in(4);
        abi::Header header = abi::Header::make(0, sends_handle_ ? 1 : 0);
        if (steady_) header = header.as_steady();
        if (lends_) header = header.with_windows();
        ledger_.of(word_);
        message<abi::PortCall>(thread, {.handle_or_id = sender_.value,
                                        .header = header,
                                        .word = {word_, CallLedger::checksum(word_), 0, 0, sends_handle_ ? handle_.value : 0},
                                        .deadline_or_badge = deadline_,
                                        .r14 = page_,
                                        .r15 = page_ + kPage,
                                        .rbx = 8 | uint64_t{8} << 32});
    }
    void look_at_result(const Thread& thread) {
        const abi::Registers& r = thread.frame.registers;
        const Error result = error(thread);
        ledger_.ended(word_, result);
        phase_ = Phase::Idle;
        switch (result) {
        case Error::None:
            demand(r.rdx == CallLedger::checksum(word_), "call %lx was answered with %lx", word_, r.rdx);
            demand(abi::Header{r.rsi}.kind() == abi::MessageKind::Reply, "the answer to %lx is no reply: %lx", word_, r.rsi);
            demand((r.r12 != 0) == sends_handle_, "call %lx got handle %lx back", word_, r.r12);
            came_back_ = Handle{r.r12};
            phase_ = lends_ ? Phase::Compare : came_back_ ? Phase::Close : Phase::Idle;
            return;
        case Error::TimedOut:
            return demand(deadline_ <= arch::now_ns(), "call %lx timed out before its deadline", word_);
        case Error::Interrupted:
            return demand(fates_.alerted && !steady_, "call %lx was interrupted by nobody", word_);
        case Error::PeerClosed:
            demand(fates_.peer_dies, "call %lx has lost its peer", word_);
            ledger_.of(word_).server_died = true;
            return;
        default:
            panic("call %lx ended with %lu", word_, static_cast<uint64_t>(result));
        }
    }

    Handle sender_;
    uint64_t page_;
    Handle handle_;
    CallLedger& ledger_;
    uint64_t word_;
    uint64_t left_;
    Fates fates_;
    Phase phase_ = Phase::Idle;
    bool lends_ = false, steady_ = false, sends_handle_ = false;
    Handle came_back_;
    uint64_t deadline_ = 0;
};

/// Keeps several asynchronous calls under way and withdraws some, whatever state they are in.
class CheckedAsyncCaller final : public CheckedProgram {
public:
    CheckedAsyncCaller(Handle sender, Handle reply_port, CallLedger& ledger, uint64_t number, uint64_t count, Fates fates)
        : CheckedProgram("asynchronous caller"),
          sender_(sender),
          reply_port_(reply_port),
          ledger_(ledger),
          next_word_(number << 32),
          left_(count),
          fates_(fates) {}
    void note_death() {
        for (const Open& each : open_) ledger_.of(each.word).caller_died = true;
        if (last_ == Last::Call) ledger_.of(next_word_ - 1).caller_died = true;
        if (last_ == Last::Cancel) ledger_.of(cancelled_.word).caller_died = true;
    }

private:
    enum class Last : uint8_t { Nothing, Call, Receive, Cancel };
    struct Open {
        uint64_t id, word;
    };
    static constexpr size_t kOpenMax = 4;

    void act(Thread& thread) override {
        look_at_result(thread);
        if (left_ == 0 && open_.empty()) return leave(thread, sender_);
        if (random.one_in(8)) return nap(thread);
        if (left_ > 0 && open_.size() < kOpenMax && random.one_in(2)) return make_call(thread);
        if (!open_.empty() && random.one_in(4)) return withdraw(thread);
        if (open_.empty()) return call(thread, abi::ThreadYield{});
        last_ = Last::Receive;
        const uint64_t deadline = left_ > 0 && random.one_in(2) ? abi::kNow : abi::kForever;
        message<abi::PortReceive>(thread, {.handle_or_id = reply_port_.value, .deadline_or_badge = deadline});
    }
    void make_call(Thread& thread) {
        --left_;
        last_ = Last::Call;
        const uint64_t word = next_word_++;
        ledger_.of(word);
        message<abi::PortCallAsync>(thread,
                                    {.handle_or_id = sender_.value, .word = {word, CallLedger::checksum(word)}, .r14 = reply_port_.value});
    }
    void withdraw(Thread& thread) {
        const auto chosen = open_.begin() + static_cast<ptrdiff_t>(random.below(open_.size()));
        cancelled_ = *chosen;
        open_.erase(chosen);
        last_ = Last::Cancel;
        call(thread, abi::CallCancel{reply_port_, cancelled_.id});
    }
    void look_at_result(Thread& thread) {
        const abi::Registers& r = thread.frame.registers;
        const Error result = error(thread);
        switch (std::exchange(last_, Last::Nothing)) {
        case Last::Nothing:
            return;
        case Last::Call:
            if (result == Error::PeerClosed) return ended(next_word_ - 1, result);
            demand(result == Error::None, "an asynchronous call was refused with %lu", static_cast<uint64_t>(result));
            demand(ids_.insert(r.rdi).second, "call id %lx was used again", r.rdi);
            open_.push_back({r.rdi, next_word_ - 1});
            return;
        case Last::Cancel:
            demand(result == Error::None, "call %lx, pending, was not cancelled: %lu", cancelled_.word, static_cast<uint64_t>(result));
            ledger_.of(cancelled_.word).withdrawn = true;
            return ledger_.ended(cancelled_.word, Error::Interrupted);
        case Last::Receive:
            if (result == Error::WouldBlock || (result == Error::Interrupted && fates_.alerted)) return;
            demand(result == Error::None, "a receive of replies ended with %lu", static_cast<uint64_t>(result));
            return take_reply(r);
        }
    }
    void take_reply(const abi::Registers& r) {
        const abi::Header header{r.rsi};
        demand(header.kind() == abi::MessageKind::Reply, "a message of kind %u at a reply port", static_cast<unsigned>(header.kind()));
        const auto found = std::find_if(open_.begin(), open_.end(), [&](const Open& each) { return each.id == r.rdi; });
        demand(found != open_.end(), "a reply to %lx, which is not pending", r.rdi);
        const uint64_t word = found->word;
        open_.erase(found);
        if (header.status() == Error::None) demand(r.rdx == CallLedger::checksum(word), "call %lx was answered with %lx", word, r.rdx);
        ended(word, header.status());
    }
    void ended(uint64_t word, Error how) {
        ledger_.ended(word, how);
        if (how == Error::None) return;
        demand(how == Error::PeerClosed && fates_.peer_dies, "call %lx ended with %lu", word, static_cast<uint64_t>(how));
        ledger_.of(word).server_died = true;
    }

    Handle sender_, reply_port_;
    CallLedger& ledger_;
    uint64_t next_word_;
    uint64_t left_;
    Fates fates_;
    std::vector<Open> open_;
    std::set<uint64_t> ids_;  ///< all there ever were
    Open cancelled_{};
    Last last_ = Last::Nothing;
};

}  // namespace portico::kernel::hosted
