#pragma once

#include <map>

#include "kernel/arch/hosted/explored_world.h"

/// One-way messages, notifications and interrupts.
namespace portico::kernel::hosted {

/// What went through one sender, as both ends saw it.
struct Flow {
    uint64_t credits = 1;
    uint64_t sent = 0, received = 0;
    std::vector<bool> seen;
    uint64_t raised = 0, heard = 0;  ///< notification bits
    bool gone = false;               ///< the receiver was told that the sender has gone
    static uint64_t checksum(uint64_t badge, uint64_t number) { return (badge << 40 ^ number) * 0x9E37'79B9'7F4A'7C15; }
};
using Flows = std::map<uint64_t, Flow>;  ///< by badge

/// Sends numbered messages as fast as its few credits allow, some with handles, some with notifications between them. Without a credit it
/// tries again later, or waits for one.
class Flooder final : public CheckedProgram {
public:
    Flooder(Handle sender, uint64_t badge, Flow& flow, uint64_t count, unsigned collectors)
        : CheckedProgram("flooder"), sender_(sender), badge_(badge), flow_(flow), count_(count), collectors_(collectors) {}

private:
    enum class Last : uint8_t { Nothing, Send, Make, Drop };

    void act(Thread& thread) override {
        look_at_result(thread);
        if (made_ && (refused_ || flow_.sent == count_)) {
            last_ = Last::Drop;
            return call(thread, abi::HandleClose{std::exchange(made_, {})});
        }
        if (std::exchange(refused_, false)) {
            if (random.one_in(2)) return nap(thread);
            return send<abi::PortSendWait>(thread);
        }
        if (flow_.sent == count_) return leave(thread, sender_);
        switch (random.below(8)) {
        case 0:
            flow_.raised |= uint64_t{1} << (flow_.sent % 60);
            return call(thread, abi::PortNotify{sender_, uint64_t{1} << (flow_.sent % 60)});
        case 1:
            if (made_) break;
            last_ = Last::Make;
            return call(thread, abi::MemoryCreate{kPage});
        default:
            break;
        }
        send<abi::PortSend>(thread);
    }
    template <class Call>
    void send(Thread& thread) {
        last_ = Last::Send;
        const uint64_t number = flow_.sent;
        const unsigned move = made_ && random.one_in(2) ? 1 : 0;
        moves_ = move != 0;
        received_before_ = flow_.received;
        message<Call>(thread, {.handle_or_id = sender_.value,
                               .header = abi::Header::make(0, made_ ? 1 : 0, move),
                               .word = {number, Flow::checksum(badge_, number), 0, 0, made_.value}});
    }
    void look_at_result(Thread& thread) {
        const Error result = error(thread);
        switch (std::exchange(last_, Last::Nothing)) {
        case Last::Nothing:
            return;
        case Last::Make:
            demand(result == Error::None, "no memory object: %lu", static_cast<uint64_t>(result));
            made_ = Handle{thread.frame.registers.rdi};
            return;
        case Last::Drop:
            return demand(result == Error::None, "a handle that was not moved is no more: %lu", static_cast<uint64_t>(result));
        case Last::Send:
            break;
        }
        if (result == Error::None) {
            ++flow_.sent;
            if (moves_) made_ = {};
            // A collector may have taken one that it has not yet looked at.
            demand(flow_.sent <= flow_.received + flow_.credits + collectors_, "sender %lu: %lu sent, %lu received, %lu credits", badge_,
                   flow_.sent, flow_.received, flow_.credits);
            return;
        }
        demand(result == Error::NoCredit, "a message was refused with %lu", static_cast<uint64_t>(result));
        demand(flow_.sent >= received_before_ + flow_.credits, "sender %lu lost a credit: %lu sent, %lu received, %lu credits", badge_,
               flow_.sent, received_before_, flow_.credits);
        refused_ = true;
    }

    Handle sender_;
    uint64_t badge_;
    Flow& flow_;
    uint64_t count_;
    unsigned collectors_;
    Handle made_;
    Last last_ = Last::Nothing;
    uint64_t received_before_ = 0;
    bool refused_ = false, moves_ = false;
};

/// Takes what flooders send. A lone one demands the order in which it was sent.
class Collector final : public CheckedProgram {
public:
    Collector(Handle port, Flows& flows, bool alone) : CheckedProgram("collector"), port_(port), flows_(flows), alone_(alone) {}

private:
    void act(Thread& thread) override {
        if (std::exchange(received_, false)) {
            const Error result = error(thread);
            if (result == Error::PeerClosed || result == Error::BadHandle) return finish(thread);  // the other has closed it
            demand(result == Error::None, "a collector's receive ended with %lu", static_cast<uint64_t>(result));
            take(thread.frame.registers);
        }
        if (carried_) return call(thread, abi::HandleClose{std::exchange(carried_, {})});
        if (all_gone()) return leave(thread, port_);
        if (random.one_in(6)) return nap(thread);
        received_ = true;
        message<abi::PortReceive>(thread, {.handle_or_id = port_.value});
    }
    void take(const abi::Registers& r) {
        const abi::Header header{r.rsi};
        const auto found = flows_.find(r.r13);
        demand(found != flows_.end(), "a message with badge %lx", r.r13);
        Flow& flow = found->second;
        if (header.kind() == abi::MessageKind::Notification) {
            flow.heard |= r.rdx & ~abi::kNotifyKernelBits;
            if ((r.rdx & abi::kNotifySendersGone) == 0) return;
            demand(!flow.gone, "sender %lu has gone twice", r.r13);
            flow.gone = true;
            return;
        }
        demand(header.kind() == abi::MessageKind::Send && r.rdi == 0, "a collector got kind %u", static_cast<unsigned>(header.kind()));
        demand(r.r10 == Flow::checksum(r.r13, r.rdx), "message %lu of sender %lu has checksum %lx", r.rdx, r.r13, r.r10);
        demand(!alone_ || r.rdx == flow.received, "message %lu of sender %lu came as number %lu", r.rdx, r.r13, flow.received);
        if (flow.seen.size() <= r.rdx) flow.seen.resize(r.rdx + 1);
        demand(!flow.seen[r.rdx], "message %lu of sender %lu came twice", r.rdx, r.r13);
        flow.seen[r.rdx] = true;
        ++flow.received;
        if (header.handle_count() == 1) {
            demand(r.r12 != 0, "a message lost its handle");
            carried_ = Handle{r.r12};
        }
    }
    bool all_gone() const {
        return std::all_of(flows_.begin(), flows_.end(), [](const auto& each) { return each.second.gone; });
    }

    Handle port_;
    Flows& flows_;
    bool alone_;
    bool received_ = false;
    Handle carried_;
};

/// Interrupts raised and those that the driver has dealt with.
struct DeviceState {
    unsigned line = 0;
    uint64_t raised = 0, served = 0;
    bool finished = false;  ///< the last one has been raised
};

class Device final : public CheckedProgram {
public:
    Device(DeviceState& state, uint64_t count) : CheckedProgram("device"), state_(state), left_(count) {}

private:
    void act(Thread& thread) override {
        if (left_ == 0) return finish(thread);
        if (random.one_in(2)) {
            state_.finished = --left_ == 0;
            ++state_.raised;
            Hardware::get().lines[state_.line].pending = true;
        }
        nap(thread);
    }
    DeviceState& state_;
    uint64_t left_;
};

class Driver final : public CheckedProgram {
public:
    Driver(Handle port, Handle interrupt, DeviceState& state)
        : CheckedProgram("driver"), port_(port), interrupt_(interrupt), state_(state) {}

private:
    void act(Thread& thread) override {
        if (std::exchange(received_, false)) {
            demand(error(thread) == Error::None, "a driver's receive ended with %lu", thread.frame.registers.rax);
            demand(thread.frame.registers.rdx == 1, "a driver got bits %lx", thread.frame.registers.rdx);
            state_.served = state_.raised;
            to_acknowledge_ = true;
        }
        if (random.one_in(4)) return nap(thread);
        if (std::exchange(to_acknowledge_, false)) return call(thread, abi::InterruptAck{interrupt_});
        if (state_.finished && state_.served == state_.raised) return finish(thread);
        received_ = true;
        message<abi::PortReceive>(thread, {.handle_or_id = port_.value});
    }
    Handle port_, interrupt_;
    DeviceState& state_;
    bool received_ = false, to_acknowledge_ = false;
};

}  // namespace portico::kernel::hosted
