#include "kernel/debug/trace.h"

#include <algorithm>

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {
namespace {

/// A client and a server as in PortFixture, on a machine whose command line the test chooses.
class TraceTest : public testing::Test {
protected:
    static constexpr uint64_t kAll = 1 << 16;

    Machine machine{2, 8, "quiet trace=64K processes=3"};
    Thread& server = machine.make_thread();
    Thread& client = machine.make_thread();
    Handle port = machine.call(server, abi::PortCreate{})->port;
    Handle sender = machine.give(server, machine.call(server, abi::PortBadge{port, 7, 64})->sender, client);

    static std::vector<TraceEntry> entries(unsigned ring) {
        std::vector<TraceEntry> all;
        trace_rings.for_newest(ring, kAll, [&](const TraceEntry& entry) { all.push_back(entry); });
        std::ranges::reverse(all);
        return all;
    }
    /// What was recorded about a thread since the last call, without the switches that the test itself makes.
    std::vector<TraceEntry> news(const Thread& thread) {
        std::vector<TraceEntry> found;
        const std::vector<TraceEntry> all = entries(0);
        for (size_t i = seen_; i < all.size(); ++i)
            if (all[i].thread == thread.id() && all[i].event != TraceEvent::Switch) found.push_back(all[i]);
        return found;
    }
    void forget() { seen_ = entries(0).size(); }
    static std::vector<TraceEvent> kinds(const std::vector<TraceEntry>& all) {
        std::vector<TraceEvent> kinds;
        for (const TraceEntry& entry : all) kinds.push_back(entry.event);
        return kinds;
    }

private:
    size_t seen_ = 0;
};

TEST_F(TraceTest, RingsAreCutOutOfFreeMemoryAndDescribed) {
    const TraceHeader& header = TraceRings::header();
    EXPECT_TRUE(tracing);
    EXPECT_EQ(header.magic, TraceHeader::kMagic);
    EXPECT_EQ(header.cpu_count, 2u);
    EXPECT_EQ(header.ring_entries, 64 * 1024 / sizeof(TraceEntry));
    EXPECT_EQ(header.base % abi::kPageBytes, 0u);
    EXPECT_EQ(header.base, kRamBase + machine.hardware.ram_bytes - 3 * 64 * 1024);
    EXPECT_FALSE(frames.is_ram({header.base}));
    EXPECT_NE(machine.hardware.log_text().find("trace: 3 rings of 64 KiB"), std::string::npos);
}

TEST_F(TraceTest, ACallIsRecordedFromBothSides) {
    forget();
    machine.start_message<abi::PortCall>(client, {.handle_or_id = sender.value, .header = abi::Header::make(0x77)});
    const uint64_t id = machine.receive(server, port)->id;
    ASSERT_TRUE(machine.reply(server, id));
    using enum TraceEvent;
    const auto ours = news(client), theirs = news(server);
    ASSERT_EQ(kinds(ours), (std::vector{Enter, Call, Wake}));
    ASSERT_EQ(kinds(theirs), (std::vector{Enter, Take, Leave, Enter, Reply, Leave}));
    EXPECT_EQ(ours[0].detail, abi::PortCall::doc.number);
    EXPECT_EQ(ours[0].value, sender.value);
    EXPECT_EQ(ours[1].detail, 0x77);
    EXPECT_EQ(ours[1].value, id);
    EXPECT_EQ(theirs[1].detail, static_cast<uint16_t>(MessageKind::Call));
    EXPECT_EQ(theirs[1].value, id);
    EXPECT_EQ(theirs[1].other | static_cast<uint64_t>(MessageKind::Call) << 56, ours[1].other) << "the port";
    EXPECT_EQ(theirs[4].value, id);
    EXPECT_EQ(theirs[4].other, client.id());
}

TEST_F(TraceTest, QueuedMessagesAndNotificationsAreNamedAlikeAtBothEnds) {
    forget();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(machine.send(client, sender));
    ASSERT_TRUE(machine.call(client, abi::PortNotify{sender, 4}));
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(machine.receive(server, port));
    std::vector<uint64_t> posted, taken;
    for (const TraceEntry& entry : news(client))
        if (entry.event == TraceEvent::Send || entry.event == TraceEvent::Notify) posted.push_back(entry.value);
    for (const TraceEntry& entry : news(server))
        if (entry.event == TraceEvent::Take) taken.push_back(entry.value);
    EXPECT_EQ(posted.size(), 4u);
    EXPECT_EQ(posted, taken);
}

TEST_F(TraceTest, AMessageForOneWhoWaitsIsTakenInItsName) {
    machine.start_receive(server, port);
    forget();
    ASSERT_TRUE(machine.send(client, sender));
    using enum TraceEvent;
    EXPECT_EQ(kinds(news(server)), (std::vector{Take, Wake}));
}

TEST_F(TraceTest, SwitchesNameThreadAndProcess) {
    machine.call(client, abi::Null{});
    forget();
    machine.call(server, abi::Null{});
    const auto all = entries(0);
    const auto last = std::ranges::find_if(all.rbegin(), all.rend(), [](const TraceEntry& e) { return e.event == TraceEvent::Switch; });
    ASSERT_NE(last, all.rend());
    EXPECT_EQ(last->thread, server.id());
    EXPECT_EQ(last->value, server.process().id());
}

TEST_F(TraceTest, NamesHaveARingOfTheirOwn) {
    const auto has = [](TraceEvent event, uint64_t id, std::string_view name) {
        char wanted[16]{};
        name.copy(wanted, sizeof wanted);
        return std::ranges::any_of(entries(trace_rings.names_ring()), [&](const TraceEntry& entry) {
            return entry.event == event && entry.thread == id && memcmp(&entry.value, wanted, sizeof wanted) == 0;
        });
    };
    const auto words = [](std::string_view name) {
        std::array<uint64_t, 2> both{};
        memcpy(both.data(), name.data(), name.size());
        return both;
    };
    const auto [low, high] = words("a long name, 16b");
    ASSERT_TRUE(machine.call(client, abi::ObjectSetName{abi::kSelfProcess, low, high}));
    const auto [thread_low, thread_high] = words("worker");
    ASSERT_TRUE(machine.call(client, abi::ObjectSetName{abi::kSelfThread, thread_low, thread_high}));
    EXPECT_TRUE(has(TraceEvent::ProcessName, client.process().id(), "a long name, 16b"));
    EXPECT_TRUE(has(TraceEvent::ThreadName, client.id(), "worker"));
    const auto made = entries(trace_rings.names_ring());
    EXPECT_TRUE(std::ranges::any_of(made, [&](const TraceEntry& entry) {
        return entry.event == TraceEvent::Thread && entry.thread == client.id() && entry.value == client.process().id();
    }));
}

TEST_F(TraceTest, APanicTellsTheLastEvents) {
    machine.call(client, abi::ThreadYield{});
    EXPECT_DEATH(panic("page %d has two owners", 7),
                 "panic: page 7 has two owners.*last events of cpu 0, newest first:.*enter 40 thread_yield");
}

TEST_F(TraceTest, AFullRingKeepsTheNewest) {
    const uint64_t count = TraceRings::header().ring_entries;
    for (uint64_t i = 0; i < count + 10; ++i) machine.call(client, abi::Null{});
    const auto all = entries(0);
    EXPECT_EQ(all.size(), count);
    EXPECT_GT(TraceRings::header().rings[0].written, count);
    EXPECT_EQ(all.back().event, TraceEvent::Leave);
    EXPECT_EQ(TraceRings::header().rings[1].written, entries(1).size()) << "the other CPU's has room";
}

TEST(TraceOffTest, NothingIsReservedUnlessAsked) {
    for (const char* line : {"", "tracer=1M", "untrace", "processes=4 trace="}) {
        Machine machine(1, 4, line);
        const bool asked = std::string_view(line).ends_with("trace=");
        EXPECT_EQ(tracing, asked) << line;
        EXPECT_EQ(TraceRings::header().magic != 0, asked) << line;
    }
    EXPECT_FALSE(tracing) << "the machine is gone";
}

TEST(TraceOffTest, SizesAreRoundedAndWhatDoesNotFitIsRefused) {
    const auto entries_with = [](const char* line) {
        const Machine machine(1, 4, line);
        return TraceRings::header().ring_entries * sizeof(TraceEntry);
    };
    EXPECT_EQ(entries_with("trace"), TraceRings::kBytesMin);
    EXPECT_EQ(entries_with("trace=1"), TraceRings::kBytesMin);
    EXPECT_EQ(entries_with("trace=100000"), 65536u);
    EXPECT_EQ(entries_with("trace=512K"), 512u << 10);
    EXPECT_EQ(entries_with("trace=2M"), 0u) << "two rings would take all";
    EXPECT_EQ(entries_with("trace=99999999999999999999M"), 0u);
}

TEST_F(TraceTest, NamesNeedControlOverProcessesAndThreads) {
    const Handle weak =
        machine.in_kernel([&] { return *client.process().handles().add(Capability(server.process(), Rights::Read | Rights::Transfer)); });
    EXPECT_EQ(refusal(machine.call(client, abi::ObjectSetName{weak, 1, 0})), Error::AccessDenied);
    EXPECT_EQ(refusal(machine.call(server, abi::ObjectSetName{port, 1, 0})), Error::WrongType);
    EXPECT_EQ(refusal(machine.call(server, abi::ObjectSetName{Handle{9999}, 1, 0})), Error::BadHandle);
    const Handle thread = machine.in_kernel([&] { return *client.process().handles().add(Capability(server, Rights::All)); });
    EXPECT_TRUE(machine.call(client, abi::ObjectSetName{thread, 'x', 0}));
    EXPECT_EQ(server.name()[0], 'x');
}

}  // namespace
}  // namespace portico::kernel::hosted
