// fcntl, dup, close-on-exec, numbers: the descriptor table's rules.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "check.h"

static void check_duplicates(void) {
    int file = open("numbers", O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(file == 3);
    ok("the lowest free number is taken");
    int copy = dup(file);
    CHECK(copy == 4 && write(file, "abcdef", 6) == 6 && lseek(copy, 0, SEEK_CUR) == 6);
    CHECK(dup2(file, 10) == 10 && dup2(file, file) == file);
    CHECK(dup3(file, 11, O_CLOEXEC) == 11 && fcntl(11, F_GETFD) == FD_CLOEXEC && fcntl(10, F_GETFD) == 0);
    CHECK_ERROR(dup3(file, file, 0), EINVAL);
    CHECK_ERROR(dup(99), EBADF);
    CHECK_ERROR(dup2(file, -1), EBADF);
    CHECK(fcntl(file, F_DUPFD, 20) == 20 && fcntl(file, F_DUPFD_CLOEXEC, 20) == 21 && fcntl(21, F_GETFD) == FD_CLOEXEC);
    ok("dup, dup2, dup3, F_DUPFD");
    int other = open("numbers", O_RDONLY);
    CHECK(other == 5 && lseek(other, 0, SEEK_CUR) == 0);
    ok("another open has its own offset");
    for (int number = 4; number <= 21; ++number) close(number);
    CHECK_ERROR(close(4), EBADF);
    CHECK(lseek(file, 0, SEEK_CUR) == 6);
    close(file);
    ok("the last duplicate keeps it open");
}

static void check_flags(void) {
    int file = open("numbers", O_RDWR | O_APPEND);
    CHECK(file >= 0 && (fcntl(file, F_GETFL) & (O_ACCMODE | O_APPEND)) == (O_RDWR | O_APPEND));
    CHECK(lseek(file, 0, SEEK_SET) == 0 && write(file, "g", 1) == 1 && lseek(file, 0, SEEK_CUR) == 7);
    ok("O_APPEND writes at the end");
    CHECK(fcntl(file, F_SETFL, O_NONBLOCK) == 0 && (fcntl(file, F_GETFL) & (O_NONBLOCK | O_APPEND)) == O_NONBLOCK);
    CHECK(fcntl(file, F_SETFD, FD_CLOEXEC) == 0 && fcntl(file, F_GETFD) == FD_CLOEXEC);
    CHECK_ERROR(fcntl(file, 9999), EINVAL);
    ok("flags");
    close(file);
    CHECK_ERROR(open("numbers", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
    CHECK_ERROR(open("missing", O_RDONLY), ENOENT);
    CHECK_ERROR(open("numbers", O_DIRECTORY | O_RDONLY), ENOTDIR);
    CHECK_ERROR(open("numbers/below", O_RDONLY), ENOTDIR);
    CHECK_ERROR(open(".", O_WRONLY), EISDIR);
    ok("open errors");
    int only = open("numbers", O_WRONLY);
    char byte;
    CHECK_ERROR(read(only, &byte, 1), EBADF);
    close(only);
}

static void check_positions(void) {
    int file = open("numbers", O_RDWR | O_TRUNC);
    struct iovec out[] = {{"one", 3}, {"", 0}, {"two", 3}};
    CHECK(writev(file, out, 3) == 6);
    char first[2], second[8];
    struct iovec in[] = {{first, 2}, {second, 8}};
    CHECK(lseek(file, 0, SEEK_SET) == 0 && readv(file, in, 2) == 6 && memcmp(first, "on", 2) == 0 && memcmp(second, "etwo", 4) == 0);
    ok("readv, writev");
    CHECK(pwrite(file, "X", 1, 100) == 1 && lseek(file, 0, SEEK_CUR) == 6 && lseek(file, 0, SEEK_END) == 101);
    CHECK(pread(file, second, 8, 50) == 8 && second[0] == 0 && pread(file, second, 8, 200) == 0);
    ok("pread, pwrite, holes are zero");
    CHECK_ERROR(lseek(file, -1, SEEK_SET), EINVAL);
    close(file);
}

int main(void) {
    for (int number = 3; number < 64; ++number) close(number);
    check_duplicates();
    check_flags();
    check_positions();
    CHECK(unlink("numbers") == 0);
    int ends[2];
    CHECK(pipe(ends) == 0);
    void* volatile unmapped = (void*)16;  // volatile: the compiler must not see through it
    CHECK_ERROR(write(ends[1], unmapped, 8), EFAULT);
    CHECK_ERROR(pipe(unmapped), EFAULT);
    ok("a bad address is EFAULT");
    return 0;
}
