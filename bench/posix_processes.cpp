#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bench/posix_rows.h"

/// Processes and threads, made and waited for.
namespace portico::bench {
namespace {

constexpr size_t kPage = 4096;
constexpr unsigned kProcessesMax = 10;  ///< in a batch: one costs as much as hundreds of calls
constexpr unsigned kLargeForksMax = 4;

void await(pid_t child) {
    int status = 0;
    if (child < 0) give_up("fork", errno);
    if (waitpid(child, &status, 0) != child) give_up("waitpid", errno);
    if (status != 0) give_up("the child ended with wait status", status);
}

template <class Operation>
void measure_processes(Measure& measure, unsigned count_max, Operation operation) {
    measure.each_then(std::min(count_max, measure.settings().operations), operation, [] {});
}

void fork_and_wait() {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    await(child);
}

void fork_small(Measure& measure) {
    measure_processes(measure, kProcessesMax, fork_and_wait);
}

void fork_large(Measure& measure) {
    constexpr size_t kBytes = 256 << 20;
    void* const memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) give_up("mmap of 256 MiB", errno);
    (void)madvise(memory, kBytes, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < kBytes; at += kPage) static_cast<volatile std::byte*>(memory)[at] = std::byte{1};
    measure_processes(measure, kLargeForksMax, fork_and_wait);
    munmap(memory, kBytes);
}

[[noreturn]] void run(const char* path) {
    char* const arguments[] = {const_cast<char*>(path), nullptr};
    char* const environment[] = {nullptr};
    execve(path, arguments, environment);
    _exit(127);
}

template <const char* kPath>
void vfork_and_run(Measure& measure) {
    measure_processes(measure, kProcessesMax, [] {
        const pid_t child = vfork();
        if (child == 0) run(kPath);
        await(child);
    });
}

template <const char* kPath>
void fork_and_run(Measure& measure) {
    measure_processes(measure, kProcessesMax, [] {
        const pid_t child = fork();
        if (child == 0) run(kPath);
        await(child);
    });
}

void make_and_join_thread(Measure& measure) {
    measure.each([] {
        pthread_t thread;
        if (const int error = pthread_create(&thread, nullptr, [](void* given) { return given; }, nullptr); error != 0)
            give_up("pthread_create", error);
        if (const int error = pthread_join(thread, nullptr); error != 0) give_up("pthread_join", error);
    });
}

constexpr char kTiny[] = "/bench/memory_tiny", kLarge[] = "/bench/memory_large";

constexpr Row kRows[] = {
    {"fork_wait", fork_small},          {"fork_wait_256m", fork_large},     {"vfork_exec", vfork_and_run<kTiny>},
    {"fork_exec", fork_and_run<kTiny>}, {"exec_2m", vfork_and_run<kLarge>}, {"thread_create_join", make_and_join_thread},
};

}  // namespace

const Rows kPosixProcessRows = kRows;

}  // namespace portico::bench
