#include "kernel/object/account.h"

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {
namespace {

class AccountTest : public testing::Test {
protected:
    Machine machine;
    Thread& thread = machine.make_thread();
    Handle make(Handle parent, uint64_t limit) { return machine.call(thread, abi::AccountCreate{parent, limit})->account; }
    Account& account(Handle handle) {
        return *machine.in_kernel([&] { return *thread.process().handles().get<Account>(handle, Rights::None); });
    }
};

TEST_F(AccountTest, AChildUsesItsParents) {
    Account& parent = account(make(abi::kSelfAccount, 100'000));
    const uint64_t before = parent.used_bytes(), root_before = machine.root().used_bytes();
    const Handle parent_handle = make(abi::kSelfAccount, 50'000);
    Account& child = account(make(parent_handle, 1 << 30));
    Account& middle = account(parent_handle);
    EXPECT_TRUE(child.charge(30'000));
    EXPECT_EQ(refusal(child.charge(30'000)), Error::NoMemory) << "the middle account's limit";
    EXPECT_EQ(child.used_bytes(), 30'000u);
    EXPECT_GE(middle.used_bytes(), 30'000u);
    EXPECT_EQ(parent.used_bytes(), before) << "a sibling";
    child.refund(30'000);
    EXPECT_EQ(child.used_bytes(), 0u);
    EXPECT_EQ(child.peak_bytes(), 30'000u);
    machine.call(thread, abi::HandleClose{parent_handle});
    EXPECT_GE(machine.root().used_bytes(), root_before);
}

TEST_F(AccountTest, ARefusalChangesNobody) {
    const Handle small = make(abi::kSelfAccount, 1000);
    Account& child = account(make(small, 5000));
    Account& parent = account(small);
    const uint64_t used = parent.used_bytes();
    EXPECT_EQ(refusal(child.charge(4000)), Error::NoMemory);
    EXPECT_EQ(child.used_bytes(), 0u);
    EXPECT_EQ(parent.used_bytes(), used);
    EXPECT_EQ(refusal(child.charge(~0ull)), Error::NoMemory);
}

TEST_F(AccountTest, LivesUntilItsLastChargeIsBack) {
    const Handle handle = make(abi::kSelfAccount, 1 << 20);
    Account& child = account(handle);
    ASSERT_TRUE(child.charge(500));
    machine.call(thread, abi::HandleClose{handle});
    const uint64_t used = machine.root().used_bytes();
    machine.in_kernel([&] { child.refund(500); });
    EXPECT_LT(machine.root().used_bytes(), used - 500) << "the account itself went too";
}

TEST_F(AccountTest, QueryTells) {
    const Handle handle = make(abi::kSelfAccount, 1 << 20);
    auto info = machine.query<abi::AccountInfo>(thread, abi::AccountQuery{handle, 0});
    ASSERT_TRUE(info);
    EXPECT_EQ(info->limit_bytes, 1u << 20);
    EXPECT_EQ(info->used_bytes, 0u);
    make(handle, 10);
    info = machine.query<abi::AccountInfo>(thread, abi::AccountQuery{handle, 0});
    EXPECT_EQ(info->object_count, 1u);
    EXPECT_GT(info->used_bytes, 0u);
    EXPECT_EQ(machine.call(thread, abi::AccountCreate{handle, 0})->account.value != 0, true);
}

TEST_F(AccountTest, AProcessCannotPassItsLimit) {
    Thread& poor = machine.make_thread(machine.make_process({}, &account(make(abi::kSelfAccount, 40 * 4096))));
    const uint64_t address = machine.map(poor, 200 * 4096);
    uint64_t written = 0;
    while (written < 200 && machine.write<uint64_t>(poor, address + written * 4096, 1)) ++written;
    EXPECT_GT(written, 5u);
    EXPECT_LT(written, 40u);
    EXPECT_EQ(poor.process().exit_code(), abi::kExitCodeFault);
    EXPECT_TRUE(machine.call(thread, abi::MemoryCreate{1})) << "others have what they need";
}

TEST_F(AccountTest, OnlyItsMakerSetsTheLimit) {
    const Handle handle = make(abi::kSelfAccount, 1 << 20);
    Account& child = account(handle);
    ASSERT_TRUE(child.charge(5000));
    EXPECT_TRUE(machine.call(thread, abi::AccountSetLimit{handle, 4000}));
    EXPECT_EQ(refusal(child.charge(1)), Error::NoMemory) << "already beyond";
    EXPECT_EQ(child.refused_count(), 1u);
    EXPECT_TRUE(machine.call(thread, abi::AccountSetLimit{handle, 5001}));
    EXPECT_TRUE(child.charge(1));
    EXPECT_EQ(refusal(child.charge(1)), Error::NoMemory);
    machine.in_kernel([&] { child.refund(5001); });

    EXPECT_EQ(refusal(machine.call(thread, abi::AccountSetLimit{abi::kSelfAccount, ~0ull})), Error::BadHandle);
    const auto own = machine.call(thread, abi::HandleDuplicate{abi::kSelfAccount, static_cast<uint64_t>(Rights::All)});
    ASSERT_TRUE(own);
    EXPECT_EQ(refusal(machine.call(thread, abi::AccountSetLimit{own->handle, ~0ull})), Error::AccessDenied);
}

TEST_F(AccountTest, LeavesFreeWhatIsKeptForOthers) {
    constexpr uint64_t kKept = 200;
    const Handle handle = machine.call(thread, abi::AccountCreate{abi::kSelfAccount, 1 << 30, kKept * 4096})->account;
    const Handle below = make(handle, 1 << 30);
    Thread* const hogs[] = {&machine.make_thread(machine.make_process({}, &account(handle))),
                            &machine.make_thread(machine.make_process({}, &account(below)))};
    Thread& objects = machine.make_thread(machine.make_process({}, &account(below)));
    for (Thread* hog : hogs) {
        const uint64_t address = machine.map(*hog, 4096 * 4096);
        uint64_t written = 0, left = frames.free_pages();
        for (; written < 4096 && machine.write<uint64_t>(*hog, address + written * 4096, 1); ++written) left = frames.free_pages();
        EXPECT_LT(written, 4096u);
        EXPECT_GE(left, kKept);
        EXPECT_LE(left, kKept + 8);
        EXPECT_EQ(hog->process().exit_code(), abi::kExitCodeFault);
    }
    Result<abi::MemoryCreate::Reply> made;
    while (made) made = machine.call(objects, abi::MemoryCreate{1});
    EXPECT_GE(frames.free_pages(), kKept) << "nor by kernel objects";
    EXPECT_TRUE(machine.call(thread, abi::MemoryCreate{1}));
}

class AccountWatchTest : public PortFixture {};

TEST_F(AccountWatchTest, TellsOnceWhenTheMarkIsPassed) {
    const Handle handle = machine.call(server, abi::AccountCreate{abi::kSelfAccount, 100'000})->account;
    const Handle told = machine.call(server, abi::PortBadge{port, 77, 1})->sender;
    Account& account = *machine.in_kernel([&] { return *server.process().handles().get<Account>(handle, Rights::None); });
    const auto charge = [&](uint64_t bytes) { return machine.in_kernel([&] { return account.charge(bytes).has_value(); }); };
    ASSERT_TRUE(machine.call(server, abi::AccountWatch{handle, told, 4, 50'000}));
    EXPECT_TRUE(charge(50'000));
    EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock) << "not yet";
    EXPECT_TRUE(charge(1));
    const auto first = machine.receive(server, port);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->badge, 77u);
    EXPECT_EQ(first->word[0], 4u);
    EXPECT_TRUE(charge(1));
    EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock) << "once";

    ASSERT_TRUE(machine.call(server, abi::AccountWatch{handle, told, 8, 90'000}));
    EXPECT_FALSE(charge(80'000));
    EXPECT_EQ(machine.receive(server, port)->word[0], 8u) << "a refusal";
    EXPECT_EQ(account.refused_count(), 1u);
    ASSERT_TRUE(machine.call(server, abi::AccountWatch{handle, told, 16, 10}));
    EXPECT_EQ(machine.receive(server, port)->word[0], 16u) << "at once";
    ASSERT_TRUE(machine.call(server, abi::AccountWatch{handle, told, 32, 60'000}));
    ASSERT_TRUE(machine.call(server, abi::AccountWatch{handle, {}, 0, 0}));
    EXPECT_TRUE(charge(20'000));
    EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock) << "called off";
    machine.in_kernel([&] { account.refund(70'002); });
}

TEST_F(AccountWatchTest, AnAccountThatPaysForItsWatcherGoes) {
    const Handle handle = machine.call(server, abi::AccountCreate{abi::kSelfAccount, 100'000})->account;
    Account& account = *machine.in_kernel([&] { return *server.process().handles().get<Account>(handle, Rights::None); });
    Thread& poor = machine.make_thread(machine.make_process({}, &account));
    const Handle own = machine.call(poor, abi::PortCreate{})->port;
    const Handle told = machine.call(poor, abi::PortBadge{own, 1, 1})->sender;
    ASSERT_TRUE(machine.call(server, abi::AccountWatch{handle, machine.give(poor, told, server), 1, 90'000}));
    machine.call(poor, abi::HandleClose{told});
    const uint64_t accounts = machine.root().object_count();
    machine.call(server, abi::HandleClose{handle});
    EXPECT_LE(machine.root().object_count(), accounts);  // the machine's end demands that nothing is left
}

/// A touch that finds no memory is for the supervisor alone to judge.
TEST_F(AccountWatchTest, WantOfMemoryGoesToTheSupervisor) {
    const Handle handle = machine.call(server, abi::AccountCreate{abi::kSelfAccount, 40 * 4096})->account;
    const Handle supervisor = machine.call(server, abi::PortBadge{port, 5, 1})->sender;
    Ref<Sender> reference =
        machine.in_kernel([&] { return Ref<Sender>(**server.process().handles().get<Sender>(supervisor, Rights::Send)); });
    Account& account = *machine.in_kernel([&] { return *server.process().handles().get<Account>(handle, Rights::None); });
    Thread& poor = machine.make_thread(machine.make_process(std::move(reference), &account));
    machine.call(poor, abi::ProcessSetEntries{abi::kSelfProcess, 0, 0x2000'0000});  // it has upcalls, but for this
    const uint64_t address = machine.map(poor, 200 * 4096);
    machine.call(poor, abi::PortBadge{machine.call(poor, abi::PortCreate{})->port, 1, 1});
    uint64_t written = 0;
    while (written < 200 && machine.write<uint64_t>(poor, address + written * 4096, 1)) ++written;
    ASSERT_LT(written, 40u);
    ASSERT_TRUE(machine.waits(poor));
    const auto fault = machine.receive(server, port);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->header.kind(), abi::MessageKind::Fault);
    EXPECT_EQ(fault->word[0] & 0xFFFF'FFFF, static_cast<uint64_t>(abi::FaultKind::NoMemory));
    EXPECT_EQ(fault->word[1], address + written * 4096);
    ASSERT_TRUE(machine.call(server, abi::AccountSetLimit{handle, 80 * 4096}));
    EXPECT_TRUE(machine.reply(server, fault->id));
    EXPECT_TRUE(machine.runnable(poor));
    EXPECT_TRUE(machine.write<uint64_t>(poor, address + written * 4096, 1));
}

}  // namespace
}  // namespace portico::kernel::hosted
