/// cpus: 1 2
// Pseudo-terminals: both sides, the line discipline between them, window size, job control, hang-up, poll and epoll.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "check.h"

static char bytes[65536];

// Reads until `wanted` was there.
static int reads(int descriptor, const char* wanted) {
    size_t length = 0;
    while (length < strlen(wanted)) {
        ssize_t got = read(descriptor, bytes + length, sizeof bytes - length);
        if (got <= 0) return 0;
        length += (size_t)got;
    }
    return length == strlen(wanted) && memcmp(bytes, wanted, length) == 0;
}

static int says(int descriptor, const char* text) {
    return write(descriptor, text, strlen(text)) == (ssize_t)strlen(text);
}

static int events_of(int descriptor, int wanted) {
    struct pollfd one = {.fd = descriptor, .events = (short)wanted};
    CHECK(poll(&one, 1, 0) >= 0);
    return one.revents;
}

// What one side writes Linux may bring to the other a moment later.
static int waits_for(int descriptor, int wanted) {
    struct pollfd one = {.fd = descriptor, .events = (short)wanted};
    return poll(&one, 1, 1000) == 1;
}

static void names_and_lock(void) {
    int outer = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    CHECK(outer >= 0 && isatty(outer));
    int number = -1, locked = -1;
    CHECK(ioctl(outer, TIOCGPTN, &number) == 0 && number >= 0);
    char name[64];
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    CHECK(ptsname(outer) != NULL && strcmp(ptsname(outer), name) == 0);
    CHECK(ioctl(outer, TIOCGPTLCK, &locked) == 0 && locked == 1);
    CHECK_ERROR(open(name, O_RDWR | O_NOCTTY), EIO);
    CHECK(grantpt(outer) == 0 && unlockpt(outer) == 0);
    int inner = open(name, O_RDWR | O_NOCTTY);
    CHECK(inner >= 0 && isatty(inner) && strcmp(ttyname(inner), name) == 0);
    struct stat by_name, by_descriptor;
    CHECK(stat(name, &by_name) == 0 && fstat(inner, &by_descriptor) == 0 && S_ISCHR(by_name.st_mode));
    CHECK(by_name.st_rdev == by_descriptor.st_rdev && by_name.st_ino == by_descriptor.st_ino && by_name.st_dev == by_descriptor.st_dev);
    CHECK(fchmod(inner, 0622) == 0 && stat(name, &by_name) == 0 && (by_name.st_mode & 0777) == 0622);
    DIR* directory = opendir("/dev/pts");
    CHECK(directory != NULL);
    int seen = 0;
    for (struct dirent* entry; (entry = readdir(directory)) != NULL;) seen += strcmp(entry->d_name, strrchr(name, '/') + 1) == 0;
    CHECK(seen == 1 && closedir(directory) == 0);
    int peer = ioctl(outer, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    CHECK(peer >= 0 && fstat(peer, &by_descriptor) == 0 && by_descriptor.st_rdev == by_name.st_rdev);
    CHECK_ERROR(ioctl(inner, TIOCGPTN, &number), ENOTTY);
    CHECK(close(peer) == 0 && close(inner) == 0 && close(outer) == 0);
    CHECK_ERROR(stat(name, &by_name), ENOENT);
    CHECK_ERROR(open(name, O_RDWR | O_NOCTTY), ENOENT);
    ok("names and lock");
}

static void lines_and_echo(void) {
    int outer, inner;
    struct termios settings;
    CHECK(openpty(&outer, &inner, NULL, NULL, NULL) == 0);
    CHECK(tcgetattr(inner, &settings) == 0 && settings.c_lflag == (ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN));
    CHECK(says(outer, "hellp\177o\r"));
    CHECK(reads(outer, "hellp\b \bo\r\n") && reads(inner, "hello\n"));
    CHECK(says(inner, "a\nb") && reads(outer, "a\r\nb"));
    CHECK(says(outer, "\004") && read(inner, bytes, 10) == 0);
    cfmakeraw(&settings);
    CHECK(tcsetattr(outer, TCSANOW, &settings) == 0 && tcgetattr(inner, &settings) == 0 && (settings.c_lflag & ICANON) == 0);
    CHECK(says(outer, "\003\r\n") && reads(inner, "\003\r\n"));
    CHECK(says(inner, "x\n") && reads(outer, "x\n"));
    int waiting = -1;
    CHECK(says(inner, "four") && waits_for(outer, POLLIN) && ioctl(outer, FIONREAD, &waiting) == 0 && waiting == 4);
    CHECK(ioctl(inner, TIOCOUTQ, &waiting) == 0 && waiting == 0 && tcdrain(inner) == 0);
    CHECK(tcflush(inner, TCIOFLUSH) == 0 && tcflush(outer, TCIFLUSH) == 0 && ioctl(outer, FIONREAD, &waiting) == 0 && waiting == 0);
    CHECK(close(outer) == 0 && close(inner) == 0);
    ok("lines and echo");
}

static void much_both_ways(void) {
    int outer, inner;
    struct termios settings;
    CHECK(openpty(&outer, &inner, NULL, NULL, NULL) == 0 && tcgetattr(inner, &settings) == 0);
    cfmakeraw(&settings);
    CHECK(tcsetattr(inner, TCSANOW, &settings) == 0);
    enum { kTotal = 300000 };
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(close(outer) == 0);
        unsigned sum = 0;
        for (int got = 0; got < kTotal;) {
            ssize_t part = read(inner, bytes, sizeof bytes);
            CHECK(part > 0);
            for (ssize_t i = 0; i < part; ++i) sum = sum * 31 + (unsigned char)bytes[i];
            got += (int)part;
        }
        for (int i = 0; i < kTotal; i += 1000) {
            memset(bytes, 'A' + i / 1000 % 26, 1000);
            for (int sent = 0; sent < 1000;) {
                ssize_t part = write(inner, bytes + sent, (size_t)(1000 - sent));
                CHECK(part > 0);
                sent += (int)part;
            }
        }
        _exit((int)(sum % 251));
    }
    CHECK(close(inner) == 0);
    unsigned sum = 0;
    for (int i = 0; i < kTotal; i += 1000) {
        for (int j = 0; j < 1000; ++j) {
            bytes[j] = (char)((i + j) * 7 % 255);
            sum = sum * 31 + (unsigned char)bytes[j];
        }
        for (int sent = 0; sent < 1000;) {
            ssize_t part = write(outer, bytes + sent, (size_t)(1000 - sent));
            CHECK(part > 0);
            sent += (int)part;
        }
    }
    int got = 0;
    for (ssize_t part; (part = read(outer, bytes, sizeof bytes)) > 0; got += (int)part)
        for (ssize_t i = 0; i < part; ++i) CHECK(bytes[i] == 'A' + (got + (int)i) / 1000 % 26);
    CHECK(errno == EIO && got == kTotal);
    CHECK(exit_status_of(child) == (int)(sum % 251));
    CHECK(close(outer) == 0);
    ok("much both ways");
}

static void without_waiting(void) {
    int outer, inner;
    CHECK(openpty(&outer, &inner, NULL, NULL, NULL) == 0);
    CHECK(fcntl(outer, F_SETFL, O_NONBLOCK) == 0 && fcntl(inner, F_SETFL, O_NONBLOCK) == 0);
    CHECK_ERROR(read(outer, bytes, 10), EAGAIN);
    CHECK_ERROR(read(inner, bytes, 10), EAGAIN);
    CHECK(events_of(outer, POLLIN | POLLOUT) == POLLOUT && events_of(inner, POLLIN | POLLOUT) == POLLOUT);
    memset(bytes, 'z', sizeof bytes);
    ssize_t part;
    while ((part = write(inner, bytes, 1000)) > 0) {
    }
    CHECK(errno == EAGAIN && events_of(inner, POLLOUT) == 0 && waits_for(outer, POLLIN));
    while (waits_for(outer, POLLIN) && read(outer, bytes, sizeof bytes) > 0 && events_of(inner, POLLOUT) == 0) {
    }
    CHECK(events_of(inner, POLLOUT) == POLLOUT);
    CHECK(says(outer, "no line") && events_of(inner, POLLIN) == 0 && says(outer, "\n") && waits_for(inner, POLLIN));
    CHECK(close(outer) == 0 && close(inner) == 0);
    ok("without waiting");
}

static void the_inner_side_closed(void) {
    int outer, inner;
    char name[64];
    CHECK(openpty(&outer, &inner, name, NULL, NULL) == 0);
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7}, happened;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, outer, &event) == 0 && epoll_wait(epoll, &happened, 1, 0) == 0);
    event.data.u32 = 8;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, inner, &event) == 0);
    CHECK(says(inner, "last"));
    CHECK(epoll_wait(epoll, &happened, 1, 1000) == 1 && happened.data.u32 == 7 && happened.events == EPOLLIN);
    CHECK(close(inner) == 0 && waits_for(outer, POLLIN));
    CHECK(events_of(outer, POLLIN) == (POLLIN | POLLHUP) && reads(outer, "last"));
    CHECK_ERROR(read(outer, bytes, 1), EIO);
    CHECK((events_of(outer, POLLIN) & POLLHUP) != 0);
    CHECK(epoll_wait(epoll, &happened, 1, 1000) == 1 && happened.data.u32 == 7 && (happened.events & EPOLLHUP) != 0);
    inner = open(name, O_RDWR | O_NOCTTY);
    CHECK(inner >= 0 && events_of(outer, POLLIN) == 0 && says(inner, "again") && reads(outer, "again"));
    CHECK(epoll_wait(epoll, &happened, 1, 0) == 0);
    CHECK(close(inner) == 0 && close(outer) == 0 && close(epoll) == 0);
    ok("the inner side closed");
}

static volatile sig_atomic_t hangups, resizes;
static void count(int signal) {
    if (signal == SIGHUP)
        ++hangups;
    else
        ++resizes;
}

static void in_a_session(void) {
    int outer, inner, ready[2];
    struct winsize size = {.ws_row = 30, .ws_col = 100};
    CHECK(openpty(&outer, &inner, NULL, NULL, &size) == 0 && pipe(ready) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char name[64];
        CHECK(close(outer) == 0 && ttyname_r(inner, name, sizeof name) == 0);
        CHECK(setsid() == getpid() && open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
        CHECK(ioctl(inner, TIOCSCTTY, 0) == 0);
        int terminal = open("/dev/tty", O_RDWR);
        CHECK(terminal >= 0 && tcgetpgrp(terminal) == getpid() && tcgetsid(inner) == getpid());
        CHECK(close(terminal) == 0);
        struct sigaction action = {.sa_handler = count};
        CHECK(sigaction(SIGHUP, &action, NULL) == 0 && sigaction(SIGWINCH, &action, NULL) == 0 && sigaction(SIGINT, &action, NULL) == 0);
        CHECK(ioctl(inner, TIOCGWINSZ, &size) == 0 && size.ws_row == 30 && size.ws_col == 100);
        CHECK(write(ready[1], "1", 1) == 1);
        while (resizes == 0) sleep_ms(1);
        CHECK(ioctl(inner, TIOCGWINSZ, &size) == 0 && size.ws_row == 31);
        CHECK(write(ready[1], "2", 1) == 1);
        while (resizes == 1) sleep_ms(1);  // ^C
        pid_t other = fork();
        CHECK(other >= 0);
        if (other == 0) {  // in the background it must not read
            CHECK(setpgid(0, 0) == 0 && signal(SIGTTIN, SIG_DFL) != SIG_ERR);
            (void)!read(inner, bytes, 1);
            _exit(1);
        }
        int status;
        CHECK(waitpid(other, &status, WUNTRACED) == other && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
        CHECK(kill(other, SIGKILL) == 0 && waitpid(other, &status, 0) == other);
        CHECK(write(ready[1], "3", 1) == 1);
        while (hangups == 0) sleep_ms(1);
        CHECK(read(inner, bytes, 1) == 0 && events_of(inner, POLLIN) == (POLLIN | POLLERR | POLLHUP));
        CHECK_ERROR(write(inner, "x", 1), EIO);
        struct termios settings;
        CHECK_ERROR(tcgetattr(inner, &settings), EIO);
        CHECK_ERROR(open("/dev/tty", O_RDWR), ENXIO);
        _exit(0);
    }
    char step;
    CHECK(close(inner) == 0 && read(ready[0], &step, 1) == 1 && step == '1');
    CHECK(tcgetpgrp(outer) == child);
    size.ws_row = 31;
    CHECK(ioctl(outer, TIOCSWINSZ, &size) == 0 && ioctl(outer, TIOCSWINSZ, &size) == 0);
    CHECK(read(ready[0], &step, 1) == 1 && step == '2');
    CHECK(says(outer, "\003") && reads(outer, "^C"));
    CHECK(read(ready[0], &step, 1) == 1 && step == '3');
    CHECK(close(outer) == 0);
    CHECK(exit_status_of(child) == 0);
    ok("in a session");
}

static void the_leader_ends(void) {
    int outer;
    char byte;
    int left[2];
    CHECK(pipe(left) == 0);
    pid_t child = forkpty(&outer, NULL, NULL, NULL);
    CHECK(child >= 0);
    if (child == 0) {
        struct sigaction action = {.sa_handler = count};
        CHECK(sigaction(SIGHUP, &action, NULL) == 0);
        if (fork() == 0) {  // stays in the foreground group, which hears of the leader's end
            while (hangups == 0) sleep_ms(1);
            CHECK(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
            CHECK(says(1, "still"));  // it is no terminal of a session any more, but open
            CHECK(write(left[1], "k", 1) == 1);
            _exit(0);
        }
        dprintf(1, "bye\n");
        _exit(9);
    }
    CHECK(close(left[1]) == 0);
    CHECK(reads(outer, "bye\r\n") && exit_status_of(child) == 9);
    CHECK(read(left[0], &byte, 1) == 1 && byte == 'k' && read(left[0], &byte, 1) == 0);
    CHECK(reads(outer, "still"));
    CHECK_ERROR(read(outer, bytes, 1), EIO);
    CHECK(close(outer) == 0 && close(left[0]) == 0);
    ok("the leader ends");
}

int main(void) {
    names_and_lock();
    lines_and_echo();
    much_both_ways();
    without_waiting();
    the_inner_side_closed();
    in_a_session();
    the_leader_ends();
    return 0;
}
