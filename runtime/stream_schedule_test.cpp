#include <gtest/gtest.h>

#include <array>
#include <semaphore>
#include <thread>

#include "runtime/stream_ring.h"
#include "runtime/test_memory.h"

/// Tries all orders in which writer and reader of a stream can take their steps (their accesses to the four shared counts, ringing,
/// falling asleep) with up to kPreemptionsMax changes between the two that neither needed. If there is an order in which a wake-up
/// is lost, both or the last one sleep in the end.
namespace portico::ipc {
namespace {

constexpr unsigned kSides = 2;
constexpr unsigned kPreemptionsMax = 3;
constexpr uint64_t kRecords = 4;
constexpr uint64_t kCapacity = 32;  // two records

/// One order of steps: side by side, each runs until it is told to stop at its next step.
class Schedule {
public:
    /// `preemptions`: the steps, counted over both, at which the other side goes on.
    explicit Schedule(std::vector<unsigned> preemptions) : preemptions_(std::move(preemptions)) {}

    template <class Writer, class Reader>
    void run(Writer writer, Reader reader) {
        std::thread threads[kSides] = {std::thread([&] { run_side(0, writer); }), std::thread([&] { run_side(1, reader); })};
        turn_[0].release();
        for (auto& thread : threads) thread.join();
    }

    unsigned steps() const { return step_; }
    bool stuck() const { return stuck_; }

    /// Called by a side before each step.
    void step(unsigned side) {
        if (stuck_) return;
        const bool preempted = std::ranges::find(preemptions_, step_) != preemptions_.end();
        ++step_;
        if (preempted && can_run(1 - side)) pass_on(side);
    }

    void ring(unsigned side) {
        step(side);
        rung_[1 - side] = true;
    }
    Result<> wait(unsigned side) {
        step(side);
        while (!rung_[side]) {
            asleep_[side] = true;
            if (!can_run(1 - side)) {  // nobody is left who could ring: end both
                stuck_ = true;
                return fail(Error::PeerClosed);
            }
            pass_on(side);
            if (stuck_) return fail(Error::PeerClosed);
            asleep_[side] = false;
        }
        rung_[side] = false;
        return {};
    }

private:
    template <class Body>
    void run_side(unsigned side, Body& body) {
        turn_[side].acquire();
        body();
        ended_[side] = true;
        if (asleep_[1 - side] && !rung_[1 - side]) stuck_ = true;
        turn_[1 - side].release();
    }
    bool can_run(unsigned side) const { return !ended_[side] && (!asleep_[side] || rung_[side]); }
    void pass_on(unsigned side) {
        turn_[1 - side].release();
        turn_[side].acquire();
    }

    std::vector<unsigned> preemptions_;
    unsigned step_ = 0;
    bool stuck_ = false;
    std::array<bool, kSides> rung_{}, asleep_{}, ended_{};
    std::binary_semaphore turn_[kSides]{std::binary_semaphore(0), std::binary_semaphore(0)};
};

thread_local Schedule* schedule = nullptr;
thread_local unsigned my_side = 0;

struct SteppedAccess {
    static uint64_t load(const uint64_t& shared) {
        schedule->step(my_side);
        return shared;
    }
    static void store(uint64_t& shared, uint64_t value) {
        schedule->step(my_side);
        shared = value;
    }
};
struct SteppedDoorbell {
    Result<> ring() {
        schedule->ring(my_side);
        return {};
    }
    Result<> wait(uint64_t) { return schedule->wait(my_side); }
};

/// Returns how many steps it took; `stuck` if somebody slept for ever.
unsigned try_order(const std::vector<unsigned>& preemptions, bool& stuck) {
    TestOwnMemory writers(kStreamHeaderBytes + kCapacity, kStreamHeaderBytes + kCapacity), readers(kStreamHeaderBytes, kStreamHeaderBytes);
    TestPeerMemory writers_seen(writers), readers_seen(readers);
    SteppedDoorbell doorbell;
    Schedule order(preemptions);
    order.run(
        [&] {
            schedule = &order, my_side = 0;
            StreamWriter<SteppedDoorbell, SteppedAccess> writer(writers, readers_seen, doorbell);
            for (uint64_t i = 0; i < kRecords; ++i)
                if (!writer.write_record(std::as_bytes(std::span(&i, 1)), 1)) return;
        },
        [&] {
            schedule = &order, my_side = 1;
            StreamReader<SteppedDoorbell, SteppedAccess> reader(readers, writers_seen, doorbell, kCapacity);
            uint64_t got = 0;
            for (uint64_t i = 0; i < kRecords; ++i) {
                if (!reader.read_record(std::as_writable_bytes(std::span(&got, 1)), 1)) return;
                EXPECT_EQ(got, i);
            }
        });
    stuck = order.stuck();
    return order.steps();
}

TEST(StreamSchedule, NoOrderLosesAWakeUp) {
    std::vector<std::vector<unsigned>> orders{{}};
    for (size_t next = 0; next < orders.size(); ++next) {
        const std::vector<unsigned> order = orders[next];
        bool stuck = false;
        const unsigned steps = try_order(order, stuck);
        ASSERT_FALSE(stuck) << "preempted at " << testing::PrintToString(order);
        if (order.size() == kPreemptionsMax) continue;
        for (unsigned step = order.empty() ? 0 : order.back() + 1; step < steps; ++step) {
            orders.push_back(order);
            orders.back().push_back(step);
        }
    }
    EXPECT_GT(orders.size(), 1000u);
    RecordProperty("orders", static_cast<int>(orders.size()));
}

}  // namespace
}  // namespace portico::ipc
