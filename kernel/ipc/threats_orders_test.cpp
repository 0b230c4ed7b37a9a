#include <algorithm>

#include "kernel/arch/hosted/port_fixture.h"

/// Threat A8: a port that is closed, moved or left by its dying server while calls are pending, in every order of small scripts.
namespace portico::kernel::hosted {
namespace {

enum class Step { Call, Ask, Send, Receive, Reply, Move, HeirServes, Close, KillServer, Alert, Cancel, KillCaller };

/// One small system. Steps whose actor cannot act any more are left out.
class World {
public:
    void run(Step step) {
        switch (step) {
        case Step::Call:
            if (!able(caller_)) return;
            called_ = true;
            return machine_.start_call(caller_, from_caller_, 1);
        case Step::Ask:
            if (!able(asker_)) return;
            return ask();
        case Step::Send:
            if (able(asker_)) send_handle();
            return;
        case Step::Receive:
            if (able(server_) && port_) take(server_, port_);
            return;
        case Step::Reply:
            if (able(server_) && !held_.empty()) answer(server_, held_.back());
            return;
        case Step::Move:
            if (able(server_) && port_) move_port();
            return;
        case Step::HeirServes:
            return heir_serves();
        case Step::Close:
            if (able(server_) && port_) machine_.call(server_, abi::HandleClose{std::exchange(port_, {})});
            return;
        case Step::KillServer:
            return kill(server_);
        case Step::Alert:
            return machine_.in_kernel([&] { caller_.alert(); });
        case Step::Cancel:
            if (able(asker_) && asked_ != 0) cancelled_ = machine_.call(asker_, abi::CallCancel{reply_port_, asked_}).has_value();
            return;
        case Step::KillCaller:
            return kill(caller_);
        }
    }
    /// Ends all who could still answer, and demands one result for each call.
    void check_the_end() {
        kill(server_);
        kill(heir_);
        const bool alive = caller_.state() != Thread::State::Dead;
        if (called_ && alive) {
            ASSERT_FALSE(machine_.waits(caller_)) << "a call without an end";
            const auto result = machine_.received(caller_);
            ASSERT_EQ(result.has_value(), caller_accepted_);
            if (!result)
                ASSERT_TRUE(result.error() == Error::PeerClosed || result.error() == Error::Interrupted) << name_of(result.error());
        }
        if (asked_ == 0) return;
        const auto answer = machine_.receive(asker_, reply_port_);
        ASSERT_EQ(answer.has_value(), !cancelled_) << "one result, or none if it was cancelled";
        if (!answer) return;
        ASSERT_EQ(answer->id, asked_);
        ASSERT_EQ(answer->status(), asker_accepted_ ? Error::None : Error::PeerClosed);
        ASSERT_EQ(refusal(machine_.receive(asker_, reply_port_)), Error::WouldBlock) << "a second result";
    }

private:
    struct Held {
        uint64_t id;
        bool of_asker;
    };
    bool able(Thread& thread) { return machine_.runnable(thread); }
    void kill(Thread& thread) {
        machine_.in_kernel([&] { thread.process().kill(1); });
        if (&thread == &server_) port_ = {};
    }
    Handle make_sender(Thread& owner, Handle to, uint64_t badge, Thread& holder) {
        return machine_.give(owner, machine_.call(owner, abi::PortBadge{to, badge, 8})->sender, holder);
    }
    void ask() {
        const auto made =
            machine_.message<abi::PortCallAsync>(asker_, {.handle_or_id = from_asker_.value, .word = {2}, .r14 = reply_port_.value});
        if (made) asked_ = made->id;
    }
    void send_handle() {
        const Handle memory = machine_.call(asker_, abi::MemoryCreate{4096})->memory;
        (void)machine_.message<abi::PortSend>(
            asker_, {.handle_or_id = from_asker_.value, .header = abi::Header::make(0, 1, 1), .word = {3, 0, 0, 0, memory.value}});
    }
    void take(Thread& thread, Handle from) {
        const auto taken = machine_.receive(thread, from);
        if (taken && taken->header.kind() == MessageKind::Call) held_.push_back({taken->id, taken->word[0] == 2});
    }
    /// The reply is accepted exactly if its caller still waits.
    void answer(Thread& thread, Held held) {
        const bool waits = held.of_asker ? !cancelled_ && !asker_accepted_ : machine_.waits(caller_) && !caller_accepted_;
        const bool accepted = machine_.reply(thread, held.id, 9).has_value();
        EXPECT_EQ(accepted, waits);
        if (accepted) (held.of_asker ? asker_accepted_ : caller_accepted_) = true;
    }
    void move_port() {
        const auto moved = machine_.message<abi::PortSend>(
            server_, {.handle_or_id = to_heir_.value, .header = abi::Header::make(0, 1, 1), .word = {4, 0, 0, 0, port_.value}});
        if (moved) port_ = {};
    }
    /// The heir looks whether it was given the port, and then serves all that waits there.
    void heir_serves() {
        if (!able(heir_)) return;
        const auto given = machine_.receive(heir_, heir_port_);
        if (!given || given->header.handle_count() == 0) return;
        const Handle inherited{given->word[4]};
        held_.clear();  // what the server holds is not the heir's
        for (;;) {
            const auto taken = machine_.receive(heir_, inherited);
            if (!taken) break;
            if (taken->header.kind() == MessageKind::Call) answer(heir_, {taken->id, taken->word[0] == 2});
        }
    }

    Machine machine_{1, 2};
    Thread& server_ = machine_.make_thread();
    Thread& heir_ = machine_.make_thread();
    Thread& caller_ = machine_.make_thread();
    Thread& asker_ = machine_.make_thread();
    Handle port_ = machine_.call(server_, abi::PortCreate{})->port;
    Handle heir_port_ = machine_.call(heir_, abi::PortCreate{})->port;
    Handle reply_port_ = machine_.call(asker_, abi::PortCreate{})->port;
    Handle from_caller_ = make_sender(server_, port_, 1, caller_);
    Handle from_asker_ = make_sender(server_, port_, 2, asker_);
    Handle to_heir_ = make_sender(heir_, heir_port_, 3, server_);
    std::vector<Held> held_;
    uint64_t asked_ = 0;
    bool called_ = false, cancelled_ = false, caller_accepted_ = false, asker_accepted_ = false;
};

class OrdersTest : public testing::TestWithParam<std::vector<Step>> {};

TEST_P(OrdersTest, A8_EveryOrderGivesEachCallOneEnd) {
    std::vector<Step> steps = GetParam();
    std::sort(steps.begin(), steps.end());
    do {
        std::string order;
        for (const Step step : steps) order += std::to_string(static_cast<int>(step)) + " ";
        SCOPED_TRACE("steps " + order);
        World world;  // its machine demands in the end that nothing is left over
        for (const Step step : steps) world.run(step);
        world.check_the_end();
        if (HasFailure()) return;
    } while (std::next_permutation(steps.begin(), steps.end()));
}

using enum Step;
INSTANTIATE_TEST_SUITE_P(Scripts, OrdersTest,
                         testing::Values(std::vector{Call, Receive, Reply, Move, HeirServes, KillServer},
                                         std::vector{Call, Ask, Receive, Receive, Reply, Close},
                                         std::vector{Call, Ask, Receive, Reply, Cancel, KillServer},
                                         std::vector{Call, Receive, Reply, Alert, Move, HeirServes},
                                         std::vector{Ask, Send, Receive, Move, HeirServes, Cancel},
                                         std::vector{Call, Receive, Move, HeirServes, Close, KillCaller},
                                         std::vector{Call, Ask, Move, HeirServes, HeirServes, KillServer}));

}  // namespace
}  // namespace portico::kernel::hosted
