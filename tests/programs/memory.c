/// cpus: 1 2 4
// mmap in its forms, mprotect, faults taken by a handler, copy-on-write, brk.
#include <fcntl.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "check.h"

enum { kPage = 4096 };
static sigjmp_buf back;
static volatile uintptr_t fault_address;
static volatile int fault_code;

static void on_fault(int number, siginfo_t* info, void* context) {
    (void)number, (void)context;
    fault_address = (uintptr_t)info->si_addr;
    fault_code = info->si_code;
    siglongjmp(back, 1);
}

static int faults(volatile char* address, int write) {
    if (sigsetjmp(back, 1)) return 1;
    if (write)
        *address = 1;
    else
        (void)*address;
    return 0;
}

static void check_files(void) {
    int file = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0 && write(file, "first page", 10) == 10 && ftruncate(file, 2 * kPage) == 0);
    char* private = mmap(NULL, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(private != MAP_FAILED && memcmp(private, "first page", 10) == 0 && private[kPage] == 0);
    private[0] = 'X';
    char byte;
    CHECK(pread(file, &byte, 1, 0) == 1 && byte == 'f');
    CHECK(munmap(private, 2 * kPage) == 0 && close(file) == 0 && unlink("mapped") == 0);
    ok("private file mapping");
    CHECK(mmap(NULL, kPage, PROT_READ, MAP_PRIVATE, -1, 0) == MAP_FAILED && errno == EBADF);
    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    CHECK_ERROR(munmap((void*)1, kPage), EINVAL);
    ok("mmap errors");
}

int main(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    char* area = mmap(NULL, 16 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    for (int i = 0; i < 16 * kPage; ++i) CHECK(area[i] == 0);
    memset(area, 'm', 16 * kPage);
    ok("anonymous memory is zero");
    CHECK(mprotect(area + kPage, kPage, PROT_READ) == 0);
    CHECK(!faults(area + kPage, 0) && faults(area + kPage, 1));
    CHECK(fault_address == (uintptr_t)(area + kPage) && fault_code == SEGV_ACCERR);
    ok("read-only page");
    CHECK(mprotect(area + kPage, kPage, PROT_NONE) == 0 && faults(area + kPage, 0) && !faults(area + 2 * kPage, 1));
    CHECK(mprotect(area + kPage, kPage, PROT_READ | PROT_WRITE) == 0 && area[kPage] == 'm');
    ok("protection comes and goes, contents stay");
    CHECK(munmap(area + 4 * kPage, 2 * kPage) == 0);
    CHECK(faults(area + 5 * kPage, 0) && fault_code == SEGV_MAPERR && area[6 * kPage] == 'm');
    ok("hole in a mapping");
    char* fixed = mmap(area + 4 * kPage, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(fixed == area + 4 * kPage && fixed[0] == 0);
    ok("fixed address");
    CHECK(madvise(area, kPage, MADV_DONTNEED) == 0 && area[0] == 0);
    ok("MADV_DONTNEED");
    // Code written at run time.
    unsigned char* code = mmap(NULL, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(code, "\xb8\x2a\x00\x00\x00\xc3", 6);  // mov $42, %eax; ret
    CHECK(mprotect(code, kPage, PROT_READ | PROT_EXEC) == 0 && ((int (*)(void))code)() == 42);
    ok("executable memory");
    char* shared = mmap(NULL, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        shared[0] = 's';
        area[2 * kPage] = 'c';
        _exit(0);
    }
    CHECK(exit_status_of(child) == 0 && shared[0] == 's' && area[2 * kPage] == 1);
    ok("shared and copied over fork");
    char* moved = mremap(area, 4 * kPage, 64 * kPage, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved[3 * kPage] == 'm');
    moved[63 * kPage] = 1;
    ok("mremap");
    // By number: musl's own brk() always fails.
    char* old_break = (char*)syscall(SYS_brk, 0);
    CHECK((char*)syscall(SYS_brk, old_break + 10 * kPage) == old_break + 10 * kPage);
    memset(old_break, 1, 10 * kPage);
    CHECK((char*)syscall(SYS_brk, old_break) == old_break);
    ok("brk");
    check_files();
    return 0;
}
