// User and group ids, process groups and sessions. As another user than root it can check less, and says the same.
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "check.h"

static void check_drop(void) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (getuid() == 0) {
            gid_t groups[] = {5, 6};
            CHECK(setgroups(2, groups) == 0);
            gid_t read_back[4];
            CHECK(getgroups(4, read_back) == 2 && read_back[0] == 5 && read_back[1] == 6);
            CHECK(setgid(1001) == 0 && setuid(1000) == 0);
            CHECK(getuid() == 1000 && geteuid() == 1000 && getgid() == 1001 && getegid() == 1001);
            CHECK_ERROR(setuid(0), EPERM);
            CHECK_ERROR(setgid(0), EPERM);
            CHECK_ERROR(kill(1, 0), EPERM);
        }
        _exit(0);
    }
    CHECK(exit_status_of(child) == 0);
    ok("dropped privileges do not come back");
}

static void check_saved(void) {
    uid_t real, effective, saved;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (getuid() == 0) {
            CHECK(setresuid(1000, 1000, 0) == 0 && seteuid(0) == 0 && geteuid() == 0 && getuid() == 1000);
            CHECK(getresuid(&real, &effective, &saved) == 0 && real == 1000 && effective == 0 && saved == 0);
        }
        _exit(0);
    }
    CHECK(exit_status_of(child) == 0);
    ok("saved ids");
}

static void check_groups_and_sessions(void) {
    int ends[2];
    char byte;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(getpgrp() == getpgid(getppid()) && getsid(0) == getsid(getppid()));
        CHECK(setsid() == getpid());
        CHECK(getsid(0) == getpid() && getpgrp() == getpid());
        CHECK_ERROR(setsid(), EPERM);
        pid_t grandchild = fork();
        CHECK(grandchild >= 0);
        if (grandchild == 0) {
            CHECK(setpgid(0, 0) == 0 && getpgrp() == getpid());
            CHECK(write(ends[1], "g", 1) == 1);
            for (;;) pause();
        }
        CHECK(read(ends[0], &byte, 1) == 1 && getpgid(grandchild) == grandchild);
        CHECK(kill(-grandchild, SIGTERM) == 0 && exit_status_of(grandchild) == 128 + SIGTERM);
        _exit(0);
    }
    CHECK(exit_status_of(child) == 0);
    CHECK_ERROR(setpgid(999999, 0), ESRCH);
    ok("process groups and sessions");
}

int main(void) {
    CHECK(getpid() > 0 && getppid() >= 0 && getuid() == geteuid() && getgid() == getegid());
    ok("ids");
    check_drop();
    check_saved();
    check_groups_and_sessions();
    mode_t before = umask(027);
    CHECK(umask(before) == 027);
    ok("umask");
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 16);
    CHECK(getrlimit(RLIMIT_STACK, &limit) == 0);
    CHECK(getrlimit(RLIMIT_NICE, &limit) == 0 && limit.rlim_max == 0 && getrlimit(RLIMIT_RTPRIO, &limit) == 0 && limit.rlim_max == 0);
    CHECK(getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY);
    struct rlimit lower = {.rlim_cur = 4096, .rlim_max = 4096};
    CHECK(setrlimit(RLIMIT_MSGQUEUE, &lower) == 0);
    struct rlimit higher = {.rlim_cur = 8192, .rlim_max = 8192};
    struct {
        unsigned version;
        int pid;
    } header = {.version = 0x20080522};
    struct {
        unsigned effective, permitted, inheritable;
    } parts[2];
    CHECK(syscall(SYS_capget, &header, parts) == 0);
    const int may_raise = parts[0].effective >> 24 & 1;  // CAP_SYS_RESOURCE
    CHECK((setrlimit(RLIMIT_MSGQUEUE, &higher) == 0) == may_raise);
    ok("limits");
    return 0;
}
