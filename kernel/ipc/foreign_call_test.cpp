#include "kernel/ipc/foreign_call.h"

#include "kernel/arch/hosted/port_fixture.h"

/// Calls of another system that a service answers.
namespace portico::kernel::hosted {
namespace {

using abi::ForeignReply;

constexpr uint64_t kNumber = 39;
constexpr uint64_t kEntry = 0x3000'0000, kUpcall = 0x2000'0000;
constexpr abi::Arguments kArguments{11, 12, 13, 14, 15, 16};

class ForeignCallTest : public PortFixture {
protected:
    ForeignCallTest() {
        enter_library(client, kUpcall);
        EXPECT_TRUE(machine.call(client, abi::ProcessSetService{abi::kSelfProcess, sender}));
    }
    void enter_library(Thread& thread, uint64_t upcall) {
        EXPECT_TRUE(machine.call(thread, abi::ProcessSetEntries{abi::kSelfProcess, kEntry, upcall}));
    }
    void make(Thread& thread, uint64_t number = kNumber) { machine.foreign_call(thread, number, kArguments); }
    void make() { make(client); }
    /// The client's call, taken by the server.
    Received taken() {
        make();
        return next();
    }
    Received next() {
        const auto received = machine.receive(server, port);
        if (received) return *received;
        ADD_FAILURE() << "no message: " << abi::name_of(received.error());
        return {};
    }
    void expect_nothing() { EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock); }
    Result<Received> answer(uint64_t id, ForeignReply how, uint64_t result = 0) {
        return machine.message<abi::PortReply>(
            server, {.handle_or_id = id, .header = abi::Header::make(static_cast<uint16_t>(how)), .word = {result}});
    }
    void expect_in_library(Thread& thread, uint64_t return_address) {
        ASSERT_TRUE(machine.runnable(thread));
        const abi::Registers& r = thread.frame.registers;
        EXPECT_EQ(r.rip, kEntry);
        EXPECT_EQ(r.rcx, return_address);
        EXPECT_EQ(r.rax, kNumber);
        EXPECT_EQ(r.rdi, kArguments[0]);
        EXPECT_EQ(r.r9, kArguments[5]);
        EXPECT_EQ(thread.frame.full_restore, 1u);
    }
    /// As the runtime library reports.
    void report(Thread& thread, uint64_t result) { machine.start(thread, abi::ForeignReport{result}); }
    uint64_t rip() { return client.frame.registers.rip; }
};

TEST_F(ForeignCallTest, TheServiceIsToldAllArguments) {
    const Received call = taken();
    EXPECT_TRUE(machine.waits(client));
    EXPECT_EQ(call.header.kind(), abi::MessageKind::ForeignCall);
    EXPECT_EQ(call.header.operation(), kNumber);
    EXPECT_EQ(call.header.user_bits(), client.id());
    EXPECT_EQ(call.header.handle_count(), 0u);
    EXPECT_EQ(call.badge, kBadge);
    for (unsigned i = 0; i < abi::kMessageWords; ++i) EXPECT_EQ(call.word[i], kArguments[i]);
    EXPECT_EQ(call.r14, kArguments[5]);
    EXPECT_EQ(call.readable_bytes, 0u);
}

TEST_F(ForeignCallTest, AResultReturnsAsFromASystemCall) {
    const uint64_t at = rip();
    const Received call = taken();
    const abi::Registers before = client.frame.registers;
    ASSERT_TRUE(answer(call.id, ForeignReply::Result, 77));
    EXPECT_TRUE(machine.runnable(client));
    abi::Registers expected = before;
    expected.rax = 77;
    EXPECT_EQ(memcmp(&client.frame.registers, &expected, sizeof(expected)), 0);
    EXPECT_EQ(rip(), at + 2);
    EXPECT_EQ(refusal(machine.call(client, abi::ForeignReport{1})), Error::WrongState);
}

TEST_F(ForeignCallTest, RunGoesOnInTheLibraryAsWithoutAService) {
    constexpr uint64_t kCarryTrapDirection = 0x501;
    client.frame.registers.rflags |= kCarryTrapDirection;
    const uint64_t flags = client.frame.registers.rflags, at = rip();
    ASSERT_TRUE(answer(taken().id, ForeignReply::Run));
    expect_in_library(client, at + 2);
    EXPECT_EQ(client.frame.registers.r11, flags);
    EXPECT_EQ(client.frame.registers.rflags, flags & ~uint64_t{0x500});
    EXPECT_EQ(refusal(machine.call(client, abi::ForeignReport{1})), Error::WrongState);
}

TEST_F(ForeignCallTest, AnUnknownReplyRuns) {
    const uint64_t at = rip();
    ASSERT_TRUE(answer(taken().id, static_cast<ForeignReply>(999), 5));
    expect_in_library(client, at + 2);
    EXPECT_EQ(client.frame.registers.r11 & abi::kForeignReportFlag, 0u);
}

TEST_F(ForeignCallTest, TheResultIsReportedOnce) {
    const uint64_t at = rip();
    ASSERT_TRUE(answer(taken().id, ForeignReply::RunAndReport));
    expect_in_library(client, at + 2);
    EXPECT_NE(client.frame.registers.r11 & abi::kForeignReportFlag, 0u);
    report(client, 123);
    EXPECT_TRUE(machine.waits(client));
    const Received result = next();
    EXPECT_EQ(result.header.kind(), abi::MessageKind::ForeignResult);
    EXPECT_EQ(result.header.user_bits(), client.id());
    EXPECT_EQ(result.word[0], 123u);
    EXPECT_EQ(result.badge, kBadge);
    ASSERT_TRUE(answer(result.id, ForeignReply::Result, 99));
    EXPECT_TRUE(machine.result<abi::ForeignReport>(client));
    EXPECT_EQ(refusal(machine.call(client, abi::ForeignReport{1})), Error::WrongState);
    expect_nothing();
}

TEST_F(ForeignCallTest, ACallThatNeverReturnsIsNeverReported) {
    ASSERT_TRUE(answer(taken().id, ForeignReply::RunAndReport));
    ASSERT_TRUE(answer(taken().id, ForeignReply::Run));
    EXPECT_EQ(refusal(machine.call(client, abi::ForeignReport{1})), Error::WrongState) << "of the call before";
}

TEST_F(ForeignCallTest, AWaitingServiceRunsAtOnce) {
    machine.start_receive(server, port);
    make();
    EXPECT_EQ(machine.running(), &server);
    const uint64_t id = machine.received(server)->id;
    machine.start_message<abi::PortReplyReceive>(server, {.handle_or_id = port.value, .word = {8}, .r14 = id});
    EXPECT_TRUE(machine.waits(server));
    EXPECT_EQ(client.frame.registers.rax, 8u);
    EXPECT_TRUE(machine.runnable(client));
}

TEST_F(ForeignCallTest, EveryKindOfReplyOnTheFastPath) {
    machine.start_receive(server, port);
    const uint64_t at = rip();
    make();
    const auto reply_receive = [&](ForeignReply how) {
        const Received call = *machine.received(server);
        EXPECT_EQ(call.header.kind(), abi::MessageKind::ForeignCall);
        EXPECT_EQ(call.header.operation(), kNumber);
        EXPECT_EQ(call.header.user_bits(), client.id());
        for (unsigned i = 0; i < abi::kMessageWords; ++i) EXPECT_EQ(call.word[i], kArguments[i]);
        EXPECT_EQ(call.r14, kArguments[5]);
        EXPECT_EQ(call.readable_bytes, 0u);
        machine.start_message<abi::PortReplyReceive>(
            server, {.handle_or_id = port.value, .header = abi::Header::make(static_cast<uint16_t>(how)), .word = {8}, .r14 = call.id});
        EXPECT_TRUE(machine.waits(server));
        EXPECT_EQ(machine.running(), &client);
    };
    reply_receive(ForeignReply::Run);
    expect_in_library(client, at + 2);
    make();
    reply_receive(ForeignReply::RunAndReport);
    EXPECT_NE(client.frame.registers.r11 & abi::kForeignReportFlag, 0u);
    report(client, 5);
    EXPECT_EQ(machine.running(), &server);
    machine.start_message<abi::PortReplyReceive>(server, {.handle_or_id = port.value, .r14 = machine.received(server)->id});
    EXPECT_TRUE(machine.result<abi::ForeignReport>(client));
    make();
    reply_receive(ForeignReply::Result);
    EXPECT_EQ(client.frame.registers.rax, 8u);
    EXPECT_EQ(refusal(machine.call(client, abi::ForeignReport{1})), Error::WrongState);
}

TEST_F(ForeignCallTest, TheSixthArgumentComesThroughASetToo) {
    const Handle set = machine.call(server, abi::SetCreate{})->set;
    ASSERT_TRUE(machine.call(server, abi::SetAdd{set, port, 555}));
    make();
    const auto queued = machine.receive(server, set);
    ASSERT_TRUE(queued);
    EXPECT_EQ(queued->r14, kArguments[5]);
    ASSERT_TRUE(answer(queued->id, ForeignReply::Result));
    machine.start_receive(server, set);
    make();
    EXPECT_EQ(machine.received(server)->r14, kArguments[5]);
    EXPECT_EQ(
        refusal(machine.message<abi::PortForward>(server, {.handle_or_id = server_sender.value, .r14 = machine.received(server)->id})),
        Error::InvalidArgument)
        << "only its process's service answers it";
}

TEST_F(ForeignCallTest, ForgedLateAndDoubleRepliesAreRefused) {
    const uint64_t id = taken().id;
    EXPECT_EQ(refusal(machine.reply(machine.make_thread(), id)), Error::NoSuchCall);
    EXPECT_EQ(refusal(answer(id + 1, ForeignReply::Result, 1)), Error::NoSuchCall);
    EXPECT_TRUE(machine.waits(client));
    const Handle carried = machine.call(server, abi::MemoryCreate{4096})->memory;
    const uint32_t handles = client.process().handles().count();
    ASSERT_TRUE(machine.message<abi::PortReply>(
        server, {.handle_or_id = id, .header = abi::Header::make(0, 1, 1), .word = {4, 0, 0, 0, carried.value}}));
    EXPECT_EQ(client.frame.registers.rax, 4u);
    EXPECT_EQ(client.process().handles().count(), handles) << "a reply to a foreign call gives no handles";
    EXPECT_EQ(refusal(answer(id, ForeignReply::Result, 2)), Error::NoSuchCall);
    EXPECT_EQ(client.frame.registers.rax, 4u);
}

TEST_F(ForeignCallTest, TheServicesDeathLosesNoCall) {
    const uint64_t at = rip();
    Thread& queued = machine.make_thread(client.process());
    Thread& reporting = machine.make_thread(client.process());
    make(reporting);
    ASSERT_TRUE(answer(next().id, ForeignReply::RunAndReport));
    report(reporting, 5);
    next();
    const uint64_t id = taken().id;
    make(queued);
    machine.in_kernel([&] { server.process().kill(1); });
    EXPECT_NE(id, 0u);
    expect_in_library(client, at + 2);
    expect_in_library(queued, queued.frame.registers.rcx);
    EXPECT_TRUE(machine.result<abi::ForeignReport>(reporting));
    // The next call finds out; then the kernel's core has no part in it any more.
    client.frame.registers.rip = at;
    make();
    expect_in_library(client, at + 2);
    EXPECT_EQ(client.frame.foreign_entry, kEntry);
    EXPECT_EQ(client.process().service(), nullptr);
}

TEST_F(ForeignCallTest, AServiceThatStartsAgainGoesOn) {
    Thread& keeper = machine.make_thread();  // as init keeps the ports of servers
    const Handle kept = machine.give(server, port, keeper);
    const uint64_t at = rip();
    taken();
    Thread& queued = machine.make_thread(client.process());
    make(queued);
    machine.in_kernel([&] { server.process().kill(1); });
    expect_in_library(client, at + 2);
    EXPECT_TRUE(machine.waits(queued));
    const auto received = machine.receive(keeper, kept);
    ASSERT_TRUE(received);
    ASSERT_TRUE(machine.reply(keeper, received->id, 6));
    EXPECT_EQ(queued.frame.registers.rax, 6u);
}

TEST_F(ForeignCallTest, AClosedPortLosesNoCall) {
    const uint64_t at = rip();
    make();
    machine.call(server, abi::HandleClose{port});
    expect_in_library(client, at + 2);
}

TEST_F(ForeignCallTest, TheEndOfServiceModeLetsAllGoOn) {
    const uint64_t at = rip();
    Thread& reporting = machine.make_thread(client.process());
    Thread& other = machine.make_thread(client.process());
    make(reporting);
    ASSERT_TRUE(answer(next().id, ForeignReply::RunAndReport));
    report(reporting, 5);
    const uint64_t report_id = next().id;
    const uint64_t id = taken().id;
    ASSERT_TRUE(machine.call(other, abi::ProcessSetService{abi::kSelfProcess, {}}));
    expect_in_library(client, at + 2);
    EXPECT_TRUE(machine.result<abi::ForeignReport>(reporting));
    EXPECT_EQ(other.frame.foreign_entry, kEntry);
    for (const uint64_t gone : {report_id, id}) {
        const Received cancelled = next();
        EXPECT_EQ(cancelled.header.kind(), abi::MessageKind::Cancelled);
        EXPECT_TRUE(cancelled.id == report_id || cancelled.id == id);
        EXPECT_EQ(refusal(answer(gone, ForeignReply::Result)), Error::NoSuchCall);
    }
    client.frame.registers.rip = at;
    make();
    expect_in_library(client, at + 2);
    expect_nothing();
}

TEST_F(ForeignCallTest, AnotherServiceGetsTheCallAnew) {
    const uint64_t at = rip();
    const uint64_t id = taken().id;
    Thread& judge = machine.make_thread();
    const Handle judge_port = machine.call(judge, abi::PortCreate{})->port;
    Thread& other = machine.make_thread(client.process());
    const Handle to_judge = machine.give(judge, machine.call(judge, abi::PortBadge{judge_port, 7, 1})->sender, other);
    ASSERT_TRUE(machine.call(other, abi::ProcessSetService{abi::kSelfProcess, to_judge}));
    EXPECT_EQ(refusal(answer(id, ForeignReply::Result)), Error::NoSuchCall);
    ASSERT_TRUE(machine.runnable(client));
    EXPECT_EQ(rip(), at);
    EXPECT_EQ(client.frame.registers.rax, kNumber);
    make();
    EXPECT_EQ(machine.receive(judge, judge_port)->badge, 7u);
}

TEST_F(ForeignCallTest, AnAlertHasTheCallMadeAnew) {
    const uint64_t at = rip();
    const uint64_t id = taken().id;
    machine.in_kernel([&] { client.alert(); });
    ASSERT_TRUE(machine.runnable(client));
    machine.switch_to(client);
    ASSERT_TRUE(client.in_upcall());
    EXPECT_EQ(client.upcall()->kind, abi::FaultKind::Alert);
    EXPECT_EQ(client.upcall()->registers.rip, at);
    EXPECT_EQ(client.upcall()->registers.rax, kNumber);
    EXPECT_EQ(refusal(answer(id, ForeignReply::Result)), Error::NoSuchCall);
    const Received cancelled = next();
    EXPECT_EQ(cancelled.header.kind(), abi::MessageKind::Cancelled);
    EXPECT_EQ(cancelled.id, id);
    machine.start(client, abi::UpcallReturn{machine.put(client, client.upcall()->registers)});
    EXPECT_EQ(rip(), at);
    EXPECT_EQ(client.frame.registers.rax, kNumber);
    EXPECT_EQ(taken().header.operation(), kNumber);
}

TEST_F(ForeignCallTest, AnAlertThatIsDueComesBeforeTheCall) {
    machine.use_cpu(0);
    machine.switch_to(client);
    const uint64_t at = rip();
    client.alert();  // as another CPU does while this thread is on its way into the kernel
    make();
    machine.switch_to(client);
    ASSERT_TRUE(client.in_upcall());
    EXPECT_EQ(client.upcall()->registers.rip, at);
    EXPECT_EQ(client.upcall()->registers.rax, kNumber);
    expect_nothing();
}

TEST_F(ForeignCallTest, AnAlertDoesNotTakeBackAResult) {
    ASSERT_TRUE(answer(taken().id, ForeignReply::RunAndReport));
    report(client, 9);
    machine.in_kernel([&] { client.alert(); });
    EXPECT_TRUE(machine.waits(client));
    const Received result = next();
    EXPECT_EQ(result.word[0], 9u);
    ASSERT_TRUE(answer(result.id, ForeignReply::Run));
    machine.switch_to(client);
    EXPECT_TRUE(client.in_upcall());
}

TEST_F(ForeignCallTest, TheCallersDeathIsTold) {
    Thread& stays = machine.make_thread(client.process());
    const uint64_t id = taken().id;
    machine.in_kernel([&] { scheduler.terminate(client); });
    EXPECT_EQ(next().header.kind(), abi::MessageKind::Cancelled);
    EXPECT_EQ(refusal(answer(id, ForeignReply::Result)), Error::NoSuchCall);
    make(stays);
    const uint64_t last = next().id;
    machine.in_kernel([&] { stays.process().kill(1); });
    EXPECT_EQ(next().id, last);
    machine.call(server, abi::HandleClose{server_sender});
    const Received gone = next();
    EXPECT_EQ(gone.header.kind(), abi::MessageKind::Notification) << "no process has the service any more";
    EXPECT_EQ(gone.word[0], abi::kNotifySendersGone);
}

TEST_F(ForeignCallTest, ASuspendedCallerWaitsForItsResume) {
    const uint64_t id = taken().id;
    machine.in_kernel([&] { client.process().suspend(); });
    ASSERT_TRUE(answer(id, ForeignReply::Result, 3));
    EXPECT_EQ(client.state(), Thread::State::Held);
    machine.in_kernel([&] { client.process().resume(); });
    EXPECT_TRUE(machine.runnable(client));
    EXPECT_EQ(client.frame.registers.rax, 3u);
}

TEST_F(ForeignCallTest, ClonesAndLaterThreadsHaveTheService) {
    Thread& later = machine.make_thread(client.process());
    EXPECT_EQ(later.frame.foreign_entry, 0u);
    for (const uint64_t share_space : {0u, 1u}) {
        const Handle handle = machine.call(client, abi::ProcessClone{abi::kSelfProcess, {}, share_space})->process;
        Thread& cloned = machine.make_thread(machine.adopt_process(client, handle));
        const uint64_t at = cloned.frame.registers.rip;
        make(cloned);
        const Received call = next();
        EXPECT_EQ(call.header.user_bits(), cloned.id());
        EXPECT_EQ(call.badge, kBadge);
        ASSERT_TRUE(answer(call.id, ForeignReply::Run));
        expect_in_library(cloned, at + 2);
        // One of them without a service leaves the other alone.
        ASSERT_TRUE(machine.call(cloned, abi::ProcessSetService{abi::kSelfProcess, {}}));
        EXPECT_EQ(cloned.frame.foreign_entry, kEntry);
        EXPECT_EQ(later.frame.foreign_entry, 0u);
    }
    ASSERT_TRUE(answer(taken().id, ForeignReply::Result, 2));
}

TEST_F(ForeignCallTest, ExecKeepsTheService) {
    Thread& other = machine.make_thread(client.process());
    make(other);
    const uint64_t id = next().id;
    const Handle space = machine.call(client, abi::SpaceCreate{})->space;
    machine.start(client, abi::ProcessExec{space, machine.put(client, abi::ThreadStart{.instruction = 0x9000'0000})});
    EXPECT_EQ(next().id, id) << "the call of a thread that exec ended is cancelled";
    EXPECT_EQ(client.frame.foreign_entry, 0u);
    EXPECT_EQ(client.process().foreign_entry, 0u);
    enter_library(client, 0);
    EXPECT_EQ(client.frame.foreign_entry, 0u);
    const uint64_t at = rip();
    ASSERT_TRUE(answer(taken().id, ForeignReply::Run));
    expect_in_library(client, at + 2);
}

TEST_F(ForeignCallTest, ExecEndsTheWaitForAReport) {
    ASSERT_TRUE(answer(taken().id, ForeignReply::RunAndReport));
    const Handle space = machine.call(client, abi::SpaceCreate{})->space;
    machine.start(client, abi::ProcessExec{space, machine.put(client, abi::ThreadStart{.instruction = 0x9000'0000})});
    EXPECT_EQ(refusal(machine.call(client, abi::ForeignReport{0})), Error::WrongState);
}

TEST_F(ForeignCallTest, TheServiceReachesAllMemoryOfTheCaller) {
    const uint64_t there = machine.map(client, 200'000);
    const uint64_t here = machine.map(server, 200'000);
    machine.write<uint64_t>(client, there + 150'000, 31);
    const uint64_t id = taken().id;
    ASSERT_TRUE(machine.call(server, abi::WindowRead{id, there, here, 200'000}));
    EXPECT_EQ(machine.read(server, here + 150'000), 31u);
    machine.write<uint64_t>(server, here, 32);
    ASSERT_TRUE(machine.call(server, abi::WindowWrite{id, there + 8, here, 8}));
    EXPECT_EQ(refusal(machine.call(server, abi::WindowRead{id, 0x7000'0000, here, 8})), Error::BadAddress);
    EXPECT_EQ(refusal(machine.call(server, abi::WindowRead{id, ~uint64_t{0}, here, 8})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(server, abi::WindowRead{id, abi::kUserAddressMax - 4, here, 8})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(machine.make_thread(), abi::WindowRead{id, there, here, 8})), Error::NoSuchCall);
    ASSERT_TRUE(answer(id, ForeignReply::RunAndReport));
    EXPECT_EQ(refusal(machine.call(server, abi::WindowRead{id, there, here, 8})), Error::NoSuchCall);
    EXPECT_EQ(machine.read(client, there + 8), 32u);
    machine.call(client, abi::SpaceProtect{abi::kSelfSpace, there, abi::kPageBytes, static_cast<uint64_t>(abi::Access::Read)});
    report(client, 0);
    const uint64_t result = next().id;
    EXPECT_TRUE(machine.call(server, abi::WindowRead{result, there, here, 8}));
    EXPECT_EQ(refusal(machine.call(server, abi::WindowWrite{result, there, here, 8})), Error::BadAddress) << "read-only";
}

TEST_F(ForeignCallTest, WithoutALibraryRunIsAFault) {
    Thread& supervisor = machine.make_thread();
    const Handle faults = machine.call(supervisor, abi::PortCreate{})->port;
    const Handle told = machine.call(supervisor, abi::PortBadge{faults, 1, 1})->sender;
    Ref<Sender> reference =
        machine.in_kernel([&] { return Ref<Sender>(**supervisor.process().handles().get<Sender>(told, Rights::Send)); });
    Thread& bare = machine.make_thread(machine.make_process(std::move(reference)));
    ASSERT_TRUE(machine.call(bare, abi::ProcessSetService{abi::kSelfProcess, machine.give(server, server_sender, bare)}));
    const uint64_t at = bare.frame.registers.rip;
    make(bare);
    ASSERT_TRUE(answer(next().id, ForeignReply::RunAndReport));
    EXPECT_EQ(bare.frame.registers.rip, at);
    make(bare);
    expect_nothing();
    const auto fault = machine.receive(supervisor, faults);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->header.kind(), abi::MessageKind::Fault);
    EXPECT_EQ(fault->word[0], static_cast<uint64_t>(abi::FaultKind::BadCall) | kNumber << 32);
    // Only that call passed the service.
    ASSERT_TRUE(machine.reply(supervisor, fault->id));
    make(bare);
    EXPECT_EQ(next().header.operation(), kNumber);
}

TEST_F(ForeignCallTest, WithoutMemoryForItTheCallPassesTheService) {
    auto account = machine.in_kernel([&] { return *create_object<Account>(machine.root(), &machine.root(), uint64_t{1} << 20); });
    Thread& poor = machine.make_thread(machine.make_process({}, account.get()));
    enter_library(poor, 0);
    ASSERT_TRUE(machine.call(poor, abi::ProcessSetService{abi::kSelfProcess, machine.give(server, server_sender, poor)}));
    const uint64_t at = poor.frame.registers.rip, left = account->limit_bytes() - account->used_bytes();
    machine.in_kernel([&] { ASSERT_TRUE(account->charge(left)); });
    make(poor);
    expect_in_library(poor, at + 2);
    expect_nothing();
    machine.in_kernel([&] { account->refund(left); });
    make(poor);
    EXPECT_TRUE(machine.waits(poor));
}

TEST_F(ForeignCallTest, OnlyProcessesThatLiveGetAService) {
    Thread& other = machine.make_thread();
    const Handle own_sender = machine.give(server, server_sender, other);
    EXPECT_EQ(refusal(machine.call(other, abi::ProcessSetService{own_sender, own_sender})), Error::WrongType);
    EXPECT_EQ(refusal(machine.call(other, abi::ProcessSetService{abi::kSelfProcess, Handle{99999}})), Error::BadHandle);
    EXPECT_EQ(refusal(machine.call(server, abi::ProcessSetService{abi::kSelfProcess, port})), Error::WrongType);
    const Handle process = machine.call(other, abi::ProcessClone{abi::kSelfProcess, {}, 0})->process;
    machine.call(other, abi::ProcessKill{process, 0});
    EXPECT_EQ(refusal(machine.call(other, abi::ProcessSetService{process, own_sender})), Error::WrongState);
}

TEST_F(ForeignCallTest, ACallerKilledOnItsWayInPostsNothing) {
    machine.switch_to(client);
    client.doomed = true;
    make();
    EXPECT_EQ(client.state(), Thread::State::Dead);
    expect_nothing();
}

}  // namespace
}  // namespace portico::kernel::hosted
