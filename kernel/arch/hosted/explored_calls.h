#pragma once

#include <map>
#include <set>
#include <unordered_map>

#include "kernel/arch/hosted/explored_world.h"

/// Programs that call and answer, and a book in which both sides enter what they see.
namespace portico::kernel::hosted {

/// What became of each call. A call is named by its first word; the second is its checksum, and so is the answer.
class CallLedger {
public:
    struct Entry {
        unsigned taken = 0, answered = 0, told = 0;  ///< as the servers saw it; told: it ended without an answer of theirs
        bool ended = false;                          ///< as the caller saw it, and how
        Error how = Error::None;
        bool withdrawn = false;     ///< by its caller, perhaps after the answer was on its way
        bool caller_died = false;   ///< nobody is left to see the end
        bool server_died = false;   ///< perhaps in the middle of an answer
    };
    static uint64_t checksum(uint64_t word) { return (word ^ 0x5DEECE66D) * 0x2545'F491'4F6C'DD1D; }

    Entry& of(uint64_t word) { return entries_[word]; }
    void taken(uint64_t id, uint64_t word, uint64_t sum) {
        demand(sum == checksum(word), "call %lx came with checksum %lx", word, sum);
        demand(++of(word).taken == 1, "call %lx was taken twice", word);
        demand(words_.emplace(id, word).second, "id %lx came twice", id);
    }
    /// A message of kind Cancelled came, perhaps before the thread that took the call has looked at it, or to another process than
    /// that which took it: who receives at a port gets what is in its queue.
    void told(uint64_t id) { demand(told_.insert(id).second, "id %lx was cancelled twice", id); }
    bool was_told(uint64_t id) const { return told_.contains(id); }
    /// A receiver was killed: it may have got such a message without looking at it.
    void forgive_lost_notice() { ++notices_forgiven_; }
    void ended(uint64_t word, Error how) {
        Entry& entry = of(word);
        demand(!entry.ended, "call %lx ended twice", word);
        entry.ended = true;
        entry.how = how;
    }
    /// A server was killed: it may have taken calls that it never looked at. Of these only their end is demanded.
    void forgive_unseen() {
        for (auto& [word, entry] : entries_)
            if (entry.taken == 0) entry.server_died = true;
    }
    /// When all is quiet: both sides must agree on every call.
    void verify() {
        for (const uint64_t id : told_) {
            const auto word = words_.find(id);
            demand(word != words_.end() || notices_forgiven_ > 0, "id %lx was cancelled but never taken", id);
            if (word != words_.end()) ++of(word->second).told;
        }
        for (auto& [word, entry] : entries_) {
            if (entry.taken > entry.told + entry.answered && !entry.server_died && notices_forgiven_ > 0) {
                --notices_forgiven_;
                continue;
            }
            demand(entry.ended || entry.caller_died, "call %lx has not ended", word);
            if (entry.server_died) continue;
            if (!entry.ended || entry.withdrawn) {
                demand(entry.answered + entry.told == entry.taken, "call %lx, withdrawn: taken %u times, answered %u, told %u", word,
                       entry.taken, entry.answered, entry.told);
            } else if (entry.how == Error::None) {
                demand(entry.taken == 1, "call %lx was answered but not taken", word);
                demand(entry.answered == 1, "call %lx ended well and was answered %u times", word, entry.answered);
                demand(entry.told == 0, "call %lx was answered and its server told that it is cancelled", word);
            } else {
                demand(entry.answered == 0, "call %lx failed though it was answered", word);
                demand(entry.told == entry.taken, "call %lx was taken %u times and failed, its server was told %u times", word, entry.taken,
                       entry.told);
            }
        }
    }

private:
    std::unordered_map<uint64_t, Entry> entries_;
    std::unordered_map<uint64_t, uint64_t> words_;  ///< by id
    std::set<uint64_t> told_;
    unsigned notices_forgiven_ = 0;
};

/// What the threads of one server process know together.
struct ServerShare {
    explicit ServerShare(unsigned expected_badges) : badges_left(expected_badges) {}
    struct Held {
        uint64_t id, word;
    };
    std::vector<Held> held;                  ///< taken, to be answered
    std::map<uint64_t, uint64_t> unsettled;  ///< id to word, of those not known to have ended
    std::vector<uint64_t> settled;           ///< ids that must not be accepted any more
    unsigned badges_left;                    ///< callers' badges with senders
    bool closing = false;
    /// If set, the server looks now and then whether all are done: others may take the last SendersGone.
    const std::function<bool()>* clients_done = nullptr;
};

/// Takes calls and answers them in any order, some twice; answers calls that it never took, or others took.
class CheckedServer final : public CheckedProgram {
public:
    CheckedServer(Handle port, ServerShare& share, CallLedger& ledger)
        : CheckedProgram("server"), port_(port), share_(share), ledger_(ledger) {}
    const ServerShare* foreign = nullptr;  ///< another server's calls, to answer them without having taken them

private:
    enum class Last : uint8_t { Nothing, Receive, Reply, ReplyReceive, Forgery };

    void act(Thread& thread) override {
        look_at_result(thread);
        if (share_.closing && share_.held.empty()) {
            if (std::exchange(closed_, true)) return finish(thread);
            return call(thread, abi::HandleClose{port_});  // so that the other threads, which wait there, hear of it
        }
        if (!share_.held.empty() && (share_.closing || random.one_in(3) || share_.held.size() > 3)) return answer(thread);
        if (random.one_in(12)) return forge(thread);
        if (random.one_in(10)) return random.one_in(2) ? nap(thread) : call(thread, abi::ThreadYield{});
        last_ = Last::Receive;
        message<abi::PortReceive>(thread, {.handle_or_id = port_.value, .deadline_or_badge = deadline()});
    }
    uint64_t deadline() {
        clients_were_done_ = share_.clients_done != nullptr && (*share_.clients_done)();
        if (!share_.held.empty()) return random.one_in(2) ? abi::kNow : in_ns(random.below(3000));
        return share_.clients_done != nullptr ? in_ns(200'000) : abi::kForever;
    }
    void answer(Thread& thread) {
        const size_t index = random.below(share_.held.size());
        answered_ = share_.held[index];
        share_.held.erase(share_.held.begin() + static_cast<ptrdiff_t>(index));
        const uint64_t sum = CallLedger::checksum(answered_.word);
        if (random.one_in(2)) {
            last_ = Last::Reply;
            return message<abi::PortReply>(thread, {.handle_or_id = answered_.id, .word = {sum}});
        }
        last_ = Last::ReplyReceive;
        message<abi::PortReplyReceive>(
            thread, {.handle_or_id = port_.value, .word = {sum}, .deadline_or_badge = deadline(), .r14 = answered_.id});
    }
    void forge(Thread& thread) {
        last_ = Last::Forgery;
        message<abi::PortReply>(thread, {.handle_or_id = forged_id(), .word = {~0ull}});
    }
    uint64_t forged_id() {
        if (!share_.settled.empty() && random.one_in(2)) return share_.settled[random.below(share_.settled.size())];
        if (foreign != nullptr && !foreign->unsettled.empty()) return foreign->unsettled.begin()->first;
        return random.one_in(2) ? random() : answered_.id + 1 - 2 * random.below(2);
    }
    void look_at_result(Thread& thread) {
        const Error result = error(thread);
        switch (std::exchange(last_, Last::Nothing)) {
        case Last::Nothing:
            return;
        case Last::Forgery:
            return demand(result == Error::NoSuchCall, "a forged reply was not refused but %lu", static_cast<uint64_t>(result));
        case Last::Reply:
            return replied(result == Error::None, result);
        case Last::ReplyReceive:
            replied(result != Error::NoSuchCall && result != Error::BadHandle, result);
            if (result == Error::NoSuchCall) return;
            break;
        case Last::Receive:
            break;
        }
        if (result == Error::None) return received(thread.frame.registers);
        if (result == Error::PeerClosed || result == Error::BadHandle)
            share_.closing = closed_ = true;
        else
            demand(result == Error::WouldBlock || result == Error::TimedOut || result == Error::Interrupted, "a receive ended with %lu",
                   static_cast<uint64_t>(result));
        if (clients_were_done_) share_.closing = true;  // and nothing was left to receive
    }
    void replied(bool accepted, Error result) {
        if (accepted) {
            demand(++ledger_.of(answered_.word).answered == 1, "call %lx was answered twice", answered_.word);
            share_.unsettled.erase(answered_.id);
        } else if (result == Error::BadHandle) {
            share_.held.push_back(answered_);  // another thread closed the port in between
        } else {
            demand(result == Error::NoSuchCall, "a reply ended with %lu", static_cast<uint64_t>(result));
        }
        if (result != Error::BadHandle) share_.settled.push_back(answered_.id);
    }
    void received(const abi::Registers& r) {
        const abi::Header header{r.rsi};
        switch (header.kind()) {
        case abi::MessageKind::Call:
            ledger_.taken(r.rdi, r.rdx, r.r10);
            if (ledger_.was_told(r.rdi)) return share_.settled.push_back(r.rdi);
            share_.held.push_back({r.rdi, r.rdx});
            share_.unsettled[r.rdi] = r.rdx;
            return;
        case abi::MessageKind::Cancelled:
            ledger_.told(r.rdi);
            if (share_.unsettled.erase(r.rdi) == 0) return;
            share_.settled.push_back(r.rdi);
            std::erase_if(share_.held, [&](const ServerShare::Held& each) { return each.id == r.rdi; });
            return;
        case abi::MessageKind::Notification:
            demand(r.rdx == abi::kNotifySendersGone, "a server got the notification %lx", r.rdx);
            if (--share_.badges_left == 0) share_.closing = true;
            return;
        default:
            panic("a server got a message of kind %u", static_cast<unsigned>(header.kind()));
        }
    }

    Handle port_;
    ServerShare& share_;
    CallLedger& ledger_;
    Last last_ = Last::Nothing;
    bool closed_ = false, clients_were_done_ = false;
    ServerShare::Held answered_{};
};

/// What may happen to a caller's calls besides an answer.
struct Fates {
    bool alerted = false;      ///< somebody alerts it
    bool peer_dies = false;    ///< servers are killed
};

/// Makes calls with deadlines or without, one after the other.
class CheckedCaller final : public CheckedProgram {
public:
    CheckedCaller(Handle sender, CallLedger& ledger, uint64_t number, uint64_t count, Fates fates)
        : CheckedProgram("caller"), sender_(sender), ledger_(ledger), next_word_(number << 32), left_(count), fates_(fates) {}
    /// It was killed: the call it was in has no end that anybody sees.
    void note_death() {
        if (open_) ledger_.of(word()).caller_died = true;
    }

private:
    uint64_t word() const { return next_word_ - 1; }
    void act(Thread& thread) override {
        if (std::exchange(open_, false)) look_at_result(thread);
        if (left_ == 0) return leave(thread, sender_);
        if (random.one_in(8)) return nap(thread);
        --left_;
        open_ = true;
        const uint64_t word = next_word_++;
        deadline_ = random.one_in(2) ? abi::kForever : in_ns(random.below(random.one_in(4) ? 100'000 : 4'000));
        abi::Header header = abi::Header::make(0);
        steady_ = random.one_in(4);
        if (steady_) header = header.as_steady();
        ledger_.of(word);
        message<abi::PortCall>(thread, {.handle_or_id = sender_.value,
                                        .header = header,
                                        .word = {word, CallLedger::checksum(word)},
                                        .deadline_or_badge = deadline_});
    }
    void look_at_result(const Thread& thread) {
        const abi::Registers& r = thread.frame.registers;
        const Error result = error(thread);
        ledger_.ended(word(), result);
        switch (result) {
        case Error::None:
            demand(r.rdx == CallLedger::checksum(word()), "call %lx was answered with %lx", word(), r.rdx);
            demand(abi::Header{r.rsi}.kind() == abi::MessageKind::Reply, "the answer to %lx is no reply: %lx", word(), r.rsi);
            return;
        case Error::TimedOut:
            return demand(deadline_ <= arch::now_ns(), "call %lx timed out before its deadline", word());
        case Error::Interrupted:
            return demand(fates_.alerted && !steady_, "call %lx was interrupted by nobody", word());
        case Error::PeerClosed:
            demand(fates_.peer_dies, "call %lx has lost its peer", word());
            ledger_.of(word()).server_died = true;
            return;
        default:
            panic("call %lx ended with %lu", word(), static_cast<uint64_t>(result));
        }
    }

    Handle sender_;
    CallLedger& ledger_;
    uint64_t next_word_;
    uint64_t left_;
    Fates fates_;
    bool open_ = false, steady_ = false;
    uint64_t deadline_ = 0;
};

}  // namespace portico::kernel::hosted
