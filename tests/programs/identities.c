// Ids that a process asks of itself again and again: right at once after whoever may change them has done so.
#include <sys/syscall.h>

#include "check.h"

static int ends[2], back[2];

static void tell(void) {
    CHECK(write(back[1], "x", 1) == 1);
}
static void hear(int descriptor) {
    char byte;
    CHECK(read(descriptor, &byte, 1) == 1);
}

static void check_parent_over_fork(void) {
    CHECK(getppid() == getppid());
    const pid_t parent = getpid(), group = getpgrp(), session = getsid(0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(getppid() == parent && getpid() != parent && getpgrp() == group && getpgid(0) == group && getsid(0) == session);
        CHECK(getpgid(getpid()) == group && getsid(getpid()) == session && getpgid(parent) == group);
        pid_t grandchild = fork();
        CHECK(grandchild >= 0);
        if (grandchild == 0) _exit(getppid() == parent || getppid() == getpid() ? 1 : 0);
        CHECK(exit_status_of(grandchild) == 0);
        _exit(0);
    }
    CHECK(exit_status_of(child) == 0 && getpid() == parent);
    ok("a child's and a grandchild's parent");
}

// The child asks first in memory that it shares with its parent.
static void check_vfork(void) {
    const pid_t parent = getpid(), grandparent = getppid();
    volatile pid_t seen_parent = 0, seen_self = 0;
    pid_t child = vfork();
    CHECK(child >= 0);
    if (child == 0) {
        seen_parent = (pid_t)syscall(SYS_getppid);
        seen_self = (pid_t)syscall(SYS_getpid);
        _exit(setpgid(0, 0) == 0 && syscall(SYS_getpgid, 0) == seen_self ? 0 : 1);
    }
    CHECK(exit_status_of(child) == 0);
    CHECK(seen_parent == parent && seen_self == child && getppid() == grandparent);
    ok("vfork");
}

static void check_execve(char* program) {
    char parent[16], group[16];
    snprintf(parent, sizeof parent, "%d", getpid());
    snprintf(group, sizeof group, "%d", getpgrp());
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(getppid() > 0);
        execl(program, program, parent, group, (char*)NULL);
        _exit(127);
    }
    CHECK(exit_status_of(child) == 0);
    child = vfork();
    CHECK(child >= 0);
    if (child == 0) {
        execl(program, program, parent, group, (char*)NULL);
        _exit(127);
    }
    CHECK(exit_status_of(child) == 0);
    ok("execve");
}

static void check_parent_changes_the_group(void) {
    const pid_t group = getpgrp();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(getpgrp() == group);
        tell();
        hear(ends[0]);
        CHECK(getpgrp() == getpid() && getpgid(0) == getpid());
        tell();
        hear(ends[0]);
        CHECK(getpgrp() == group);
        CHECK(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid());
        _exit(0);
    }
    hear(back[0]);
    CHECK(setpgid(child, child) == 0 && write(ends[1], "x", 1) == 1);
    hear(back[0]);
    CHECK(setpgid(child, group) == 0 && write(ends[1], "x", 1) == 1);
    CHECK(exit_status_of(child) == 0);
    ok("a group that the parent changes");
}

static void check_orphan(void) {
    pid_t middle = fork();
    CHECK(middle >= 0);
    if (middle == 0) {
        pid_t orphan = fork();
        CHECK(orphan >= 0);
        if (orphan == 0) {
            const pid_t parent = getppid();
            tell();
            hear(ends[0]);
            const pid_t heir = getppid();
            CHECK(heir != parent && heir != getpid() && getpgid(heir) >= 0);
            tell();
            _exit(0);
        }
        hear(back[0]);
        _exit(0);
    }
    CHECK(exit_status_of(middle) == 0);  // once it is a zombie its children have another parent
    CHECK(write(ends[1], "x", 1) == 1);
    hear(back[0]);
    ok("an orphan's parent lives");
}

static void check_users(void) {
    CHECK(getuid() == (uid_t)syscall(SYS_getuid) && getegid() == (gid_t)syscall(SYS_getegid));
    if (getuid() == 0) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            CHECK(getuid() == 0 && geteuid() == 0 && getgid() == 0 && getegid() == 0);
            CHECK(setresgid(7, 8, 9) == 0 && getgid() == 7 && getegid() == 8);
            CHECK(setresuid(1, 2, 3) == 0 && getuid() == 1 && geteuid() == 2);
            CHECK(seteuid(3) == 0 && geteuid() == 3 && getuid() == 1);
            pid_t grandchild = fork();
            CHECK(grandchild >= 0);
            if (grandchild == 0) _exit(getuid() == 1 && geteuid() == 3 && getgid() == 7 && getegid() == 8 ? 0 : 1);
            CHECK(exit_status_of(grandchild) == 0);
            _exit(0);
        }
        CHECK(exit_status_of(child) == 0);
        CHECK(getuid() == 0 && geteuid() == 0 && getgid() == 0 && getegid() == 0);
    }
    ok("users and groups");
}

int main(int argc, char** argv) {
    if (argc == 3) return getppid() == atoi(argv[1]) && getpgrp() == atoi(argv[2]) ? 0 : 1;
    CHECK(pipe(ends) == 0 && pipe(back) == 0);
    check_parent_over_fork();
    check_vfork();
    check_execve(argv[0]);
    check_parent_changes_the_group();
    check_orphan();
    check_users();
    return 0;
}
