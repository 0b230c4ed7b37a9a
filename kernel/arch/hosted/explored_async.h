#pragma once

#include <set>

#include "kernel/arch/hosted/explored_calls.h"

namespace portico::kernel::hosted {

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
        for (const auto& [id, word] : open_) ledger_.of(word).caller_died = true;
        if (last_ == Last::Call) ledger_.of(next_word_ - 1).caller_died = true;
        if (last_ == Last::Cancel) ledger_.of(cancelled_.word).caller_died = true;
    }

private:
    enum class Last : uint8_t { Nothing, Call, Receive, Cancel };
    struct Cancelled {
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
        message<abi::PortCallAsync>(
            thread, {.handle_or_id = sender_.value, .word = {word, CallLedger::checksum(word)}, .r14 = reply_port_.value});
    }
    void withdraw(Thread& thread) {
        const auto chosen = std::next(open_.begin(), static_cast<ptrdiff_t>(random.below(open_.size())));
        cancelled_ = {chosen->first, chosen->second};
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
            open_[r.rdi] = next_word_ - 1;
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
        const auto found = open_.find(r.rdi);
        demand(found != open_.end(), "a reply to %lx, which is not pending", r.rdi);
        const uint64_t word = found->second;
        open_.erase(found);
        if (header.status() == Error::None)
            demand(r.rdx == CallLedger::checksum(word), "call %lx was answered with %lx", word, r.rdx);
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
    std::map<uint64_t, uint64_t> open_;  ///< id to word
    std::set<uint64_t> ids_;             ///< all there ever were
    Cancelled cancelled_{};
    Last last_ = Last::Nothing;
};

}  // namespace portico::kernel::hosted
