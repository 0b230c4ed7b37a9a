#include "kernel/arch/hosted/port_fixture.h"
#include "kernel/memory/heap.h"

/// Processes that send as much as they can, against those who do not: THREATS A1 and A2.
namespace portico::kernel::hosted {
namespace {

class FloodTest : public PortFixture {
protected:
    FloodTest() : PortFixture(32) {}

    struct Flooder {
        Ref<Account> account;
        Thread* thread;
        std::vector<Handle> senders{};
        uint64_t base = 0;  ///< bytes used before the first message
        uint64_t sent = 0;
    };
    std::vector<Flooder> flooders;
    /// The bystanders: a client with an account of its own that calls the server's second port.
    Ref<Account> quiet_account = make_account(256 << 10);
    Thread& quiet = machine.make_thread(machine.make_process({}, quiet_account.get()));
    Handle quiet_port = machine.call(server, abi::PortCreate{})->port;
    Handle quiet_sender = make_sender(server, quiet_port, quiet, 1, 16);
    Handle quiet_to_flooded = make_sender(server, port, quiet, 2, 16);

    void add_flooder(uint64_t limit_bytes, Account* parent = nullptr) {
        Ref<Account> account = make_account(limit_bytes, parent);
        Thread& thread = machine.make_thread(machine.make_process({}, account.get()));
        flooders.push_back({std::move(account), &thread});
    }
    void aim(Flooder& flooder, Handle at, uint64_t credits) {
        flooder.senders.push_back(make_sender(server, at, *flooder.thread, 3, credits));
    }
    /// Sends by all its senders in turn until each is refused. Returns the last refusal.
    Error flood(Flooder& flooder) {
        flooder.base = flooder.account->used_bytes();
        Error last = Error::None;
        for (size_t refused = 0, i = 0; refused < flooder.senders.size(); ++i) {
            const auto sent = machine.send(*flooder.thread, flooder.senders[i % flooder.senders.size()], flooder.sent);
            refused = sent ? 0 : refused + 1;
            if (sent)
                ++flooder.sent;
            else
                last = sent.error();
        }
        return last;
    }
    void quiet_ones_go_on() {
        ASSERT_TRUE(machine.send(quiet, quiet_sender, 1));
        ASSERT_EQ(machine.receive(server, quiet_port)->word[0], 1u);
        machine.start_call(quiet, quiet_sender, 2);
        ASSERT_TRUE(machine.reply(server, machine.receive(server, quiet_port)->id, 3));
        expect_answer(quiet, 3);
    }
    uint64_t total_sent() const {
        uint64_t sum = 0;
        for (const Flooder& each : flooders) sum += each.sent;
        return sum;
    }
    void kill_flooders() {
        for (Flooder& each : flooders) kill(*each.thread);
        machine.forget_ended();
    }
    void expect_all_back() {
        for (const Flooder& each : flooders) EXPECT_EQ(each.account->used_bytes(), 0u);
    }
};

TEST_F(FloodTest, A1_FloodersOfOnePortPayForThemselvesOnly) {
    for (int i = 0; i < 64; ++i) add_flooder(128 << 10);
    for (Flooder& each : flooders) aim(each, port, 65535);
    quiet_ones_go_on();
    const uint64_t quiet_bytes = quiet_account->used_bytes(), root_bytes = machine.root().used_bytes();
    const uint64_t heap_bytes = heap.page_count() * abi::kPageBytes;
    uint64_t charged = 0;
    for (Flooder& each : flooders) {
        EXPECT_EQ(flood(each), Error::NoMemory);
        EXPECT_GT(each.sent, 100u);
        EXPECT_LE(each.account->used_bytes(), each.account->limit_bytes());
        charged += each.account->used_bytes() - each.base;
        quiet_ones_go_on();
    }
    EXPECT_EQ(machine.root().used_bytes() - root_bytes, charged) << "to the byte";
    EXPECT_LE(heap.page_count() * abi::kPageBytes - heap_bytes, charged + charged / 100);
    EXPECT_EQ(quiet_account->used_bytes(), quiet_bytes);
    // The flooded port itself: others' messages and calls still get into it.
    ASSERT_TRUE(machine.send(quiet, quiet_to_flooded, 77));
    machine.start_call(quiet, quiet_to_flooded, 78);
    EXPECT_TRUE(machine.waits(quiet));
    kill_flooders();
    for (uint64_t i = 0; i < total_sent(); ++i) ASSERT_EQ(machine.receive(server, port)->badge, 3u);
    EXPECT_EQ(machine.receive(server, port)->word[0], 77u);
    ASSERT_TRUE(machine.reply(server, machine.receive(server, port)->id, 79));
    expect_answer(quiet, 79);
    for (int i = 0; i < 64; ++i) EXPECT_EQ(machine.receive(server, port)->word[0], abi::kNotifySendersGone);
    expect_all_back();
}

TEST_F(FloodTest, A1_FloodersOfAThousandPortsPayForThemselvesOnly) {
    for (int i = 0; i < 64; ++i) add_flooder(1 << 20);
    for (Flooder& each : flooders)
        for (int i = 0; i < 16; ++i) aim(each, machine.call(server, abi::PortCreate{})->port, 20);
    quiet_ones_go_on();
    const uint64_t quiet_bytes = quiet_account->used_bytes(), root_bytes = machine.root().used_bytes();
    uint64_t charged = 0;
    for (Flooder& each : flooders) {
        EXPECT_EQ(flood(each), Error::NoCredit);
        EXPECT_EQ(each.sent, 16u * 20);
        charged += each.account->used_bytes() - each.base;
        quiet_ones_go_on();
    }
    EXPECT_EQ(machine.root().used_bytes() - root_bytes, charged);
    EXPECT_EQ(quiet_account->used_bytes(), quiet_bytes);
    kill(server);
    const uint64_t one_chunk = flooders[0].account->used_bytes() - flooders[0].base;
    EXPECT_LE(one_chunk, Heap::kBlockBytesMax);
    for (Flooder& each : flooders) EXPECT_EQ(each.account->used_bytes(), each.base + one_chunk);
    kill_flooders();
    expect_all_back();
}

TEST_F(FloodTest, A2_ChildrenOfOneAccountShareItsLimit) {
    Ref<Account> parent = make_account(3 << 20);
    for (int i = 0; i < 100; ++i) add_flooder(~uint64_t{0}, parent.get());
    for (Flooder& each : flooders) aim(each, port, 65535);
    quiet_ones_go_on();
    const uint64_t quiet_bytes = quiet_account->used_bytes(), beside = machine.root().used_bytes() - parent->used_bytes();
    for (Flooder& each : flooders) EXPECT_EQ(flood(each), Error::NoMemory);
    EXPECT_LE(parent->used_bytes(), parent->limit_bytes());
    EXPECT_LE(parent->limit_bytes() - parent->used_bytes(), Heap::kBlockBytesMax) << "it was used up";
    EXPECT_EQ(machine.root().used_bytes() - parent->used_bytes(), beside) << "nobody else paid";
    EXPECT_EQ(quiet_account->used_bytes(), quiet_bytes);
    quiet_ones_go_on();
    kill_flooders();
    for (uint64_t i = 0; i < total_sent(); ++i) ASSERT_TRUE(machine.receive(server, port));
    expect_all_back();
}

TEST_F(FloodTest, A2_ClonesOfAFlooderShareItsAccount) {
    add_flooder(2 << 20);
    Flooder& first = flooders[0];
    aim(first, port, 65535);
    const uint64_t beside = machine.root().used_bytes() - first.account->used_bytes();
    std::vector<Thread*> clones;
    for (int i = 0; i < 60; ++i) {
        const auto made = machine.call(*first.thread, abi::ProcessClone{abi::kSelfProcess, {}, 0});
        ASSERT_TRUE(made);
        clones.push_back(&machine.make_thread(machine.adopt_process(*first.thread, made->process)));
    }
    EXPECT_EQ(flood(first), Error::NoMemory);
    for (Thread* clone : clones)
        while (machine.send(*clone, first.senders[0])) ++first.sent;
    EXPECT_LE(first.account->used_bytes(), first.account->limit_bytes());
    EXPECT_EQ(machine.root().used_bytes() - first.account->used_bytes(), beside);
    quiet_ones_go_on();
    for (Thread* clone : clones) kill(*clone);
    kill_flooders();
    for (uint64_t i = 0; i < first.sent; ++i) ASSERT_TRUE(machine.receive(server, port));
    expect_all_back();
}

}  // namespace
}  // namespace portico::kernel::hosted
