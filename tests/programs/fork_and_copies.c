/// What the kernel copies into memory that a fork shares reaches only the side that asked: reads into pages of a large range, by
/// parent and child, page by page, after the page tables above them were made read-only as a whole.
/// cpus: 1 2
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { kPage = 4096, kPages = 1100 };  // more than one page table

static unsigned char* memory;
static int data[2], go[2], done[2];

static void fill(int fd, unsigned char value, size_t length) {
    unsigned char text[64];
    memset(text, value, sizeof text);
    CHECK(write(fd, text, length) == (ssize_t)length);
}

/// Lets the kernel write into the pages with this remainder; no store of this program touches them.
static void read_into(int remainder, unsigned char value) {
    for (int page = remainder; page < kPages; page += 4) {
        fill(data[1], value, 16);
        CHECK(read(data[0], memory + (size_t)page * kPage + 100, 16) == 16);
    }
}

static void expect(int remainder, unsigned char value) {
    for (int page = remainder; page < kPages; page += 4)
        for (int i = 0; i < 16; ++i) CHECK(memory[(size_t)page * kPage + 100 + i] == value);
}

static void child(void) {
    char byte;
    CHECK(read(go[0], &byte, 1) == 1);
    expect(0, 1);  // the parent has read into these since
    expect(1, 1);
    read_into(1, 3);
    expect(1, 3);
    expect(2, 1);
    CHECK(write(done[1], "", 1) == 1);
    exit(0);
}

int main(void) {
    memory = mmap(NULL, (size_t)kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memset(memory, 1, (size_t)kPages * kPage);
    CHECK(pipe(data) == 0 && pipe(go) == 0 && pipe(done) == 0);
    for (int round = 0; round < 2; ++round) {
        memset(memory, 1, (size_t)kPages * kPage);
        const pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) child();
        read_into(0, 2);
        expect(0, 2);
        CHECK(write(go[1], "", 1) == 1);
        char byte;
        CHECK(read(done[0], &byte, 1) == 1);
        expect(0, 2);
        expect(1, 1);  // the child has read into these
        memory[3 * kPage + 100] = 9;
        CHECK(memory[3 * kPage + 100] == 9);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    ok("reads after a fork reach only who reads");
    return 0;
}
