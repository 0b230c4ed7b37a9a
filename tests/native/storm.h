#pragma once

#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <initializer_list>
#include <source_location>
#include <span>
#include <string>
#include <thread>

#include "runtime/launch.h"
#include "tests/native/check.h"

/// What the storms share (storm_*_test.cpp): their length and seed, random numbers, failures that tell both, and a guard against silence.
///
///     storm_calls_test [--seconds N] [--seed N] [--counted 1]
///
/// Counted: on one CPU whose clock goes with the instructions, so that nothing depends on what else the host does.
///
/// The seed fixes what each thread chooses, not in which order the threads of several CPUs run: a failure may need a few tries.
namespace portico::native_test {

using Clock = std::chrono::steady_clock;

inline uint64_t storm_seed = 0;
inline uint64_t storm_seconds = 5;
inline bool storm_is_counted = false;

inline void read_storm_arguments(int count, char** arguments) {
    storm_seed = static_cast<uint64_t>(Clock::now().time_since_epoch().count());
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view name = arguments[i];
        const uint64_t value = strtoull(arguments[i + 1], nullptr, 10);
        CHECK(name == "--seed" || name == "--seconds" || name == "--counted");
        if (name == "--counted")
            storm_is_counted = value != 0;
        else
            (name == "--seed" ? storm_seed : storm_seconds) = value;
    }
}

inline std::chrono::seconds storm_length() {
    return std::chrono::seconds(storm_seconds);
}

/// A line for a promise that held, with what was done.
inline void held(const std::string& what) {
    ok((what + " (seed " + std::to_string(storm_seed) + ")").c_str());
}

struct Named {
    const char* name;
    uint64_t value;
};

/// Ends the process, with the values and the seed, if a promise did not hold.
inline void demand(bool holds, const char* what, std::initializer_list<Named> values = {},
                   const std::source_location& where = std::source_location::current()) {
    if (holds) [[likely]]
        return;
    std::string text = std::string("FAILED ") + where.file_name() + ":" + std::to_string(where.line()) + ": " + what;
    for (const Named& value : values) text += std::string("; ") + value.name + " " + std::to_string(value.value);
    text += "; --seed " + std::to_string(storm_seed) + "\n";
    (void)!write(1, text.data(), text.size());  // in one piece: others may fail at the same time
    _exit(1);
}

/// The mixer of splitmix64: each bit of the result depends on each of `value`.
constexpr uint64_t mixed(uint64_t value) {
    value += 0x9E37'79B9'7F4A'7C15;
    value = (value ^ (value >> 30)) * 0xBF58'476D'1CE4'E5B9;
    value = (value ^ (value >> 27)) * 0x94D0'49BB'1331'11EB;
    return value ^ (value >> 31);
}

/// Random numbers for one thread, from the seed and a number of its own.
class Random {
public:
    explicit Random(uint64_t thread) : state_(mixed(storm_seed) ^ mixed(~thread)) {}
    uint64_t next() { return mixed(state_++); }
    uint64_t below(uint64_t bound) { return next() % bound; }
    uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
    bool one_in(uint64_t count) { return below(count) == 0; }

private:
    uint64_t state_;
};

/// Spins, so that others on other CPUs run and this CPU's translations stay.
inline void spin(uint64_t rounds) {
    for (uint64_t i = 0; i < rounds; ++i) __builtin_ia32_pause();
}

/// Memory that all processes of a storm see, zero at first.
template <class T>
T& make_common() {
    void* const memory = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return *new (memory) T();
}

/// Private pages, all there.
inline std::byte* make_pages(uint64_t count) {
    void* const memory = mmap(nullptr, count * abi::kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memset(memory, 1, count * abi::kPageBytes);
    return static_cast<std::byte*>(memory);
}

/// Ends the process if a counter stands still for long: something was lost and all wait for it.
class Watchdog {
public:
    static constexpr std::chrono::seconds kSilenceMax{20};

    explicit Watchdog(const std::atomic<uint64_t>& progress) : thread_([this, &progress] { watch(progress); }) {}
    ~Watchdog() {
        done_ = true;
        thread_.join();
    }

private:
    void watch(const std::atomic<uint64_t>& progress) {
        uint64_t seen = progress;
        Clock::time_point since = Clock::now();
        while (!done_) {
            std::this_thread::sleep_for(std::chrono::milliseconds(500));
            if (progress != seen) {
                seen = progress;
                since = Clock::now();
            }
            demand(Clock::now() - since < kSilenceMax, "nothing goes on any more", {{"progress", seen}});
        }
    }

    std::atomic<bool> done_ = false;
    std::thread thread_;
};

/// What the programs' account holds: both must come back to what they were.
inline abi::AccountInfo account_now() {
    abi::AccountInfo info;
    CHECK(native::call(abi::AccountQuery{abi::kSelfAccount, reinterpret_cast<uint64_t>(&info)}));
    return info;
}
inline abi::SystemInfo system_now() {
    abi::SystemInfo info;
    CHECK(native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&info)}));
    return info;
}

/// To compare with later. The first thread and the first fork leave something behind, as a stack for the next one: they come before.
inline abi::AccountInfo account_before() {
    CHECK(exit_status_of(in_child([] {})) == 0);
    std::thread([] {}).join();
    CHECK(exit_status_of(in_child([] {})) == 0);
    return account_now();
}

/// What was made is gone: as many kernel objects as before, and their bytes. Processes that have ended may take a moment more.
inline void demand_all_back(const abi::AccountInfo& before) {
    constexpr uint64_t kSlackBytes = 128 << 10;  // this process's own handle table and heap grow
    const Clock::time_point end = Clock::now() + std::chrono::seconds(10);
    abi::AccountInfo now = account_now();
    while ((now.object_count > before.object_count || now.used_bytes > before.used_bytes + kSlackBytes) && Clock::now() < end) {
        sleep_ms(10);
        now = account_now();
    }
    demand(now.object_count <= before.object_count, "kernel objects are left",
           {{"before", before.object_count}, {"after", now.object_count}});
    demand(now.used_bytes <= before.used_bytes + kSlackBytes, "memory is left", {{"before", before.used_bytes}, {"after", now.used_bytes}});
}

}  // namespace portico::native_test
