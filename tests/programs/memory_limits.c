// setrlimit of memory and tasks; what is resident by mincore; pages asked for ahead, locked, given back.
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "check.h"

enum { kPage = 4096 };

static char* map(size_t pages, int flags) {
    return mmap(NULL, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static void limit(int resource, rlim_t soft) {
    struct rlimit old;
    CHECK(getrlimit(resource, &old) == 0);
    CHECK(setrlimit(resource, &(struct rlimit){soft < old.rlim_max ? soft : old.rlim_max, old.rlim_max}) == 0);
}

static void check_address_space(void) {
    char* before = map(100, 0);
    CHECK(before != MAP_FAILED);
    limit(RLIMIT_AS, 64 << 20);
    CHECK(map((80 << 20) / kPage, 0) == MAP_FAILED && errno == ENOMEM);
    char* some = map((8 << 20) / kPage, 0);
    CHECK(some != MAP_FAILED);
    CHECK(mremap(some, 8 << 20, 90 << 20, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
    CHECK(sbrk(70 << 20) == (void*)-1 && errno == ENOMEM);
    CHECK(munmap(some, 8 << 20) == 0 && munmap(before, 100 * kPage) == 0);
    limit(RLIMIT_AS, RLIM_INFINITY);
    some = map((80 << 20) / kPage, 0);
    CHECK(some != MAP_FAILED && munmap(some, 80 << 20) == 0);
    ok("address space");

    limit(RLIMIT_DATA, 32 << 20);
    CHECK(map((40 << 20) / kPage, 0) == MAP_FAILED && errno == ENOMEM);
    some = mmap(NULL, 40 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(some != MAP_FAILED && munmap(some, 40 << 20) == 0);
    some = mmap(NULL, 40 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(some != MAP_FAILED && munmap(some, 40 << 20) == 0);
    limit(RLIMIT_DATA, RLIM_INFINITY);
    ok("data");
}

static void check_over_exec(const char* own_path) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        limit(RLIMIT_AS, 60 << 20);
        execl(own_path, own_path, "limited", NULL);
        _exit(1);
    }
    CHECK(exit_status_of(child) == 7);
    ok("limits stay over exec");
}

static void* nothing(void* argument) {
    return argument;
}

static void check_tasks(void) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(geteuid() != 0 || setuid(54321) == 0);  // of which there are no others
        limit(RLIMIT_NPROC, 1);
        CHECK_ERROR(fork(), EAGAIN);
        CHECK_ERROR(vfork(), EAGAIN);
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, nothing, NULL) == EAGAIN);
        limit(RLIMIT_NPROC, RLIM_INFINITY);
        const pid_t grandchild = fork();
        CHECK(grandchild >= 0);
        if (grandchild == 0) _exit(3);
        CHECK(exit_status_of(grandchild) == 3);
        _exit(9);
    }
    CHECK(exit_status_of(child) == 9);
    ok("tasks");
}

static int resident(char* address, size_t pages, const char* expected) {
    unsigned char seen[64];
    CHECK(pages <= sizeof seen && mincore(address, pages * kPage, seen) == 0);
    for (size_t i = 0; i < pages; ++i)
        if ((seen[i] & 1) != (expected[i] == '1')) return 0;
    return 1;
}

static void check_residence(void) {
    char* memory = map(8, 0);
    CHECK(memory != MAP_FAILED && madvise(memory, 8 * kPage, MADV_NOHUGEPAGE) != 1);
    CHECK(resident(memory, 8, "00000000"));
    memory[0] = memory[5 * kPage] = 1;
    CHECK(resident(memory, 8, "10000100"));
    CHECK(madvise(memory, 4 * kPage, MADV_DONTNEED) == 0 && resident(memory, 8, "00000100") && memory[0] == 0);
    CHECK(mlock(memory + kPage, 2 * kPage) == 0 && resident(memory + kPage, 4, "1100"));
    CHECK(munlock(memory + kPage, 2 * kPage) == 0);
    CHECK(madvise(memory, 8 * kPage, MADV_WILLNEED) == 0 && memory[5 * kPage] == 1);
    memory[6 * kPage] = 1;
    CHECK(madvise(memory + 6 * kPage, kPage, MADV_FREE) == 0 && (memory[6 * kPage] == 0 || memory[6 * kPage] == 1));
    memory[6 * kPage] = 2;
    CHECK(memory[6 * kPage] == 2);
    char* populated = map(8, MAP_POPULATE);
    CHECK(populated != MAP_FAILED && resident(populated, 8, "11111111") && populated[7 * kPage] == 0);
    CHECK(munmap(memory, 8 * kPage) == 0);
    unsigned char seen;
    CHECK_ERROR(mincore(memory, kPage, &seen), ENOMEM);
    CHECK_ERROR(mincore(populated + 1, kPage, &seen), EINVAL);
    CHECK_ERROR(mlockall(0), EINVAL);
    ok("residence");
}

int main(int argument_count, char** arguments) {
    if (argument_count == 2 && strcmp(arguments[1], "limited") == 0) {
        struct rlimit now;
        CHECK(getrlimit(RLIMIT_AS, &now) == 0 && now.rlim_cur == 60 << 20);
        return map((60 << 20) / kPage, 0) == MAP_FAILED && errno == ENOMEM ? 7 : 8;
    }
    check_residence();
    check_address_space();
    check_over_exec(arguments[0]);
    check_tasks();
    return 0;
}
