/// cpus: 1 2
// Pseudo-terminals: names, both ways, line editing, sizes, signals, job control, hang-up, epoll.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "check.h"

static int events_of(int descriptor, short wanted, int timeout_ms) {
    struct pollfd polled = {.fd = descriptor, .events = wanted};
    return poll(&polled, 1, timeout_ms) == 0 ? 0 : polled.revents;
}

// Reads until so much has come, as a terminal gives it in pieces.
static void expect(int descriptor, const char* text) {
    char got[256];
    size_t length = 0, wanted = strlen(text);
    while (length < wanted) {
        ssize_t part = read(descriptor, got + length, wanted - length);
        CHECK(part > 0);
        length += (size_t)part;
    }
    if (memcmp(got, text, wanted) != 0) dprintf(1, "got: %.*s\n", (int)wanted, got);
    CHECK(memcmp(got, text, wanted) == 0);
}

static int listed(const char* name) {
    DIR* directory = opendir("/dev/pts");
    CHECK(directory != NULL);
    int found = 0;
    for (struct dirent* entry; (entry = readdir(directory)) != NULL;) found |= strcmp(entry->d_name, name) == 0;
    closedir(directory);
    return found;
}

static volatile sig_atomic_t interrupted, hung_up, resized;
static void on_signal(int number) {
    if (number == SIGINT) ++interrupted;
    if (number == SIGHUP) ++hung_up;
    if (number == SIGWINCH) ++resized;
}

static void wait_for(volatile sig_atomic_t* flag) {
    for (int i = 0; i < 1000 && *flag == 0; ++i) sleep_ms(5);
    CHECK(*flag != 0);
}

// A child in a session of its own, with the slave as its terminal; it says what happens to it by exit codes.
static pid_t child_on(int master, int slave, int ready) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child != 0) return child;
    close(master);
    signal(SIGINT, on_signal);
    signal(SIGHUP, on_signal);
    signal(SIGWINCH, on_signal);
    CHECK(setsid() == getpid() && ioctl(slave, TIOCSCTTY, 0) == 0);
    CHECK(tcgetpgrp(slave) == getpid() && tcgetsid(slave) == getpid());
    int own = open("/dev/tty", O_RDWR);
    CHECK(own >= 0 && isatty(own));
    close(own);
    CHECK(write(ready, "r", 1) == 1);
    wait_for(&interrupted);
    wait_for(&resized);
    struct winsize size;
    CHECK(ioctl(slave, TIOCGWINSZ, &size) == 0 && size.ws_row == 33 && size.ws_col == 100);
    CHECK(write(ready, "s", 1) == 1);
    wait_for(&hung_up);
    char byte;
    CHECK(read(slave, &byte, 1) <= 0);
    _exit(7);
}

int main(void) {
    char name[64], text[64];
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), locked = 0;
    CHECK(master >= 0 && fcntl(master, F_GETFD) == FD_CLOEXEC);
    unsigned number = 999;
    CHECK(ioctl(master, TIOCGPTN, &number) == 0 && ptsname_r(master, name, sizeof name) == 0);
    snprintf(text, sizeof text, "/dev/pts/%u", number);
    CHECK(strcmp(name, text) == 0 && listed(text + strlen("/dev/pts/")));
    CHECK(ioctl(master, TIOCGPTLCK, &locked) == 0 && locked == 1);
    CHECK_ERROR(open(name, O_RDWR | O_NOCTTY), EIO);
    CHECK(grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(name, O_RDWR | O_NOCTTY);
    CHECK(slave >= 0 && isatty(slave) && isatty(master));
    struct stat by_name, by_descriptor;
    CHECK(stat(name, &by_name) == 0 && fstat(slave, &by_descriptor) == 0 && S_ISCHR(by_name.st_mode));
    CHECK(by_name.st_rdev == by_descriptor.st_rdev && by_name.st_ino == by_descriptor.st_ino && by_name.st_dev == by_descriptor.st_dev);
    CHECK(ttyname_r(slave, text, sizeof text) == 0 && strcmp(text, name) == 0);
    int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(peer >= 0 && fcntl(peer, F_GETFD) == FD_CLOEXEC && ttyname_r(peer, text, sizeof text) == 0 && strcmp(text, name) == 0);
    close(peer);
    ok("opened and named");

    CHECK(events_of(master, POLLIN | POLLOUT, 0) == POLLOUT && events_of(slave, POLLIN | POLLOUT, 0) == POLLOUT);
    CHECK(write(slave, "out\n", 4) == 4 && events_of(master, POLLIN, 1000) == POLLIN);
    expect(master, "out\r\n");
    CHECK(write(master, "helo\177lo\n", 8) == 8);
    expect(master, "helo\b \blo\r\n");
    CHECK(read(slave, text, sizeof text) == 6 && memcmp(text, "hello\n", 6) == 0);
    int count = 0;
    CHECK(write(master, "abc\n", 4) == 4 && events_of(slave, POLLIN, 1000) == POLLIN && ioctl(slave, FIONREAD, &count) == 0 && count == 4);
    CHECK(read(slave, text, 2) == 2 && read(slave, text, 9) == 2);
    CHECK(write(master, "\4", 1) == 1 && read(slave, text, 9) == 0);
    expect(master, "abc\r\n");
    ok("both ways, with line editing");
    struct termios settings;
    CHECK(tcgetattr(slave, &settings) == 0 && (settings.c_lflag & ICANON));
    cfmakeraw(&settings);
    CHECK(tcsetattr(slave, TCSADRAIN, &settings) == 0);
    CHECK(write(master, "\3x", 2) == 2 && read(slave, text, 9) == 2 && text[0] == 3 && text[1] == 'x');
    CHECK(write(slave, "a\n", 2) == 2);
    expect(master, "a\n");
    CHECK(fcntl(master, F_SETFL, O_NONBLOCK) == 0);
    CHECK_ERROR(read(master, text, 1), EAGAIN);
    CHECK(fcntl(master, F_SETFL, 0) == 0);
    ok("raw");

    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = 5};
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, master, &event) == 0 && epoll_wait(epoll, &event, 1, 20) == 0);
    CHECK(write(slave, "e", 1) == 1 && epoll_wait(epoll, &event, 1, 2000) == 1 && event.events == EPOLLIN && event.data.fd == 5);
    CHECK(epoll_wait(epoll, &event, 1, 0) == 1);
    expect(master, "e");
    CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_MOD, master, &event) == 0 && epoll_wait(epoll, &event, 1, 2000) == 1 && event.events == EPOLLOUT);
    CHECK(epoll_wait(epoll, &event, 1, 30) == 0);
    CHECK(write(slave, "f", 1) == 1 && epoll_wait(epoll, &event, 1, 2000) == 1 && (event.events & EPOLLIN));
    expect(master, "f");
    close(epoll);
    ok("in an epoll");

    struct winsize size = {.ws_row = 24, .ws_col = 80}, told;
    CHECK(ioctl(master, TIOCSWINSZ, &size) == 0 && ioctl(slave, TIOCGWINSZ, &told) == 0 && told.ws_row == 24 && told.ws_col == 80);
    int ready[2];
    char byte;
    settings.c_lflag |= ISIG;
    CHECK(tcsetattr(slave, TCSANOW, &settings) == 0 && pipe(ready) == 0);
    pid_t child = child_on(master, slave, ready[1]);
    close(slave);
    CHECK(read(ready[0], &byte, 1) == 1 && byte == 'r');
    pid_t group = 0;
    CHECK(ioctl(master, TIOCGPGRP, &group) == 0 && group == child);
    CHECK(write(master, "\3", 1) == 1);
    size.ws_row = 33, size.ws_col = 100;
    CHECK(ioctl(master, TIOCSWINSZ, &size) == 0);
    CHECK(read(ready[0], &byte, 1) == 1 && byte == 's');
    ok("a session on it: interrupt, size");
    close(master);
    CHECK(exit_status_of(child) == 7);
    ok("hang-up");

    master = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(master >= 0 && unlockpt(master) == 0 && ptsname_r(master, name, sizeof name) == 0);
    slave = open(name, O_RDWR | O_NOCTTY);
    CHECK(slave >= 0 && write(slave, "last", 4) == 4);
    close(slave);
    CHECK((events_of(master, POLLIN, 0) & (POLLIN | POLLHUP)) == (POLLIN | POLLHUP));
    expect(master, "last");
    CHECK_ERROR(read(master, &byte, 1), EIO);
    slave = open(name, O_RDWR | O_NOCTTY);
    CHECK(slave >= 0 && events_of(master, POLLIN, 0) == 0);
    close(master);
    CHECK((events_of(slave, POLLIN, 0) & POLLHUP) && read(slave, &byte, 1) == 0);
    CHECK_ERROR(write(slave, "x", 1), EIO);
    close(slave);
    CHECK_ERROR(open(name, O_RDWR), ENOENT);
    ok("the end of either side");
    return 0;
}
