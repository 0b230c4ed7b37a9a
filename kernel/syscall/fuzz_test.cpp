#include <map>
#include <random>

#include "kernel/arch/hosted/port_fixture.h"

/// Random system calls with random arguments by random threads: whatever they do, the kernel stands and gets all memory back.
namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;
constexpr uint64_t kBase = 0x4000'0000, kPages = 64;

class FuzzTest : public testing::TestWithParam<uint64_t> {
protected:
    Machine machine{2, 24};
    std::mt19937_64 random{GetParam()};
    Ref<Account> account = machine.in_kernel([&] { return *create_object<Account>(machine.root(), &machine.root(), uint64_t{12} << 20); });
    std::vector<Ref<Thread>> threads;
    std::array<uint64_t, abi::Syscalls::kCount> succeeded{};
    uint64_t page_messages = 0;                           ///< that arrived
    uint64_t foreign_calls[2]{};                          ///< that the library did, that a service was asked to do
    std::map<uint64_t, std::vector<uint64_t>> values_of;  ///< what calls of each process returned
    std::map<uint64_t, std::vector<uint64_t>> ids_of;     ///< of calls that each process took or made

    ~FuzzTest() override {
        machine.in_kernel([&] {
            threads.clear();
            account = nullptr;
        });
    }
    uint64_t below(uint64_t end) { return random() % end; }

    void add_process() {
        Thread& thread = machine.make_thread(machine.make_process({}, account.get()));
        remember(thread, machine.make_resource(thread).value);
        const auto flags = static_cast<uint64_t>(abi::MapFlags::Fixed | Access::ReadWrite);
        machine.call(thread, abi::SpaceMap{abi::kSelfSpace, {}, 0, kBase, kPages / 2 * kPage, flags});
        if (below(2) == 0) machine.call(thread, abi::ProcessSetEntries{abi::kSelfProcess, below(2) * 0x2100'0000, 0x2000'0000});
        const Handle port = machine.call(thread, abi::PortCreate{})->port;
        const Handle sender = machine.call(thread, abi::PortBadge{port, 1, 8, 8})->sender;
        remember(thread, port.value);
        remember(thread, sender.value);
        if (!threads.empty()) {
            Thread& other = *threads[below(threads.size())];
            if (other.state() != Thread::State::Dead) {
                const Handle given = machine.give(thread, sender, other);
                remember(other, given.value);
                if (machine.runnable(other) && below(2) == 0) machine.call(other, abi::ProcessSetService{abi::kSelfProcess, given});
            }
        }
        keep(thread);
    }
    void keep(Thread& thread) {
        threads.push_back(machine.in_kernel([&] { return Ref<Thread>(thread); }));
    }
    void remember(Thread& thread, uint64_t value) {
        std::vector<uint64_t>& values = values_of[thread.process().id()];
        if (values.size() < 200)
            values.push_back(value);
        else
            values[below(values.size())] = value;
    }
    uint64_t address() { return kBase + below(kPages) * kPage + (below(3) == 0 ? below(kPage) & ~7ull : 0); }
    uint64_t any_argument(Thread& thread) {
        const std::vector<uint64_t>& values = values_of[thread.process().id()];
        switch (below(8)) {
        case 0:
            return below(8);
        case 1:
            return uint64_t{1 + below(4)} << 20;  // the pseudo-handles
        case 2:
            return below(20) * kPage;
        case 3:
            return random();
        case 4:
            return ~uint64_t{0} - below(3);
        case 5:
            return address();
        case 6:
            return machine.hardware.now_ns() + below(100'000);
        default:
            return values.empty() ? 0 : values[below(values.size())];
        }
    }
    /// Something that this process got and that is now a handle of the type, if there is one.
    uint64_t handle_of(Thread& thread, ObjectType type) {
        const std::vector<uint64_t>& values = values_of[thread.process().id()];
        for (int tries = 0; tries < 12 && !values.empty(); ++tries) {
            const uint64_t value = values[below(values.size())];
            const auto found = thread.process().handles().find(Handle{value});
            if (found && (*found)->object()->type() == type) return value;
        }
        return any_argument(thread);
    }
    uint64_t call_id(Thread& thread) {
        const Call* taken = thread.process().calls().first();
        if (taken != nullptr && below(2) == 0) return taken->message.id;
        const std::vector<uint64_t>& ids = ids_of[thread.process().id()];
        return ids.empty() ? 0 : ids[below(ids.size())];
    }
    /// An argument that often makes sense, by the name it has in the call's description.
    uint64_t argument(Thread& thread, std::string_view name) {
        static constexpr std::pair<std::string_view, ObjectType> kTypes[] = {
            {"port", ObjectType::Port},          {"reply_port", ObjectType::Port}, {"sender", ObjectType::Sender},
            {"supervisor", ObjectType::Sender},  {"service", ObjectType::Sender},  {"memory", ObjectType::Memory},
            {"space", ObjectType::AddressSpace}, {"process", ObjectType::Process}, {"thread", ObjectType::Thread},
            {"timer", ObjectType::Timer},        {"io", ObjectType::IoPorts},      {"interrupt", ObjectType::Interrupt},
            {"resource", ObjectType::Resource},  {"account", ObjectType::Account}, {"set", ObjectType::PortSet}};
        static constexpr std::pair<std::string_view, ObjectType> kOwn[] = {
            {"space", ObjectType::AddressSpace}, {"process", ObjectType::Process}, {"account", ObjectType::Account}};
        if (below(10) == 0) return any_argument(thread);
        if (below(3) == 0)
            for (const auto& [each, type] : kOwn)
                if (name == each)
                    return type == ObjectType::AddressSpace ? abi::kSelfSpace.value
                           : type == ObjectType::Process    ? abi::kSelfProcess.value
                                                            : abi::kSelfAccount.value;
        for (const auto& [each, type] : kTypes)
            if (name == each) return handle_of(thread, type);
        for (const std::string_view each : {"address", "info", "start", "state", "registers", "target", "clear", "clear_too"})
            if (name == each) return address();
        if (name == "length" || name == "size") return below(3) == 0 ? below(20) * kPage : below(200);
        if (name == "pages") return below(12);
        if (name == "offset" && below(2) == 0) return 0;
        if (name == "offset" && below(4) == 0) return address();
        if (name == "offset") return below(2) * kPage * below(4);
        if (name == "deadline") return machine.hardware.now_ns() + below(100'000);
        if (name == "id") return call_id(thread);
        if (name == "line" || name == "bits" || name == "width" || name == "count" || name == "credits") return 1 + below(kLines - 1);
        if (name == "shared" || name == "expected" || name == "level" || name == "keep") return below(2);
        if (name == "error") return below(4) == 0;
        if (name == "wait") return below(2) * 200'000;
        if (name == "flags") return below(128) | (below(2) == 0 ? 3 : 0);
        if (name == "base" || name == "access") return below(8);
        return any_argument(thread);
    }
    void load(Thread& thread, uint64_t number) {
        abi::Registers& r = thread.frame.registers;
        for (uint64_t* one : {&r.r12, &r.r13, &r.r14, &r.r15}) *one = any_argument(thread);
        r.rbx = below(2) == 0 ? below(10'000) | below(10'000) << 32 : random();
        uint64_t* const registers[] = {&r.rdi, &r.rsi, &r.rdx, &r.r10, &r.r8, &r.r9};
        for (size_t i = 0; i < 6; ++i)
            *registers[i] =
                number < abi::Syscalls::kCount ? argument(thread, abi::Syscalls::kDocs[number].arguments[i].name) : any_argument(thread);
        if (number == abi::PortSendBatch::doc.number) r.rdi = handle_of(thread, ObjectType::Sender);
        if (number == abi::PortReceiveBatch::doc.number) r.rdi = handle_of(thread, ObjectType::Port);
        const bool forwards = number == abi::PortForward::doc.number;
        if (!forwards && (number < abi::PortSend::doc.number || number > abi::PortReplyReceive::doc.number)) return;
        const bool receives = number == abi::PortReceive::doc.number || number == abi::PortReplyReceive::doc.number;
        const uint64_t id = call_id(thread);
        r.rdi = number == abi::PortReply::doc.number ? id : handle_of(thread, receives ? ObjectType::Port : ObjectType::Sender);
        if (receives && below(4) == 0) r.rdi = handle_of(thread, ObjectType::PortSet);
        r.r14 = forwards                                      ? id
                : number == abi::PortReplyReceive::doc.number ? id * below(2)
                : number == abi::PortCallAsync::doc.number    ? handle_of(thread, ObjectType::Port)
                                                              : address();
        if (below(10) != 0)
            r.rsi = abi::Header::make(static_cast<uint16_t>(below(4)), below(3) == 0 ? static_cast<unsigned>(below(4)) : 0,
                                      static_cast<unsigned>(below(16)))
                        .value;
        if (number == abi::PortCall::doc.number && below(2) == 0) {
            r.rsi = abi::Header{r.rsi}.with_windows().value;
            r.r14 = address(), r.r15 = address(), r.rbx = below(5000) | below(5000) << 32;
        }
        if (number != abi::PortCallAsync::doc.number && below(3) == 0) load_pages(r, forwards, receives);
        r.r13 = below(4) == 0 ? abi::kNow : machine.hardware.now_ns() + below(300'000);
        // Ports in each other's queues are never freed (docs/kernel.md, limits): no receive rights in messages here.
        for (uint64_t* word : {&r.r10, &r.r8, &r.r9, &r.r12}) {
            const auto found = thread.process().handles().find(Handle{*word});
            if (found && (*found)->object()->type() == ObjectType::Port) *word = 0;
        }
    }
    /// Pages to send, and where others may land.
    void load_pages(abi::Registers& r, bool forwards, bool receives) {
        if (!receives) r.rsi = abi::Header{r.rsi}.with_pages(below(2) == 0).value & (below(9) == 0 ? ~0ull : ~(uint64_t{1} << 23));
        const auto page = [&] { return below(20) == 0 ? address() : kBase + below(kPages / 3) * kPage; };
        if (!forwards && !receives) r.r14 = page();
        r.r15 = page();
        r.rbx = below(8) * kPage | below(16) * kPage << 32;
        if (below(20) == 0) r.rbx = random();
    }
    void note_result(Thread& thread, uint64_t number) {
        const abi::Registers& r = machine.result_registers(thread);
        const bool blocks = machine.waits(thread) || thread.state() == Thread::State::Dead;
        if (number < succeeded.size() && (blocks || r.rax == 0)) ++succeeded[number];
        if (blocks || r.rax != 0) return;
        remember(thread, r.rdi);
        if (number == abi::PortReceive::doc.number || number == abi::PortReplyReceive::doc.number ||
            number == abi::PortCallAsync::doc.number) {
            if (number != abi::PortCallAsync::doc.number && abi::Header{r.rsi}.has_pages() && static_cast<uint32_t>(r.rbx) != 0)
                ++page_messages;
            std::vector<uint64_t>& ids = ids_of[thread.process().id()];
            if (ids.size() > 6) ids.erase(ids.begin());
            if (r.rdi != 0) ids.push_back(r.rdi);
        }
        if (number == abi::ThreadCreate::doc.number) keep(machine.adopt_thread(thread, Handle{r.rdi}));
        if (number != abi::ProcessCreate::doc.number && number != abi::ProcessClone::doc.number) return;
        Process& made = machine.adopt_process(thread, Handle{r.rdi});
        if (!made.has_space() || made.account().limit_bytes() - made.account().used_bytes() < 100'000) return;
        keep(machine.make_thread(made));
        values_of[made.id()] = values_of[thread.process().id()];
    }
    Thread* pick() {
        for (int tries = 0; tries < 8 && !threads.empty(); ++tries) {
            Thread& thread = *threads[below(threads.size())];
            if (machine.runnable(thread)) return &thread;
        }
        return nullptr;
    }
    void tidy() {
        machine.forget_ended();
        machine.in_kernel([&] {
            std::erase_if(threads, [](const Ref<Thread>& thread) { return thread->state() == Thread::State::Dead; });
            for (Ref<Thread>& thread : threads) {
                if (thread->state() == Thread::State::Held && below(2) == 0) thread->process().resume();
                if (thread->state() == Thread::State::Blocked && below(4) == 0) thread->alert();
                if (thread->state() == Thread::State::Blocked && below(20) == 0) thread->process().kill(0);
            }
            while (threads.size() > 40) {
                threads[below(threads.size())]->process().kill(0);
                std::erase_if(threads, [](const Ref<Thread>& thread) { return thread->state() == Thread::State::Dead || thread->doomed; });
            }
        });
        machine.settle();
        const uint64_t left = account->limit_bytes() - account->used_bytes();
        if (left < 500'000) {
            machine.in_kernel([&] {
                for (Ref<Thread>& thread : threads) thread->process().kill(0);
                threads.clear();
            });
            machine.settle();
        }
        while (threads.size() < 6) add_process();
    }
    void step() {
        Thread* thread = pick();
        if (thread == nullptr) {
            machine.advance(1 + below(50'000));
            return;
        }
        machine.use_cpu(static_cast<unsigned>(below(2)));
        if (below(6) == 0) {
            uint64_t word = random();
            const uint64_t at = address() & ~7ull;
            const Access access = below(2) == 0 ? Access::Write : Access::Read;
            const Mapping* mapping = thread->process().space().mapping_above(at);
            const bool allowed = mapping != nullptr && mapping->address <= at && allows(mapping->access, access);
            if (allowed || below(50) == 0) machine.access(*thread, at, &word, 8, access);
            return;
        }
        const bool has_other_system = thread->process().service() != nullptr || thread->process().foreign_entry != 0;
        if (has_other_system && below(4) == 0) {
            const Ref<Thread> kept = machine.in_kernel([&] { return Ref<Thread>(*thread); });
            machine.foreign_call(*thread, below(500), {any_argument(*thread), address(), random()});
            ++foreign_calls[machine.waits(*thread) ? 1 : 0];
            return;
        }
        // Ends of threads and processes are rare, so that the others get to build something up.
        uint64_t number = below(abi::Syscalls::kCount + 1);
        if (below(3) == 0) number = abi::PortSend::doc.number + below(abi::WindowWrite::doc.number - abi::PortSend::doc.number + 1);
        const bool ends =
            number == abi::ThreadExit::doc.number || number == abi::ProcessKill::doc.number || number == abi::ProcessExec::doc.number;
        if (ends && below(8) != 0) number = abi::SpaceMap::doc.number;
        // Calls that were taken are used and answered now and then: by chance nobody would hit upon their ids.
        static constexpr uint64_t kWithTaken[] = {abi::PortReply::doc.number, abi::WindowRead::doc.number, abi::WindowWrite::doc.number};
        if (thread->process().calls().first() != nullptr && below(3) == 0) number = kWithTaken[below(3)];
        if (thread->report_due && below(2) == 0) number = abi::ForeignReport::doc.number;
        load(*thread, number);
        const Ref<Thread> alive = machine.in_kernel([&] { return Ref<Thread>(*thread); });
        machine.enter(*thread, number);
        FrameAllocator::fail_after = -1;
        note_result(*thread, number);
    }
};

TEST_P(FuzzTest, TheKernelStands) {
    for (int i = 0; i < 100'000; ++i) {
        if (i % 128 == 0) tidy();
        if (below(500) == 0) FrameAllocator::fail_after = static_cast<int64_t>(below(5));
        step();
        FrameAllocator::fail_after = -1;
        if (below(100) == 0) machine.raise_interrupt(static_cast<unsigned>(below(kLines)));
        if (below(50) == 0) machine.advance(below(200'000));
    }
    EXPECT_GT(page_messages, 20u);
    unsigned calls_that_never_worked = 0;
    for (const abi::CallDoc& doc : abi::Syscalls::kDocs) {
        if (succeeded[doc.number] != 0) continue;
        ++calls_that_never_worked;
        std::printf("never worked: %.*s\n", static_cast<int>(doc.name.size()), doc.name.data());
    }
    EXPECT_LT(calls_that_never_worked, 9u);  // some need luck
    for (const uint64_t count : foreign_calls) EXPECT_GT(count, 100u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, FuzzTest, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace portico::kernel::hosted
