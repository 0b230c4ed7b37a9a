#pragma once

#include "kernel/arch/hosted/explored_ledger.h"

namespace portico::kernel::hosted {

/// What the threads of one server process know together.
struct ServerShare {
    struct Held {
        uint64_t id, word;
        Handle carried;  ///< came with the call and goes back with the answer
    };
    // In the order in which they came: nothing may depend on the values of ids, which differ from run to run.
    std::vector<Held> held;         ///< taken, to be answered
    std::vector<Held> unsettled;    ///< not known to have ended
    std::vector<uint64_t> settled;  ///< ids that must not be accepted any more
    unsigned badges_left = 0;       ///< senders that have not gone
    bool closing = false;
    /// If set, the server looks now and then whether all are done: others may get the last SendersGone.
    const std::function<bool()>* clients_done = nullptr;

    bool took(uint64_t id) const {
        return std::any_of(unsettled.begin(), unsettled.end(), [&](const Held& each) { return each.id == id; });
    }
    bool settle(uint64_t id) {
        settled.push_back(id);
        return std::erase_if(unsettled, [&](const Held& each) { return each.id == id; }) > 0;
    }
};

/// Takes calls, copies from and to their windows, and answers them in any order, some twice; answers calls that it never took, or
/// others took.
class CheckedServer final : public CheckedProgram {
public:
    /// `page`: memory of its own for windows.
    CheckedServer(Handle port, uint64_t page, ServerShare& share, CallLedger& ledger)
        : CheckedProgram("server"), port_(port), page_(page), share_(share), ledger_(ledger) {}
    const ServerShare* foreign = nullptr;  ///< another server's calls, to answer them without having taken them

private:
    using Held = ServerShare::Held;
    enum class Last : uint8_t { Nothing, Receive, Reply, ReplyReceive, Forgery, Close, CloseDropped, WindowRead, WindowWrite };

    void act(Thread& thread) override {
        look_at_result(thread);
        if (lent_.id != 0) return use_windows(thread);
        if (!orphans_.empty() || !dropped_.empty()) return close_orphan(thread);
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

    // ---- what it does

    void answer(Thread& thread) {
        const size_t index = random.below(share_.held.size());
        answered_ = share_.held[index];
        share_.held.erase(share_.held.begin() + static_cast<ptrdiff_t>(index));
        const abi::Header header = abi::Header::make(0, answered_.carried ? 1 : 0, 1);
        const uint64_t sum = CallLedger::checksum(answered_.word);
        if (random.one_in(2)) {
            last_ = Last::Reply;
            return message<abi::PortReply>(
                thread, {.handle_or_id = answered_.id, .header = header, .word = {sum, 0, 0, 0, answered_.carried.value}});
        }
        last_ = Last::ReplyReceive;
        message<abi::PortReplyReceive>(thread, {.handle_or_id = port_.value,
                                                .header = header,
                                                .word = {sum, 0, 0, 0, answered_.carried.value},
                                                .deadline_or_badge = deadline(),
                                                .r14 = answered_.id});
    }
    void forge(Thread& thread) {
        last_ = Last::Forgery;
        message<abi::PortReply>(thread, {.handle_or_id = forged_id(), .word = {~0ull}});
    }
    uint64_t forged_id() {
        if (!share_.settled.empty() && random.one_in(2)) return share_.settled[random.below(share_.settled.size())];
        if (foreign != nullptr && !foreign->unsettled.empty()) return foreign->unsettled[0].id;
        return random.one_in(2) ? random() : answered_.id + 1 - 2 * random.below(2);
    }
    void close_orphan(Thread& thread) {
        last_ = Last::Close;
        if (orphans_.empty()) last_ = Last::CloseDropped;
        std::vector<Handle>& handles = orphans_.empty() ? dropped_ : orphans_;
        const Handle handle = handles.back();
        handles.pop_back();
        call(thread, abi::HandleClose{handle});
    }
    /// Reads the word that the caller has put there and writes it back.
    void use_windows(Thread& thread) {
        if (!window_was_read_) {
            last_ = Last::WindowRead;
            return call(thread, abi::WindowRead{lent_.id, 0, page_, 8});
        }
        uint64_t word = 0;
        if (!access(page_, Access::Read, [&](uint64_t& at) { word = at; })) return;
        demand(word == lent_.word, "call %lx lent %lx", lent_.word, word);
        last_ = Last::WindowWrite;
        call(thread, abi::WindowWrite{lent_.id, 0, page_, 8});
    }

    // ---- what it sees

    void look_at_result(Thread& thread) {
        const Error result = error(thread);
        switch (std::exchange(last_, Last::Nothing)) {
        case Last::Nothing:
            return;
        case Last::Forgery:
            return demand(result == Error::NoSuchCall, "a forged reply was not refused but %lu", static_cast<uint64_t>(result));
        case Last::Close:
            return demand(result == Error::None, "a handle that came with a call is no more");
        case Last::CloseDropped:
            return demand(result == Error::BadHandle, "a refused reply did not drop the handle that it moved");
        case Last::WindowRead:
            demand(result == Error::None || result == Error::NoSuchCall, "a window was not read: %lu", static_cast<uint64_t>(result));
            window_was_read_ = result == Error::None;
            if (!window_was_read_) lent_ = {};
            return;
        case Last::WindowWrite:
            demand(result == Error::None || result == Error::NoSuchCall, "a window was not written: %lu", static_cast<uint64_t>(result));
            if (result == Error::None && !ledger_.was_told(lent_.id))
                share_.held.push_back(lent_);
            else if (lent_.carried)
                orphans_.push_back(lent_.carried);
            lent_ = {};
            return;
        case Last::Reply:
            return replied(result);
        case Last::ReplyReceive:
            replied(result);
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
    void replied(Error result) {
        if (result == Error::BadHandle) return share_.held.push_back(answered_);  // another thread closed the port in between
        if (result == Error::NoSuchCall) {
            share_.settled.push_back(answered_.id);  // the notice will come
            if (answered_.carried) dropped_.push_back(answered_.carried);
            return;
        }
        demand(++ledger_.of(answered_.word).answered == 1, "call %lx was answered twice", answered_.word);
        share_.settle(answered_.id);
    }
    void received(const abi::Registers& r) {
        const abi::Header header{r.rsi};
        switch (header.kind()) {
        case abi::MessageKind::Call:
            return taken(r);
        case abi::MessageKind::Cancelled:
            return cancelled(r.rdi);
        case abi::MessageKind::Notification:
            demand(r.rdx == abi::kNotifySendersGone, "a server got the notification %lx", r.rdx);
            if (--share_.badges_left == 0) share_.closing = true;
            return;
        default:
            panic("a server got a message of kind %u", static_cast<unsigned>(header.kind()));
        }
    }
    void taken(const abi::Registers& r) {
        ledger_.taken(r.rdi, r.rdx, r.r10);
        const Held call{r.rdi, r.rdx, Handle{r.r12}};
        if (ledger_.was_told(call.id)) {
            if (call.carried) orphans_.push_back(call.carried);
            return share_.settled.push_back(call.id);
        }
        share_.unsettled.push_back(call);
        if (r.rbx == 0) return share_.held.push_back(call);
        demand(r.rbx == (8 | uint64_t{8} << 32), "call %lx lends %lx", call.word, r.rbx);
        lent_ = call;
        window_was_read_ = false;
    }
    void cancelled(uint64_t id) {
        ledger_.told(id);
        demand(foreign == nullptr || !foreign->took(id), "id %lx, which another process took, was cancelled here", id);
        if (!share_.settle(id)) return;
        for (const Held& each : share_.held)
            if (each.id == id && each.carried) orphans_.push_back(each.carried);
        std::erase_if(share_.held, [&](const Held& each) { return each.id == id; });
    }

    Handle port_;
    uint64_t page_;
    ServerShare& share_;
    CallLedger& ledger_;
    Last last_ = Last::Nothing;
    bool closed_ = false, clients_were_done_ = false;
    Held answered_{};
    Held lent_{};  ///< the call whose windows it uses
    bool window_was_read_ = false;
    std::vector<Handle> orphans_;  ///< came with calls that have ended
    std::vector<Handle> dropped_;  ///< moved by replies that were refused
};

}  // namespace portico::kernel::hosted
