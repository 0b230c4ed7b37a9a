#include <thread>
#include <vector>

#include "tests/native/storm.h"

/// Threads that are ready run on all CPUs: none idles while another has two of them.
/// cpus: 2 4
namespace portico::native_test {
namespace {

constexpr std::chrono::milliseconds kLength{500};

struct Common {
    std::atomic<uint32_t> started = 0;
    std::atomic<bool> done = false;
};

void spin_till_done(Common& common) {
    ++common.started;
    while (!common.done) spin(10);
}

/// How long all CPUs together idle while one spinning thread for each is ready.
uint64_t idle_ms_beside(const Common& common) {
    while (common.started < system_now().cpu_count) sleep_ms(1);
    sleep_ms(50);
    const uint64_t before = system_now().idle_ns;
    std::this_thread::sleep_for(kLength);
    return (system_now().idle_ns - before) / 1'000'000;
}

void demand_no_idling(uint64_t idle_ms) {
    demand(idle_ms < static_cast<uint64_t>(kLength.count()) / 2, "CPUs idled though threads were ready", {{"idle ms", idle_ms}});
}

void run() {
    const uint32_t cpus = system_now().cpu_count;
    auto& of_threads = make_common<Common>();
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < cpus; ++i) threads.emplace_back(spin_till_done, std::ref(of_threads));
    demand_no_idling(idle_ms_beside(of_threads));
    of_threads.done = true;
    for (std::thread& thread : threads) thread.join();
    ok("threads of one process run on all CPUs");

    auto& of_processes = make_common<Common>();
    std::vector<pid_t> children;
    for (uint32_t i = 0; i < cpus; ++i) children.push_back(in_child([&] { spin_till_done(of_processes); }));
    demand_no_idling(idle_ms_beside(of_processes));
    of_processes.done = true;
    for (const pid_t child : children) CHECK(exit_status_of(child) == 0);
    ok("so do processes");
}

}  // namespace
}  // namespace portico::native_test

int main(int count, char** arguments) {
    portico::native_test::read_storm_arguments(count, arguments);
    portico::native_test::run();
}
