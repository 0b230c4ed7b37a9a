#include <sys/mman.h>

#include <functional>
#include <vector>

#include "protocols/process.h"
#include "runtime/boot.h"
#include "tests/native/storm.h"

/// A process makes as many of one kernel object as its budget allows, for each kind of object (threat C3): others go on making theirs, and
/// what it had comes back.
/// cpus: 2
namespace portico::native_test {
namespace {

using abi::Handle;
constexpr uint64_t kBudgetBytes = 4 << 20;
constexpr uint64_t kEnough = 1 << 20;  ///< more than so much memory could hold

Handle port, sender;

[[noreturn]] void sleep_for_ever() {
    for (;;) (void)native::call(abi::ThreadSleep{abi::kForever});
}
[[noreturn]] void wait_at_a_word() {
    static uint32_t word = 0;
    for (;;) (void)native::call(abi::FutexWait{reinterpret_cast<uint64_t>(&word), 0, abi::kForever, 0, ~0u});
}
bool make_thread(void (*body)()) {
    const abi::ThreadStart start{.instruction = reinterpret_cast<uint64_t>(body), .stack = reinterpret_cast<uint64_t>(&body) & ~15ull};
    return native::call(abi::ThreadCreate{abi::kSelfProcess, reinterpret_cast<uint64_t>(&start)}).has_value();
}
/// Not a clone of this one: after that every page touched here would have to be copied, for which the full budget has no memory.
bool make_process() {
    static const Handle space = native::call(abi::SpaceCreate{})->space;
    return native::call(abi::ProcessCreate{.space = space, .account = abi::kSelfAccount}).has_value();
}
template <class Call>
bool made(const Call& call) {
    return native::call(call).has_value();
}
bool map_apart() {
    // A page of another access beside the last one, so that no two join.
    static bool writable = false;
    writable = !writable;
    return mmap(nullptr, abi::kPageBytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

struct Kind {
    const char* name;
    bool (*make_one)();
};
constexpr Kind kKinds[]{
    {"ports", [] { return made(abi::PortCreate{}); }},
    {"port sets", [] { return made(abi::SetCreate{}); }},
    {"senders", [] { return made(abi::PortBadge{port, 1, 1}); }},
    {"queued messages", [] { return native::send(sender, abi::Message{}).has_value(); }},
    {"handles", [] { return made(abi::HandleDuplicate{port, static_cast<uint64_t>(abi::Rights::All)}); }},
    {"timers", [] { return made(abi::TimerCreate{sender, 1}); }},
    {"memory objects", [] { return made(abi::MemoryCreate{1}); }},
    {"mappings", [] { return map_apart(); }},
    {"address spaces", [] { return made(abi::SpaceCreate{}); }},
    {"accounts", [] { return made(abi::AccountCreate{abi::kSelfAccount, 1}); }},
    {"processes", [] { return make_process(); }},
    {"sleeping threads", [] { return make_thread(&sleep_for_ever); }},
    {"threads that wait at a futex", [] { return make_thread(&wait_at_a_word); }},
};

void make_port() {
    port = native::call(abi::PortCreate{})->port;
    sender = native::call(abi::PortBadge{port, 1, 65535})->sender;
}

struct Told {
    std::atomic<uint64_t> count = 0;
    std::atomic<bool> full = false;
};

/// In a budget of its own: fills it, tells so, and keeps it until it is killed.
[[noreturn]] void fill(const Kind& kind, Told& told) {
    make_port();
    while (told.count < kEnough && kind.make_one()) ++told.count;
    told.full = true;
    for (;;) pause();
}

void exhaust(const Kind& kind) {
    auto& told = make_common<Told>();
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) fill(kind, told);
    while (!told.full) sleep_ms(1);
    demand(told.count >= 20, "it could make hardly any", {{"made", told.count}});
    demand(told.count < kEnough, "no budget stopped it", {{"made", told.count}});
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < 50; ++i) demand(made(abi::PortCreate{}) && kind.make_one(), "others cannot make theirs");
    demand(Clock::now() - start < std::chrono::seconds(5), "others wait");
    CHECK(kill(child, SIGKILL) == 0 && exit_status_of(child) == 128 + SIGKILL);
    CHECK(munmap(&told, sizeof told) == 0);
}

/// In a process of its own, so that what is made here goes too.
void exhaust_in_child(const Kind& kind) {
    CHECK(exit_status_of(in_child([&] {
              make_port();
              const protocols::process::LimitChildren limits{.memory_bytes_max = kBudgetBytes, .tasks_max = 0};
              CHECK(ipc::call(boot::block().process_server, limits));
              exhaust(kind);
          })) == 0);
}

}  // namespace
}  // namespace portico::native_test

int main() {
    using namespace portico::native_test;
    for (const Kind& kind : kKinds) {
        const auto before = account_before();
        exhaust_in_child(kind);
        demand_all_back(before);
        ok(kind.name);
    }
}
