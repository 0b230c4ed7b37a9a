#include <random>

#include "kernel/arch/hosted/port_fixture.h"

/// Random system calls with random arguments by random threads: whatever they do, the kernel stands and gets all memory back.
namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;

class FuzzTest : public testing::TestWithParam<uint64_t> {
protected:
    Machine machine{2, 24};
    std::mt19937_64 random{GetParam()};
    Ref<Account> account = machine.in_kernel([&] { return *create_object<Account>(machine.root(), &machine.root(), uint64_t{12} << 20); });
    std::vector<Ref<Thread>> threads;
    std::vector<uint64_t> values;  ///< what calls returned: handles, ids, addresses

    ~FuzzTest() override {
        machine.in_kernel([&] {
            threads.clear();
            account = nullptr;
        });
    }
    uint64_t below(uint64_t end) { return random() % end; }

    void add_process() {
        Thread& thread = machine.make_thread(machine.make_process({}, account.get()));
        threads.push_back(machine.in_kernel([&] { return Ref<Thread>(thread); }));
        values.push_back(machine.make_resource(thread).value);
    }
    void add_thread(Thread& holder, uint64_t handle) {
        Thread& thread = machine.adopt_thread(holder, Handle{handle});
        threads.push_back(machine.in_kernel([&] { return Ref<Thread>(thread); }));
    }
    uint64_t address() { return 0x4000'0000 + below(96) * kPage + (below(3) == 0 ? below(kPage) & ~7ull : 0); }
    uint64_t argument() {
        switch (below(12)) {
        case 0: return below(8);
        case 1: return 1 + below(4);  // together with the shift: pseudo-handles
        case 2: return uint64_t{1 + below(4)} << 20;
        case 3: return below(20) * kPage;
        case 4: return random();
        case 5: return ~uint64_t{0} - below(3);
        case 6:
        case 7: return address();
        case 8: return machine.hardware.now_ns() + below(100'000);
        default: return values.empty() ? 0 : values[below(values.size())];
        }
    }
    void load(Thread& thread, uint64_t number) {
        abi::Registers& r = thread.frame.registers;
        for (uint64_t* one : {&r.rdi, &r.rsi, &r.rdx, &r.r10, &r.r8, &r.r9, &r.r12, &r.r13, &r.r14, &r.r15}) *one = argument();
        r.rbx = below(2) == 0 ? below(10'000) | below(10'000) << 32 : random();
        const bool is_message = number >= abi::PortSend::doc.number && number <= abi::PortReplyReceive::doc.number;
        if (is_message && below(4) != 0) r.rsi = abi::Header::make(0, static_cast<unsigned>(below(4)), static_cast<unsigned>(below(16))).value;
        if (number == abi::SpaceMap::doc.number && below(4) != 0) {
            r.rdi = abi::kSelfSpace.value;
            if (below(2) == 0) r.rsi = 0;
            r.rdx = below(4) * kPage, r.r10 = address() & ~(kPage - 1), r.r8 = (1 + below(8)) * kPage, r.r9 = below(128);
        }
        if (number == abi::ThreadCreate::doc.number && below(2) == 0) r.rdi = abi::kSelfProcess.value;
        if (number == abi::MemoryCreate::doc.number) r.rdi = below(40) * kPage;
        if (number == abi::PortBadge::doc.number) r.rdx = 1 + below(10);
    }
    void note_result(Thread& thread, uint64_t number) {
        const abi::Registers& r = machine.result_registers(thread);
        if (thread.state() == Thread::State::Dead || machine.waits(thread) || r.rax != 0) return;
        if (values.size() < 400) values.push_back(r.rdi);
        else values[below(values.size())] = r.rdi;
        if (number == abi::ThreadCreate::doc.number) add_thread(thread, r.rdi);
        if (number == abi::ProcessCreate::doc.number || number == abi::ProcessClone::doc.number) {
            Process& made = machine.adopt_process(thread, Handle{r.rdi});
            if (made.has_space() && machine.in_kernel([&] { return made.account().limit_bytes() - made.account().used_bytes(); }) > 100'000) {
                Thread& first = machine.make_thread(made);
                threads.push_back(machine.in_kernel([&] { return Ref<Thread>(first); }));
            }
        }
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
            for (Ref<Thread>& thread : threads)
                if (thread->state() == Thread::State::Held && below(2) == 0) thread->process().resume();
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
        if (below(8) == 0) {
            uint64_t word = random();
            machine.access(*thread, address() & ~7ull, &word, 8, below(2) == 0 ? Access::Write : Access::Read);
            return;
        }
        // Ends of threads and processes are rare, so that the others get to build something up.
        uint64_t number = below(abi::Syscalls::kCount + 1);
        const bool ends = number == abi::ThreadExit::doc.number || number == abi::ProcessKill::doc.number || number == abi::ProcessExec::doc.number;
        if (ends && below(8) != 0) number = abi::SpaceMap::doc.number;
        load(*thread, number);
        const Ref<Thread> keep = machine.in_kernel([&] { return Ref<Thread>(*thread); });
        machine.enter(*thread, number);
        FrameAllocator::fail_after = -1;
        note_result(*thread, number);
    }
};

TEST_P(FuzzTest, TheKernelStands) {
    for (int i = 0; i < 60'000; ++i) {
        if (i % 256 == 0) tidy();
        if (below(500) == 0) FrameAllocator::fail_after = static_cast<int64_t>(below(5));
        step();
        FrameAllocator::fail_after = -1;
        if (below(100) == 0) machine.raise_interrupt(static_cast<unsigned>(below(kLines)));
        if (below(50) == 0) machine.advance(below(200'000));
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, FuzzTest, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace portico::kernel::hosted
