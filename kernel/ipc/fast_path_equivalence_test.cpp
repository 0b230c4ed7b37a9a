#include <functional>
#include <random>

#include "kernel/arch/hosted/fast_path_fixture.h"
#include "kernel/object/process.h"

/// The same exchanges by the fast path and by the general path: whatever a program or an account can tell of them is the same.
namespace portico::kernel::hosted {
namespace {

/// One run of a script. `log` is all that was seen.
struct Exchange {
    explicit Exchange(bool is_general) : general(is_general) {}

    const bool general;
    Machine machine;
    Ref<Account> accounts[2] = {make_account(), make_account()};
    Thread& server = machine.make_thread(machine.make_process({}, accounts[0].get()));
    Thread& client = machine.make_thread(machine.make_process({}, accounts[1].get()));
    Handle port = machine.call(server, abi::PortCreate{})->port;
    Handle sender = machine.give(server, machine.call(server, abi::PortBadge{port, 42, 8})->sender, client);
    std::vector<uint64_t> log;
    uint64_t fast = 0;  ///< entries that took the fast path
    std::vector<uint64_t> ids;

    Ref<Account> make_account() {
        return machine.in_kernel([&] { return *create_object<Account>(machine.root(), &machine.root(), uint64_t{1} << 20); });
    }
    /// A deadline that never passes, or that the thread is to be looked at first, keeps an exchange out of the fast path.
    uint64_t deadline() const { return general ? abi::kForever - 1 : abi::kForever; }

    template <class Call>
    void enter(Thread& thread, abi::MessageRegisters registers) {
        registers.deadline_or_badge = deadline();
        machine.switch_to(thread);
        Cpu& cpu = arch::this_cpu();
        cpu.resched = false;
        cpu.attention = true;
        thread.disturbed = general;
        machine.start_message<Call>(thread, registers);
        fast += std::exchange(cpu.attention, false);
        see();
    }
    void call(abi::MessageRegisters registers) { call_by(client, registers); }
    void call_by(Thread& thread, abi::MessageRegisters registers) {
        registers.handle_or_id = sender.value;
        enter<abi::PortCall>(thread, registers);
    }
    /// As a client with credits left; else it is a refusal, which both ways tell.
    void send(abi::MessageRegisters registers) {
        registers.handle_or_id = sender.value;
        enter<abi::PortSend>(client, registers);
    }
    void reply(uint64_t word) { note(refusal(machine.reply(server, id(), word))); }
    void receive(Handle from) { enter<abi::PortReceive>(server, {.handle_or_id = from.value}); }
    void receive() { receive(port); }
    uint64_t id() { return server.frame.registers.rdi; }
    void reply_receive(uint64_t word, abi::Header header = {}) {
        enter<abi::PortReplyReceive>(server, {.handle_or_id = port.value, .header = header, .word = {word, 2, 3, 4, 5}, .r14 = id()});
    }
    /// A call that warms up: it makes the thread's record.
    void warm_up(Thread& thread) {
        machine.start_call(thread, sender);
        ids.push_back(machine.receive(server, port)->id);
        EXPECT_TRUE(machine.reply(server, ids.back()));
    }

    /// Ids and deadlines differ from run to run: what counts is where which is.
    uint64_t neutral(uint64_t value) const {
        const auto found = std::find(ids.begin(), ids.end(), value);
        if (found != ids.end()) return 0x1D'0000'0000 + static_cast<uint64_t>(found - ids.begin());
        return value == deadline() ? abi::kForever : value;
    }
    void see(const Thread& thread) {
        log.push_back(machine.runnable(thread) ? 0 : static_cast<uint64_t>(thread.state()));
        log.push_back(static_cast<uint64_t>(thread.wait()));
        log.push_back(thread.priority());
        if (thread.state() == Thread::State::Blocked || thread.state() == Thread::State::Dead) return;
        const abi::Registers& r = thread.frame.registers;
        for (const uint64_t value :
             {r.rax, r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9, r.r12, r.r13, r.r14, r.r15, r.rbx, r.rbp, r.rip, r.rsp, r.rflags})
            log.push_back(neutral(value));
    }
    void see() {
        if (!machine.waits(server) && (ids.empty() || ids.back() != id())) ids.push_back(id());
        see(server);
        see(client);
        for (const Ref<Account>& account : accounts) {
            log.push_back(account->used_bytes());
            log.push_back(account->object_count());
        }
        log.push_back(machine.root().used_bytes());
        log.push_back(server.process().handles().count());
        log.push_back(client.process().handles().count());
    }
    void note(uint64_t value) { log.push_back(value); }
    void note(Error error) { note(static_cast<uint64_t>(error)); }
};

/// `check` gets how many entries kept out of Scheduler::leave.
void expect_same(const std::function<void(Exchange&)>& script, const std::function<void(bool general, uint64_t fast)>& check) {
    std::vector<uint64_t> logs[2];
    for (const bool general : {false, true}) {
        Exchange run(general);
        run.warm_up(run.client);
        script(run);
        run.see();
        check(general, run.fast);
        logs[general] = run.log;
    }
    ASSERT_EQ(logs[0].size(), logs[1].size());
    for (size_t i = 0; i < logs[0].size(); ++i) ASSERT_EQ(logs[0][i], logs[1][i]) << "entry " << i << " of the log: fast, general";
}

void expect_same(uint64_t fast_entries, const std::function<void(Exchange&)>& script) {
    expect_same(script, [=](bool general, uint64_t fast) {
        EXPECT_EQ(fast, general ? 0 : fast_entries) << (general ? "general" : "fast") << " path";
    });
}

TEST(FastPathEquivalence, Exchanges) {
    expect_same(6, [](Exchange& run) {
        run.receive();
        for (uint64_t i = 0; i < 3; ++i) {
            run.call(
                {.header = Header::make(static_cast<uint16_t>(i), 0, 0, 77), .word = {i, i + 1, i + 2, i + 3, i + 4}, .r14 = 5, .rbx = 9});
            run.reply_receive(i + 10, Header::make(3, 0, 0, 0xFFFF));
        }
    });
}

TEST(FastPathEquivalence, WindowsAndHeaders) {
    expect_same(2, [](Exchange& run) {
        const uint64_t page = run.machine.map(run.client, 4096), buffer = run.machine.map(run.server, 4096);
        run.receive();
        run.call({.header = Header{~uint64_t{0x6'07F'0000}}.with_windows(), .r14 = page, .r15 = page, .rbx = 100 | uint64_t{50} << 32});
        const uint64_t id = run.id();
        run.note(refusal(run.machine.call(run.server, abi::WindowRead{id, 0, buffer, 101})));
        run.note(refusal(run.machine.call(run.server, abi::WindowRead{id, 0, buffer, 100})));
        run.note(refusal(run.machine.call(run.server, abi::WindowWrite{id, 1, buffer, 50})));
        run.server.frame.registers.rdi = id;
        run.reply_receive(1, Header{~uint64_t{0x6'07F'0000}});
    });
}

TEST(FastPathEquivalence, ASetTellsItsKey) {
    expect_same(1, [](Exchange& run) {
        const Handle set = run.machine.call(run.server, abi::SetCreate{})->set;
        run.machine.call(run.server, abi::SetAdd{set, run.port, 0xABCDEF});
        run.receive(set);
        run.call({.word = {1}, .r14 = 3});
        run.note(refusal(run.machine.reply(run.server, run.id(), 4)));
        run.see();
        run.note(refusal(run.machine.receive(run.server, set)));
        run.machine.send(run.client, run.sender, 9);
        run.note(run.machine.receive(run.server, set)->word[0]);
        run.note(run.server.frame.registers.r14);
    });
}

TEST(FastPathEquivalence, AlertsOfTheCaller) {
    for (const bool steady : {false, true})
        expect_same(1, [&](Exchange& run) {
            run.receive();
            run.call({.header = steady ? Header{}.as_steady() : Header{}});
            const uint64_t id = run.id();
            run.machine.in_kernel([&] { run.client.alert(); });
            run.see();
            run.note(refusal(run.machine.reply(run.server, id, 4)));
            const auto told = run.machine.receive(run.server, run.port);
            run.note(refusal(told));
            if (told) run.note(told->id == id ? told->header.value : 0);
        });
}

TEST(FastPathEquivalence, DeathOfEither) {
    expect_same(1, [](Exchange& run) {
        run.receive();
        run.call({});
        const uint64_t id = run.id();
        run.machine.in_kernel([&] { run.client.process().kill(1); });
        run.see();
        run.note(refusal(run.machine.reply(run.server, id, 4)));
        run.note(run.machine.receive(run.server, run.port)->header.value);
    });
    expect_same(3, [](Exchange& run) {
        run.receive();
        run.call({});
        run.reply_receive(1);
        run.call({});
        run.machine.in_kernel([&] { run.server.process().kill(1); });
    });
}

TEST(FastPathEquivalence, TheCallIsFoundByEverything) {
    expect_same(1, [](Exchange& run) {
        Thread& second = run.machine.make_thread();
        const Handle second_port = run.machine.call(second, abi::PortCreate{})->port;
        const Handle to_second = run.machine.give(second, run.machine.call(second, abi::PortBadge{second_port, 7, 1})->sender, run.server);
        run.receive();
        run.call({.word = {8}});
        const uint64_t id = run.id();
        run.note(refusal(run.machine.reply(second, id)));
        run.machine.call(run.server, abi::HandleClose{run.port});
        run.note(refusal(run.machine.message<abi::PortForward>(run.server, {.handle_or_id = to_second.value, .word = {6}, .r14 = id})));
        const auto taken = run.machine.receive(second, second_port);
        run.note(taken->header.value);
        run.note(taken->word[0]);
        run.note(refusal(run.machine.reply(second, id, 3)));
    });
}

TEST(FastPathEquivalence, TwoClientsAndTwoServers) {
    expect_same(5, [](Exchange& run) {
        Thread& second = run.machine.make_thread(run.server.process());
        Thread& other = run.machine.make_thread(run.client.process());
        run.warm_up(other);
        run.receive();
        run.enter<abi::PortReceive>(second, {.handle_or_id = run.port.value});
        run.call({.word = {1}});
        run.call_by(other, {.word = {2}});
        const uint64_t second_id = second.frame.registers.rdi;
        run.ids.push_back(second_id);
        run.see(second);
        run.enter<abi::PortReplyReceive>(second, {.handle_or_id = run.port.value, .word = {3}, .r14 = second_id});
        run.see(other);
        run.reply_receive(4);
        run.call({.word = {5}});
        run.ids.push_back(second.frame.registers.rdi);
        run.see(second);
    });
}

TEST(FastPathEquivalence, PrioritiesAndNesting) {
    expect_same(5, [](Exchange& run) {
        Thread& urgent = run.machine.make_thread(run.client.process(), 25);
        Thread& inner = run.machine.make_thread(run.machine.make_process(), 9);
        const Handle inner_port = run.machine.call(inner, abi::PortCreate{})->port;
        const Handle to_inner = run.machine.give(inner, run.machine.call(inner, abi::PortBadge{inner_port, 7, 1})->sender, run.server);
        run.warm_up(urgent);
        run.machine.start_call(run.server, to_inner);
        run.ids.push_back(run.machine.receive(inner, inner_port)->id);
        run.machine.reply(inner, run.ids.back());
        run.enter<abi::PortReceive>(inner, {.handle_or_id = inner_port.value});
        run.receive();
        run.call_by(urgent, {.word = {1}});
        const uint64_t id = run.id();
        run.enter<abi::PortCall>(run.server, {.handle_or_id = to_inner.value, .word = {2}});
        run.ids.push_back(inner.frame.registers.rdi);
        run.see(inner);
        run.enter<abi::PortReplyReceive>(inner, {.handle_or_id = inner_port.value, .word = {3}, .r14 = inner.frame.registers.rdi});
        run.see(inner);
        run.server.frame.registers.rdi = id;
        run.reply_receive(4);
        run.see(urgent);
        run.call({.word = {5}});
        run.note(run.server.priority());
    });
}

/// An urgent call waited for what the server would do next at another port; then it is called at this one.
TEST(FastPathEquivalence, APriorityInheritedWhileWaitingElsewhere) {
    expect_same(1, [](Exchange& run) {
        Thread& urgent = run.machine.make_thread(run.client.process(), 25);
        const Handle other_port = run.machine.call(run.server, abi::PortCreate{})->port;
        const Handle to_other =
            run.machine.give(run.server, run.machine.call(run.server, abi::PortBadge{other_port, 7, 4})->sender, urgent);
        run.machine.send(urgent, to_other);
        run.machine.receive(run.server, other_port);
        run.receive();
        run.machine.start_call(urgent, to_other);
        run.call({.word = {1}});
        run.note(run.server.priority());
    });
}

TEST(FastPathEquivalence, Queues) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        const auto script = [seed](Exchange& run) {
            std::mt19937_64 random(seed);
            const auto below = [&](uint64_t limit) { return random() % limit; };
            for (unsigned i = 0; i < 300; ++i) {
                const Header header = Header::make(static_cast<uint16_t>(i), 0, 0, 9);
                switch (below(4)) {
                case 0:
                    if (run.machine.runnable(run.client)) run.call({.header = header, .word = {i, i + 1, i + 2, i + 3, i + 4}});
                    break;
                case 1:
                    if (run.machine.runnable(run.client)) run.send({.header = header, .word = {i, i + 5, i + 6, i + 7, i + 8}, .rbx = 3});
                    break;
                default:
                    if (!run.machine.runnable(run.server)) break;
                    if (Header{run.server.frame.registers.rsi}.kind() == MessageKind::Call) run.reply(i);
                    run.receive();
                }
            }
        };
        expect_same(script, [](bool general, uint64_t fast) { EXPECT_TRUE(general ? fast == 0 : fast > 50) << fast; });
    }
}

}  // namespace
}  // namespace portico::kernel::hosted
