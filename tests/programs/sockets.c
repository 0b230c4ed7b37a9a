/// cpus: 1 2
// AF_UNIX: pairs, names, connections, datagrams, packets, descriptors in messages, credentials, shutdown, limits.
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "check.h"

struct ucred_ {
    int pid;
    unsigned uid, gid;
};

static int events_of(int descriptor, short wanted) {
    struct pollfd polled = {.fd = descriptor, .events = wanted};
    return poll(&polled, 1, 0) == 0 ? 0 : polled.revents;
}

static socklen_t name_of(struct sockaddr_un* address, const char* name, int abstract) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    strcpy(address->sun_path + abstract, name);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1);
}

static int give(int socket, const int* descriptors, int count) {
    char control[CMSG_SPACE(sizeof(int) * 16)] = {0}, byte = 'd';
    struct iovec vector = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count)};
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(header), descriptors, sizeof(int) * (size_t)count);
    return (int)sendmsg(socket, &message, 0);
}

// How many descriptors came.
static int get(int socket, int* descriptors, int flags, int room) {
    char control[CMSG_SPACE(sizeof(int) * 16)], byte = 0;
    struct iovec vector = {&byte, 1};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = room ? control : NULL,
                             .msg_controllen = room ? CMSG_SPACE(sizeof(int) * (size_t)room) : 0};
    CHECK(recvmsg(socket, &message, flags) == 1 && byte == 'd');
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == NULL) return message.msg_flags & MSG_CTRUNC ? -1 : 0;
    CHECK(header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS);
    int count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(descriptors, CMSG_DATA(header), sizeof(int) * (size_t)count);
    return count;
}

static void pairs(void) {
    int ends[2];
    char text[64];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 && fcntl(ends[0], F_GETFD) == FD_CLOEXEC);
    CHECK(write(ends[0], "hello", 5) == 5 && write(ends[0], " you", 4) == 4);
    CHECK(events_of(ends[1], POLLIN | POLLOUT) == (POLLIN | POLLOUT) && events_of(ends[0], POLLIN | POLLOUT) == POLLOUT);
    int count = 0;
    CHECK(ioctl(ends[1], FIONREAD, &count) == 0 && count == 9);
    CHECK(recv(ends[1], text, 5, MSG_PEEK) == 5 && recv(ends[1], text, sizeof text, 0) == 9 && memcmp(text, "hello you", 9) == 0);
    CHECK_ERROR(recv(ends[1], text, 1, MSG_DONTWAIT), EAGAIN);
    struct stat status;
    CHECK(fstat(ends[0], &status) == 0 && S_ISSOCK(status.st_mode));
    CHECK_ERROR(lseek(ends[0], 0, SEEK_SET), ESPIPE);
    struct iovec parts[2] = {{"ab", 2}, {"cde", 3}}, places[2] = {{text, 3}, {text + 10, 20}};
    CHECK(writev(ends[1], parts, 2) == 5 && readv(ends[0], places, 2) == 5 && memcmp(text, "abc", 3) == 0 &&
          memcmp(text + 10, "de", 2) == 0);
    ok("a pair of streams");
    CHECK(write(ends[0], "rest", 4) == 4 && shutdown(ends[0], SHUT_WR) == 0);
    CHECK(read(ends[1], text, sizeof text) == 4 && read(ends[1], text, sizeof text) == 0);
    CHECK(events_of(ends[1], POLLIN | POLLRDHUP) == (POLLIN | POLLRDHUP));
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERROR(write(ends[0], "x", 1), EPIPE);
    CHECK(write(ends[1], "back", 4) == 4 && read(ends[0], text, 64) == 4);
    ok("half closed");
    CHECK(write(ends[1], "lost", 4) == 4);
    close(ends[0]);
    CHECK_ERROR(read(ends[1], text, 1), ECONNRESET);
    CHECK(read(ends[1], text, 1) == 0);
    CHECK_ERROR(send(ends[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK((events_of(ends[1], POLLIN) & POLLHUP) != 0);
    close(ends[1]);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGPIPE, SIG_DFL);
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        close(ends[1]);
        (void)!write(ends[0], "x", 1);
        _exit(1);
    }
    CHECK(exit_status_of(child) == 128 + SIGPIPE);
    ok("reset, broken pipe and its signal");

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    static char block[1 << 20];
    child = fork();
    if (child == 0) {
        size_t sum = 0;
        for (;;) {
            static char part[5000];
            ssize_t got = read(ends[1], part, sizeof part);
            if (got <= 0) _exit(9);
            for (ssize_t i = 0; i < got; ++i)
                if (part[i] != (char)((sum + (size_t)i) % 251)) _exit(1);
            sum += (size_t)got;
            if (sum == sizeof block) _exit(0);
        }
    }
    for (size_t i = 0; i < sizeof block; ++i) block[i] = (char)(i % 251);
    CHECK(write(ends[0], block, sizeof block) == (ssize_t)sizeof block && exit_status_of(child) == 0);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    ssize_t sum = 0, put;
    while ((put = write(ends[0], block, 8192)) > 0) sum += put;
    CHECK(errno == EAGAIN && sum >= 65536 && events_of(ends[0], POLLOUT) == 0);
    while (sum > 0) sum -= recv(ends[1], block, sizeof block, 0);
    CHECK(events_of(ends[0], POLLOUT) == POLLOUT);
    struct timeval limit = {0, 50000};
    CHECK(setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    long long before = now_ms();
    CHECK_ERROR(read(ends[1], text, 1), EAGAIN);
    CHECK(now_ms() - before >= 45);
    close(ends[0]);
    close(ends[1]);
    ok("a full peer holds back its sender; time limits");
}

static void connections(int form, const char* kind) {
    struct sockaddr_un address, told;
    socklen_t length = name_of(&address, "/tmp/portico-socket", 0), room;
    char text[200];
    unlink(address.sun_path);
    int listener = socket(AF_UNIX, form, 0), client = socket(AF_UNIX, form, 0);
    CHECK(listener >= 0 && client >= 0);
    CHECK_ERROR(connect(client, (struct sockaddr*)&address, length), ENOENT);
    CHECK_ERROR(listen(listener, 1), EINVAL);
    CHECK(bind(listener, (struct sockaddr*)&address, length) == 0);
    CHECK_ERROR(bind(listener, (struct sockaddr*)&address, length), EADDRINUSE);
    struct stat status;
    CHECK(stat(address.sun_path, &status) == 0 && S_ISSOCK(status.st_mode));
    CHECK_ERROR(connect(client, (struct sockaddr*)&address, length), ECONNREFUSED);
    CHECK(listen(listener, 5) == 0 && fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
    CHECK_ERROR(accept(listener, NULL, NULL), EAGAIN);
    int other = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_ERROR(connect(other, (struct sockaddr*)&address, length), EPROTOTYPE);
    close(other);
    CHECK(connect(client, (struct sockaddr*)&address, length) == 0);
    CHECK_ERROR(connect(client, (struct sockaddr*)&address, length), EISCONN);
    CHECK(events_of(listener, POLLIN) == POLLIN && write(client, "early", 5) == 5);
    room = sizeof told;
    int server = accept4(listener, (struct sockaddr*)&told, &room, SOCK_CLOEXEC);
    CHECK(server >= 0 && told.sun_family == AF_UNIX && room == 2 && fcntl(server, F_GETFD) == FD_CLOEXEC);
    CHECK(read(server, text, sizeof text) == 5 && memcmp(text, "early", 5) == 0);
    CHECK(write(server, "answer", 6) == 6 && read(client, text, sizeof text) == 6);
    room = sizeof told;
    CHECK(getpeername(client, (struct sockaddr*)&told, &room) == 0 && room == length && strcmp(told.sun_path, address.sun_path) == 0);
    room = sizeof told;
    CHECK(getsockname(server, (struct sockaddr*)&told, &room) == 0 && strcmp(told.sun_path, address.sun_path) == 0);
    struct ucred_ peer;
    room = sizeof peer;
    CHECK(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &peer, &room) == 0 && peer.pid == getpid() && peer.uid == geteuid());
    int value = 0;
    room = sizeof value;
    CHECK(getsockopt(server, SOL_SOCKET, SO_TYPE, &value, &room) == 0 && value == form);
    CHECK(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &value, &room) == 0 && value == 1);
    CHECK(getsockopt(server, SOL_SOCKET, SO_ERROR, &value, &room) == 0 && value == 0);
    close(server);
    CHECK(read(client, text, 1) == 0);
    close(client);
    CHECK(fcntl(listener, F_SETFL, 0) == 0);
    pid_t child = fork();
    if (child == 0) {
        sleep_ms(30);
        client = socket(AF_UNIX, form, 0);
        _exit(connect(client, (struct sockaddr*)&address, length) == 0 && write(client, "late", 4) == 4 ? 0 : 1);
    }
    server = accept(listener, NULL, NULL);
    CHECK(server >= 0 && read(server, text, sizeof text) == 4 && exit_status_of(child) == 0);
    close(server);
    // A connection that nobody accepts ends with its listener.
    client = socket(AF_UNIX, form, 0);
    CHECK(connect(client, (struct sockaddr*)&address, length) == 0);
    close(listener);
    ssize_t got = read(client, text, 1);
    CHECK(got == 0 || (got == -1 && errno == ECONNRESET));
    close(client);
    CHECK(unlink(address.sun_path) == 0);
    ok(kind);
}

static void datagrams(void) {
    struct sockaddr_un first_name, second_name, told;
    socklen_t first_length = name_of(&first_name, "portico-first", 1), second_length = name_of(&second_name, "portico-second", 1);
    first_length -= 0, second_length -= 0;
    char text[64];
    int first = socket(AF_UNIX, SOCK_DGRAM, 0), second = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK_ERROR(sendto(first, "x", 1, 0, (struct sockaddr*)&second_name, second_length), ECONNREFUSED);
    CHECK_ERROR(send(first, "x", 1, 0), ENOTCONN);
    CHECK(bind(first, (struct sockaddr*)&first_name, first_length) == 0 &&
          bind(second, (struct sockaddr*)&second_name, second_length) == 0);
    int third = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_ERROR(bind(third, (struct sockaddr*)&first_name, first_length), EADDRINUSE);
    CHECK(sendto(first, "one", 3, 0, (struct sockaddr*)&second_name, second_length) == 3);
    CHECK(sendto(first, "", 0, 0, (struct sockaddr*)&second_name, second_length) == 0);
    CHECK(sendto(first, "three", 5, 0, (struct sockaddr*)&second_name, second_length) == 5);
    socklen_t room = sizeof told;
    CHECK(recvfrom(second, text, sizeof text, 0, (struct sockaddr*)&told, &room) == 3);
    CHECK(room == first_length && memcmp(&told, &first_name, first_length) == 0);
    CHECK(recv(second, text, sizeof text, 0) == 0);
    CHECK(recv(second, text, 2, MSG_PEEK | MSG_TRUNC) == 5 && recv(second, text, 2, 0) == 2 && memcmp(text, "th", 2) == 0);
    CHECK_ERROR(recv(second, text, 2, 0), EAGAIN);
    CHECK(connect(third, (struct sockaddr*)&second_name, second_length) == 0 && send(third, "anonymous", 9, 0) == 9);
    room = sizeof told;
    CHECK(recvfrom(second, text, sizeof text, 0, (struct sockaddr*)&told, &room) == 9 && room == 0);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    CHECK(connect(third, &none, sizeof none) == 0);
    CHECK_ERROR(send(third, "x", 1, 0), ENOTCONN);
    CHECK(bind(third, (struct sockaddr*)&first_name, 2) == 0);  // a name of the system's choice
    room = sizeof told;
    CHECK(getsockname(third, (struct sockaddr*)&told, &room) == 0 && room == 2 + 6 && told.sun_path[0] == 0);
    close(first);
    close(second);
    close(third);
    first = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(bind(first, (struct sockaddr*)&first_name, first_length) == 0);  // free again
    close(first);
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
    CHECK(write(ends[0], "packet", 6) == 6 && write(ends[0], "two", 3) == 3 && read(ends[1], text, 3) == 3 && read(ends[1], text, 9) == 3);
    CHECK(memcmp(text, "two", 3) == 0);
    close(ends[0]);
    CHECK(read(ends[1], text, 9) == 0);
    close(ends[1]);
    CHECK_ERROR(socket(AF_UNIX, 77, 0), EINVAL);
    CHECK_ERROR(socket(AF_UNIX, SOCK_STREAM, 55), EPROTONOSUPPORT);
    CHECK_ERROR(send(1, "x", 1, 0), ENOTSOCK);
    CHECK_ERROR(send(99, "x", 1, 0), EBADF);
    ok("datagrams, packets, abstract names");
}

static void descriptors(void) {
    int ends[2], pipe_ends[2], got[16];
    char byte;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && pipe(pipe_ends) == 0);
    CHECK(give(ends[0], &pipe_ends[1], 1) == 1);
    close(pipe_ends[1]);
    CHECK(events_of(pipe_ends[0], POLLIN) == 0);  // in flight it is still an end
    CHECK(get(ends[1], got, MSG_CMSG_CLOEXEC, 1) == 1 && fcntl(got[0], F_GETFD) == FD_CLOEXEC);
    CHECK(write(got[0], "p", 1) == 1 && read(pipe_ends[0], &byte, 1) == 1 && byte == 'p');
    close(got[0]);
    CHECK(events_of(pipe_ends[0], POLLIN) == POLLHUP);
    ok("a pipe in a message");

    int file = open("/tmp/portico-passed", O_RDWR | O_CREAT | O_TRUNC, 0600), counter = eventfd(7, 0), epoll = epoll_create1(0);
    CHECK(file >= 0 && write(file, "content", 7) == 7);
    int many[8] = {file, counter, epoll, pipe_ends[0], ends[0], 0, file, counter};
    CHECK(give(ends[0], many, 8) == 1 && get(ends[1], got, 0, 16) == 8);
    unsigned long long value = 0;
    CHECK(lseek(got[0], 0, SEEK_CUR) == 7 && read(got[7], &value, 8) == 8 && value == 7);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(epoll_ctl(got[2], EPOLL_CTL_ADD, got[1], &event) == 0 && epoll_wait(epoll, &event, 1, 0) == 0);
    value = 1;
    CHECK(write(counter, &value, 8) == 8 && epoll_wait(epoll, &event, 1, 0) == 1);
    for (int i = 0; i < 8; ++i) close(got[i]);
    close(file);
    close(counter);
    close(epoll);
    unlink("/tmp/portico-passed");
    ok("eight of many kinds");

    CHECK(pipe(pipe_ends) == 0 && give(ends[0], &pipe_ends[1], 1) == 1);
    close(pipe_ends[1]);
    CHECK(get(ends[1], got, 0, 0) == -1);  // no room for it: it is closed, and the message says so
    CHECK(events_of(pipe_ends[0], POLLIN) == POLLHUP);
    CHECK(pipe(pipe_ends) == 0 && give(ends[0], &pipe_ends[1], 1) == 1);
    close(pipe_ends[1]);
    CHECK(read(ends[1], &byte, 1) == 1);
    CHECK(events_of(pipe_ends[0], POLLIN) == POLLHUP);
    ok("a descriptor that nobody takes is closed");

    // Sent by one who dies before it is taken.
    CHECK(pipe(pipe_ends) == 0);
    pid_t child = fork();
    if (child == 0) _exit(give(ends[0], &pipe_ends[1], 1) == 1 ? 0 : 1);
    close(pipe_ends[1]);
    CHECK(exit_status_of(child) == 0 && get(ends[1], got, 0, 1) == 1);
    CHECK(write(got[0], "q", 1) == 1 && read(pipe_ends[0], &byte, 1) == 1 && byte == 'q');
    close(got[0]);
    for (int round = 0; round < 20; ++round) {
        child = fork();
        if (child == 0)
            for (;;) {
                int made[2];
                if (pipe(made) != 0 || give(ends[0], made, 2) != 1) _exit(1);
                close(made[0]), close(made[1]);
                if (get(ends[1], got, 0, 2) == 2) close(got[0]), close(got[1]);
            }
        sleep_ms(3 + round % 5);
        CHECK(kill(child, SIGKILL) == 0 && exit_status_of(child) == 128 + SIGKILL);
        while (events_of(ends[1], POLLIN) & POLLIN) {
            int count = get(ends[1], got, 0, 2);
            for (int i = 0; i < count; ++i) close(got[i]);
        }
    }
    CHECK(write(ends[0], "w", 1) == 1 && read(ends[1], &byte, 1) == 1 && byte == 'w');
    ok("senders killed at any moment");

    // Sockets that only hold each other.
    for (int round = 0; round < 200; ++round) {
        int ring[2];
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ring) == 0 && pipe(pipe_ends) == 0);
        int sent[2] = {ring[0], pipe_ends[1]};
        CHECK(give(ring[1], sent, 2) == 1 && give(ring[0], &ring[1], 1) == 1);
        close(ring[0]);
        close(ring[1]);
        close(pipe_ends[1]);
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ring) == 0 && close(ring[0]) == 0 && close(ring[1]) == 0);  // Linux looks for circles now
        struct pollfd polled = {.fd = pipe_ends[0], .events = POLLIN};
        CHECK(poll(&polled, 1, 5000) == 1 && polled.revents == POLLHUP);
        close(pipe_ends[0]);
    }
    close(ends[0]);
    close(ends[1]);
    ok("circles of sockets end");
}

static void credentials(void) {
    int ends[2], on = 1;
    char byte, control[CMSG_SPACE(sizeof(struct ucred_))];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0 && setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    pid_t child = fork();
    if (child == 0) _exit(send(ends[0], "c", 1, 0) == 1 ? 0 : 1);
    struct iovec vector = {&byte, 1};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    CHECK(exit_status_of(child) == 0 && recvmsg(ends[1], &message, 0) == 1);
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    CHECK(header != NULL && header->cmsg_type == 2 && header->cmsg_len == CMSG_LEN(sizeof(struct ucred_)));
    struct ucred_ sender;
    memcpy(&sender, CMSG_DATA(header), sizeof sender);
    CHECK(sender.pid == child && sender.uid == getuid() && sender.gid == getgid());
    close(ends[0]);
    close(ends[1]);
    ok("credentials");
}

int main(void) {
    pairs();
    connections(SOCK_STREAM, "stream connections");
    connections(SOCK_SEQPACKET, "packet connections");
    datagrams();
    descriptors();
    credentials();
    CHECK_ERROR(socket(77, SOCK_STREAM, 0), EAFNOSUPPORT);
    ok("other families are refused");
    return 0;
}
