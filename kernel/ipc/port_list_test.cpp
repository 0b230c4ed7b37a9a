#include <algorithm>
#include <string>

#include "kernel/arch/hosted/port_fixture.h"

/// port_list, and what ports count for it.
namespace portico::kernel::hosted {
namespace {

class PortListTest : public PortFixture {
protected:
    Handle resource = machine.make_resource(server);

    std::vector<abi::PortInfo> list(uint64_t cursor = 0, uint64_t count = abi::kPortListMax) {
        const uint64_t address = machine.scratch(server);
        const auto listed = machine.call(server, abi::PortList{resource, cursor, address, count});
        if (!listed) return {};
        std::vector<abi::PortInfo> all;
        for (uint64_t i = 0; i < listed->count; ++i)
            all.push_back(*machine.read<abi::PortInfo>(server, address + i * sizeof(abi::PortInfo)));
        return all;
    }
    abi::PortInfo info() { return list().front(); }
    void name(Thread& thread, std::string_view text) {
        ObjectName name{};
        text.copy(name.data(), name.size());
        machine.in_kernel([&] { thread.process().set_name(name); });
    }
};

TEST_F(PortListTest, CountsWhatIsQueuedAndTaken) {
    EXPECT_EQ(info().messages, 0u);
    EXPECT_EQ(info().senders, 1u);
    EXPECT_EQ(info().credits, 64u);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(machine.send(client, sender));
    ASSERT_TRUE(machine.call(client, abi::PortNotify{sender, 1}));
    EXPECT_EQ(info().queued, 6u);
    EXPECT_EQ(info().credits, 59u) << "a notification takes none";
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(machine.receive(server, port));
    EXPECT_EQ(info().queued, 2u);
    EXPECT_EQ(info().queued_max, 6u);
    EXPECT_EQ(info().messages, 4u);
    EXPECT_EQ(info().credits, 63u);
    while (machine.receive(server, port)) continue;
    EXPECT_EQ(info().queued, 0u);
    EXPECT_EQ(info().messages, 6u);
}

TEST_F(PortListTest, A20_ARingOfCallsIsThereToSee) {
    uint64_t newest = list().back().id;
    for (size_t count = 2; count <= 32; count += 5) {
        struct Member {
            Thread& thread;
            Handle port;
            uint64_t id;
            Handle to_next{};
        };
        std::vector<Member> ring;
        for (size_t i = 0; i < count; ++i) {
            Thread& thread = machine.make_thread();
            const Handle made = machine.call(thread, abi::PortCreate{})->port;
            newest = list(newest, 1).front().id;
            ring.push_back({thread, made, newest});
            ASSERT_TRUE(machine.send(client, make_sender(thread, made, client)));
            ASSERT_TRUE(machine.receive(thread, made)) << "it serves";
            EXPECT_EQ(list(newest - 1, 1).front().waits_for, 0u);
        }
        for (size_t i = 0; i < count; ++i) {
            const Member& next = ring[(i + 1) % count];
            ring[i].to_next = make_sender(next.thread, next.port, ring[i].thread);
        }
        for (const Member& member : ring) machine.start_call(member.thread, member.to_next);
        for (size_t i = 0; i < count; ++i) {
            const auto found = list(ring[i].id - 1, 1);
            EXPECT_EQ(found.front().waits_for, ring[(i + 1) % count].id) << i << " of " << count;
        }
        for (const Member& member : ring) machine.in_kernel([&] { member.thread.process().kill(1); });
        machine.forget_ended();
    }
}

TEST_F(PortListTest, CallsCountHoweverTheyGo) {
    const uint64_t first = call_taken();  // by way of the queue
    ASSERT_TRUE(machine.reply(server, first));
    Thread& waiting = machine.make_thread(server.process());
    machine.start_receive(waiting, port);
    EXPECT_EQ(info().receivers, 1u);
    machine.start_call(client, sender);  // straight to the one who waits
    EXPECT_EQ(info().receivers, 0u);
    EXPECT_EQ(info().messages, 2u);
    EXPECT_EQ(info().queued, 0u);
    EXPECT_EQ(info().queued_max, 1u) << "the second never waited";
    ASSERT_TRUE(machine.reply(waiting, machine.received(waiting)->id));
}

TEST_F(PortListTest, WithdrawnCallsAndBatchesAreCountedRight) {
    machine.start_call(client, sender, 0, machine.hardware.now_ns() + 1'000'000);
    EXPECT_EQ(info().queued, 1u);
    machine.advance(2'000'000);
    EXPECT_EQ(refusal(machine.received(client)), Error::TimedOut);
    EXPECT_EQ(info().queued, 0u);
    EXPECT_EQ(info().messages, 0u);
    const uint64_t batch = machine.map(client, abi::kPageBytes);
    const std::array<abi::Message, 3> messages{};
    for (size_t i = 0; i < messages.size(); ++i) machine.write(client, batch + i * sizeof(abi::Message), messages[i]);
    EXPECT_EQ(machine.call(client, abi::PortSendBatch{sender, batch, 3})->sent, 3u);
    EXPECT_EQ(info().queued, 3u);
    const uint64_t taken = machine.map(server, abi::kPageBytes);
    EXPECT_EQ(machine.call(server, abi::PortReceiveBatch{port, taken, 2, abi::kNow})->received, 2u);
    EXPECT_EQ(info().queued, 1u);
    EXPECT_EQ(info().messages, 2u);
    EXPECT_EQ(info().credits, 63u);
}

TEST_F(PortListTest, SendersComeAndGo) {
    const Handle second = machine.call(server, abi::PortBadge{port, 5, 10})->sender;
    EXPECT_EQ(info().senders, 2u);
    EXPECT_EQ(info().credits, 74u);
    machine.call(server, abi::HandleClose{second});
    while (machine.receive(server, port)) continue;  // its last message
    EXPECT_EQ(info().senders, 1u);
    EXPECT_EQ(info().credits, 64u);
}

TEST_F(PortListTest, TheOwnerIsWhoMadeItOrWasGivenIt) {
    name(client, "maker");
    const Handle made = machine.call(client, abi::PortCreate{})->port;
    EXPECT_EQ(list().back().owner, client.process().id());
    EXPECT_STREQ(list().back().name.data(), "maker");
    name(server, "sixteen letters!");
    const Handle target = machine.in_kernel([&] { return *client.process().handles().add(Capability(server.process(), Rights::All)); });
    ASSERT_TRUE(machine.call(client, abi::HandleInstall{target, abi::kNoHandle, made, static_cast<uint64_t>(Rights::All)}));
    EXPECT_EQ(list().back().owner, server.process().id());
    EXPECT_EQ(std::string(list().back().name.data(), 16), "sixteen letters!");
}

TEST_F(PortListTest, LongListsAreReadInParts) {
    std::vector<Handle> more;
    for (int i = 0; i < 150; ++i) more.push_back(machine.call(server, abi::PortCreate{})->port);
    for (size_t i = 0; i < more.size(); i += 3) machine.call(server, abi::HandleClose{more[i]});
    std::vector<abi::PortInfo> all;
    for (;;) {
        const auto part = list(all.empty() ? 0 : all.back().id, 50);
        all.insert(all.end(), part.begin(), part.end());
        if (part.size() < 50) break;
    }
    EXPECT_EQ(all.size(), 1 + 100u);
    EXPECT_TRUE(std::ranges::is_sorted(all, std::ranges::less_equal{}, &abi::PortInfo::id));
    EXPECT_TRUE(list(all.back().id).empty());
}

TEST_F(PortListTest, OnlyForHoldersOfTheResource) {
    const uint64_t address = machine.scratch(client);
    EXPECT_EQ(refusal(machine.call(client, abi::PortList{sender, 0, address, 1})), Error::WrongType);
    const Handle read_only =
        machine.call(server, abi::HandleDuplicate{resource, static_cast<uint64_t>(Rights::Read | Rights::Duplicate | Rights::Transfer)})
            ->handle;
    const Handle given = machine.give(server, read_only, client);
    EXPECT_EQ(machine.call(client, abi::PortList{given, 0, address, 1})->count, 1u);
    EXPECT_EQ(refusal(machine.call(client, abi::IoCreate{given, 0, 1})), Error::AccessDenied) << "to look on gives no right to touch";
    EXPECT_EQ(refusal(machine.call(client, abi::PortList{given, 0, address, abi::kPortListMax + 1})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::PortList{given, 0, 0x7000'0000, 1})), Error::BadAddress);
    EXPECT_EQ(machine.call(client, abi::PortList{given, 0, 0x7000'0000, 0})->count, 0u);
    const Handle blind =
        machine.give(server, machine.call(server, abi::HandleDuplicate{resource, static_cast<uint64_t>(Rights::Control)})->handle, client);
    EXPECT_EQ(refusal(machine.call(client, abi::PortList{blind, 0, address, 1})), Error::AccessDenied);
}

TEST_F(PortListTest, AClosedPortIsListedWhileSendersHoldIt) {
    ASSERT_TRUE(machine.send(client, sender));
    machine.call(server, abi::HandleClose{port});
    EXPECT_EQ(info().queued, 0u);
    EXPECT_EQ(info().queued_max, 1u);
    machine.call(server, abi::HandleClose{server_sender});
    machine.call(client, abi::HandleClose{sender});
    EXPECT_TRUE(list().empty());
}

}  // namespace
}  // namespace portico::kernel::hosted
