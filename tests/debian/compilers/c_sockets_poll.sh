cat > t.c <<'C'
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
int main(void) { struct sockaddr_un a = {AF_UNIX, "s"}; int l = socket(AF_UNIX, SOCK_STREAM, 0); bind(l, (void*)&a, sizeof a); listen(l, 5); if (!fork()) { int c = socket(AF_UNIX, SOCK_STREAM, 0); connect(c, (void*)&a, sizeof a); write(c, "hello", 5); char b[9] = {0}; read(c, b, 8); printf("client %s\n", b); _exit(0); }
 int e = epoll_create1(0); struct epoll_event ev = {EPOLLIN, {.fd = l}}; epoll_ctl(e, EPOLL_CTL_ADD, l, &ev); epoll_wait(e, &ev, 1, -1); int c = accept4(l, 0, 0, SOCK_CLOEXEC); struct ucred u; socklen_t n = sizeof u; getsockopt(c, SOL_SOCKET, SO_PEERCRED, &u, &n); char b[9] = {0}; read(c, b, 8); printf("server %s %d\n", b, u.uid == getuid()); fflush(stdout); write(c, "world", 5); wait(0); struct pollfd p = {c, POLLIN | POLLRDHUP, 0}; poll(&p, 1, 1000); printf("%x\n", p.revents);
 int t = timerfd_create(CLOCK_MONOTONIC, 0); struct itimerspec s = {{0, 10000000}, {0, 10000000}}; timerfd_settime(t, 0, &s, 0); unsigned long x; usleep(35000); read(t, &x, 8); printf("%d\n", x >= 3); sigset_t m; sigemptyset(&m); sigaddset(&m, SIGUSR1); sigprocmask(SIG_BLOCK, &m, 0); int f = signalfd(-1, &m, 0); kill(getpid(), SIGUSR1); struct signalfd_siginfo i; read(f, &i, sizeof i); printf("%d\n", i.ssi_signo == SIGUSR1); int v = eventfd(2, EFD_SEMAPHORE); eventfd_t q; eventfd_read(v, &q); printf("%lu\n", q);
 int d[2]; socketpair(AF_UNIX, SOCK_SEQPACKET, 0, d); send(d[0], "abcdef", 6, 0); send(d[0], "gh", 2, 0); printf("%zd %zd\n", recv(d[1], b, 3, MSG_TRUNC), recv(d[1], b, 8, 0)); shutdown(d[0], SHUT_WR); printf("%zd\n", recv(d[1], b, 8, 0)); unlink("s"); return 0; }
C
gcc -O1 -Wall -Wno-unused-result t.c -o t && ./t; rm -f t t.c
