#include "kernel/arch/hosted/page_stress_programs.h"
#include "kernel/arch/hosted/port_fixture.h"

/// Several CPUs as real threads: calls, messages with handles, copies on write, clones and kills at once. Under the thread
/// sanitizer this shows that the kernel lock and shoot-downs order all that they must.
namespace portico::kernel::hosted {
namespace {

class StressTest : public testing::TestWithParam<unsigned> {
protected:
    Machine machine{GetParam(), 32};
    std::vector<std::unique_ptr<Program>> programs;

    template <class Made, class... Arguments>
    Made& start(Thread& thread, Arguments... arguments) {
        programs.push_back(std::make_unique<Made>(arguments...));
        thread.frame.registers.rbp = reinterpret_cast<uint64_t>(programs.back().get());
        return static_cast<Made&>(*programs.back());
    }
    static void step(Thread& thread) {
        abi::Registers& r = thread.frame.registers;
        if (r.rbp == 0) r.rbp = r.rdi;  // made by a program: its argument
        reinterpret_cast<Program*>(r.rbp)->step(thread);
    }
};

TEST_P(StressTest, tsan) {
    Thread& server = machine.make_thread();
    Thread& second_server = machine.make_thread(server.process());
    const Handle port = machine.call(server, abi::PortCreate{})->port;
    const Handle server_sender = machine.call(server, abi::PortBadge{port, 1, 16})->sender;
    start<Server>(server, port);
    start<Server>(second_server, port);
    std::vector<Program*> workers;
    for (int i = 0; i < 3; ++i) {
        Thread& caller = machine.make_thread();
        workers.push_back(&start<Caller>(caller, machine.give(server, server_sender, caller)));
    }
    Thread& mover = machine.make_thread();
    workers.push_back(&start<Mover>(mover, machine.give(server, server_sender, mover)));

    Thread& counter = machine.make_thread();
    Thread& second_counter = machine.make_thread(counter.process());
    const uint64_t page = machine.map(counter, 4 * kPage);
    workers.push_back(&start<Counter>(counter, page, 0ull));
    workers.push_back(&start<Counter>(second_counter, page, 1ull));

    Thread& cloner = machine.make_thread();
    const Handle victim = machine.in_kernel([&] { return *cloner.process().handles().add(Capability(counter.process(), Rights::All)); });
    Cloner& clones = start<Cloner>(cloner, victim, page, machine.map(cloner, kPage));
    workers.push_back(&clones);

    machine.run_cpus(std::chrono::milliseconds(1500), step);
    // The last clone is to be killed by who made it.
    while (!clones.between()) {
        while (machine.waits(cloner)) machine.advance(100'000);
        machine.switch_to(cloner);
        step(cloner);
    }
    for (Program* worker : workers) EXPECT_GT(worker->steps, 0u);
}

TEST_P(StressTest, tsan_pages) {
    std::vector<Program*> workers;
    for (const uint64_t count : {uint64_t{1}, uint64_t{40}}) {
        Thread& sink = machine.make_thread();
        const Handle port = machine.call(sink, abi::PortCreate{})->port;
        const Handle own = machine.call(sink, abi::PortBadge{port, 1, 4, count})->sender;
        workers.push_back(&start<PageSink>(sink, port, machine.map(sink, count * kPage), count));
        Thread& mover = machine.make_thread();
        Thread& scribbler = machine.make_thread(mover.process());
        const uint64_t source = machine.map(mover, count * kPage);
        workers.push_back(&start<PageMover>(mover, machine.give(sink, own, mover), source, count));
        workers.push_back(&start<PageScribbler>(scribbler, source, count));
    }
    machine.run_cpus(std::chrono::milliseconds(1500), step);
    for (Program* worker : workers) EXPECT_GT(worker->steps, 0u);
}

INSTANTIATE_TEST_SUITE_P(Cpus, StressTest, testing::Values(2u, 4u));

}  // namespace
}  // namespace portico::kernel::hosted
