/// cpus: 1 2 4
/// traced: yes
// Pipes and fifos: order, atomic writes, ends that go, SIGPIPE, non-blocking ends.
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "check.h"

enum { kWriters = 4, kRecords = 100 };

// Writers whose records of PIPE_BUF bytes must arrive unmixed.
static void check_atomic_writes(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    static char record[PIPE_BUF];
    for (int writer = 0; writer < kWriters; ++writer) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            memset(record, 'a' + writer, sizeof record);
            for (int i = 0; i < kRecords; ++i) CHECK(write(ends[1], record, sizeof record) == (ssize_t)sizeof record);
            _exit(0);
        }
    }
    close(ends[1]);
    int seen[kWriters] = {0};
    for (;;) {
        size_t filled = 0;
        ssize_t got;
        while (filled < sizeof record && (got = read(ends[0], record + filled, sizeof record - filled)) > 0) filled += (size_t)got;
        if (filled == 0) break;
        CHECK(filled == sizeof record);
        for (size_t i = 1; i < sizeof record; ++i) CHECK(record[i] == record[0]);
        ++seen[record[0] - 'a'];
    }
    for (int writer = 0; writer < kWriters; ++writer) CHECK(seen[writer] == kRecords);
    while (wait(NULL) > 0) {
    }
    close(ends[0]);
    ok("writes of PIPE_BUF bytes are atomic");
}

static void check_ends(void) {
    int ends[2], available;
    char buffer[16];
    CHECK(pipe(ends) == 0);
    CHECK(write(ends[1], "hello", 5) == 5 && ioctl(ends[0], FIONREAD, &available) == 0 && available == 5);
    close(ends[1]);
    CHECK(read(ends[0], buffer, sizeof buffer) == 5 && read(ends[0], buffer, sizeof buffer) == 0);
    ok("end of file after the last writer");
    close(ends[0]);
    CHECK(pipe(ends) == 0);
    close(ends[0]);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
    CHECK(exit_status_of(child) == 128 + SIGPIPE);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERROR(write(ends[1], "x", 1), EPIPE);
    close(ends[1]);
    ok("SIGPIPE and EPIPE");
    CHECK_ERROR(write(ends[1], "x", 1), EBADF);
    CHECK(pipe(ends) == 0);
    CHECK_ERROR(write(ends[0], "x", 1), EBADF);
    CHECK_ERROR(read(ends[1], buffer, 1), EBADF);
    CHECK_ERROR(lseek(ends[0], 0, SEEK_SET), ESPIPE);
    close(ends[0]);
    close(ends[1]);
    ok("wrong ends");
}

static void check_non_blocking(void) {
    int ends[2];
    char block[4096] = {0};
    CHECK(pipe2(ends, O_NONBLOCK) == 0);
    CHECK_ERROR(read(ends[0], block, 1), EAGAIN);
    long filled = 0;
    ssize_t wrote;
    while ((wrote = write(ends[1], block, sizeof block)) > 0) filled += wrote;
    CHECK(wrote == -1 && errno == EAGAIN && filled == 65536);
    ok("non-blocking ends and a capacity of 64 KiB");
    CHECK(fcntl(ends[0], F_SETFL, 0) == 0 && read(ends[0], block, 1) == 1);
    close(ends[0]);
    close(ends[1]);
}

static void check_fifo(void) {
    CHECK(mkfifo("fifo", 0600) == 0);
    CHECK_ERROR(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        int out = open("fifo", O_WRONLY);
        _exit(out >= 0 && write(out, "through", 7) == 7 ? 0 : 1);
    }
    int in = open("fifo", O_RDONLY);
    char buffer[16];
    CHECK(in >= 0 && read(in, buffer, sizeof buffer) == 7 && read(in, buffer, sizeof buffer) == 0);
    CHECK(exit_status_of(child) == 0);
    close(in);
    struct stat status;
    CHECK(stat("fifo", &status) == 0 && S_ISFIFO(status.st_mode));
    CHECK(unlink("fifo") == 0);
    ok("fifo");
}

int main(void) {
    check_atomic_writes();
    check_ends();
    check_non_blocking();
    check_fifo();
    return 0;
}
