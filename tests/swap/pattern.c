// pattern MIB SECONDS [THREADS [SEED [FORK]]]: fills so much memory with a pattern that depends on the address, then reads and rewrites
// pages in random order until the time is over, and looks at every byte. Each thread forks every FORK pages (400; 0: never). Status 1
// and a line on a wrong byte.
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#include "../programs/check.h"

enum { kPageBytes = 4096, kPageWords = kPageBytes / 8, kChildPages = 64, kThreadsMax = 16 };

static uint64_t* memory;
static uint32_t* generations;  // of each page: how often it was written
static size_t page_count, thread_count, rounds_of_fork;
static uint64_t seed;
static long long time_ms;
static atomic_ulong visits, forks;

static uint64_t word_of(size_t page, size_t word, uint32_t generation) {
    const uint64_t mixed = (page * kPageWords + word) * 0x9E3779B97F4A7C15u + generation * 0xD1B54A32D192ED03u + seed;
    return mixed ^ mixed >> 29;
}

static void write_page(size_t page) {
    uint64_t* const words = memory + page * kPageWords;
    const uint32_t generation = ++generations[page];
    for (size_t word = 0; word < kPageWords; ++word) words[word] = word_of(page, word, generation);
}

static void check_page(const char* who, size_t page) {
    const uint64_t* const words = memory + page * kPageWords;
    for (size_t word = 0; word < kPageWords; ++word) {
        const uint64_t found = words[word], expected = word_of(page, word, generations[page]);
        if (found == expected) continue;
        dprintf(1, "WRONG %s: page %zu word %zu: %016llx, expected %016llx (generation %u, now %016llx)\n", who, page, word,
                (unsigned long long)found, (unsigned long long)expected, generations[page],
                (unsigned long long)((volatile uint64_t*)words)[word]);
        _exit(1);
    }
}

static uint64_t next_random(uint64_t* state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

// A thread has every page whose number is its own modulo their count, so that none waits for another.
static size_t own_page(size_t thread, uint64_t* state) {
    return next_random(state) % (page_count / thread_count) * thread_count + thread;
}

static void visit(const char* who, size_t page, uint64_t choice) {
    check_page(who, page);
    if (choice % 2 == 0) write_page(page);
}

// A child sees its pages as they were when it was made, whatever the parent does meanwhile, and the parent sees nothing of what it writes.
static pid_t fork_child(size_t thread, uint64_t state) {
    const pid_t child = fork();
    if (child == -1) return -1;
    if (child != 0) {
        ++forks;
        return child;
    }
    for (size_t i = 0; i < kChildPages; ++i) {
        const size_t page = own_page(thread, &state);
        visit("child", page, next_random(&state));
        check_page("child, again", page);
    }
    _exit(0);
}

static void* work(void* argument) {
    const size_t thread = (size_t)argument;
    uint64_t state = seed + thread * 7919 + 1;
    for (size_t page = thread; page < page_count; page += thread_count) write_page(page);
    const long long end_ms = now_ms() + time_ms;
    pid_t child = -1;
    for (size_t round = 1; now_ms() < end_ms; ++round) {
        visit("parent", own_page(thread, &state), next_random(&state));
        ++visits;
        if (rounds_of_fork == 0 || round % rounds_of_fork != 0) continue;
        if (child != -1) CHECK(exit_status_of(child) == 0);
        child = fork_child(thread, next_random(&state));
    }
    if (child != -1) CHECK(exit_status_of(child) == 0);
    return NULL;
}

int main(int argument_count, char** arguments) {
    CHECK(argument_count >= 3);
    page_count = strtoul(arguments[1], NULL, 10) << 8;
    thread_count = argument_count > 3 ? strtoul(arguments[3], NULL, 10) : 2;
    CHECK(thread_count >= 1 && thread_count <= kThreadsMax && page_count >= thread_count);
    seed = argument_count > 4 ? strtoull(arguments[4], NULL, 10) : 1;
    rounds_of_fork = argument_count > 5 ? strtoul(arguments[5], NULL, 10) : 400;
    memory = mmap(NULL, page_count * kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    generations = calloc(page_count, sizeof *generations);
    CHECK(generations != NULL);
    time_ms = (long long)(strtod(arguments[2], NULL) * 1000);

    pthread_t threads[kThreadsMax];
    for (size_t i = 0; i < thread_count; ++i) CHECK(pthread_create(&threads[i], NULL, work, (void*)i) == 0);
    for (size_t i = 0; i < thread_count; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
    for (size_t page = 0; page < page_count; ++page) check_page("at the end", page);
    dprintf(2, "%zu pages, %lu visits, %lu forks\n", page_count, (unsigned long)visits, (unsigned long)forks);
    ok("pattern");
    return 0;
}
