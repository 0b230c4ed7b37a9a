#include "servers/strace/call_text.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "servers/strace/structures.h"
#include "servers/strace/test_memory.h"

namespace portico::strace {
namespace {

constexpr uint64_t kCurrentDirectory = static_cast<uint64_t>(AT_FDCWD);
constexpr uint64_t kNowhere = 0x500;

struct CallTextTest : testing::Test {
    TestMemory memory;
    CallText texts;

    std::string entry(unsigned number, std::array<uint64_t, 6> arguments) { return texts.at_entry({number, arguments}, memory); }
    std::string whole(unsigned number, std::array<uint64_t, 6> arguments, int64_t result) {
        const LinuxCall call{number, arguments};
        return texts.at_entry(call, memory) + texts.at_return(call, memory, result) + " = " + CallText::result(call, result);
    }
};

TEST_F(CallTextTest, PathsFlagsAndErrors) {
    const uint64_t path = memory.put("/etc/pass\"wd");
    EXPECT_EQ(whole(SYS_openat, {kCurrentDirectory, path, O_RDONLY | O_CLOEXEC}, -ENOENT),
              R"(openat(AT_FDCWD, "/etc/pass\"wd", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory))");
    EXPECT_EQ(whole(SYS_open, {path, O_WRONLY | O_CREAT | O_TRUNC, 0644}, 3),
              R"(open("/etc/pass\"wd", O_WRONLY|O_CREAT|O_TRUNC, 0644) = 3)");
    EXPECT_EQ(whole(SYS_open, {path, O_RDWR | 0x4000'0000, 0644}, 3), R"(open("/etc/pass\"wd", O_RDWR|0x40000000) = 3)");
    EXPECT_EQ(whole(SYS_access, {path, F_OK}, 0), R"(access("/etc/pass\"wd", F_OK) = 0)");
}

TEST_F(CallTextTest, WhatCannotBeReadIsAnAddress) {
    EXPECT_EQ(entry(SYS_open, {kNowhere, 0}), "open(0x500, O_RDONLY");
    EXPECT_EQ(entry(SYS_open, {0, 0}), "open(NULL, O_RDONLY");
    EXPECT_EQ(whole(SYS_fstat, {1, kNowhere}, 0), "fstat(1, 0x500) = 0");
    EXPECT_EQ(entry(SYS_nanosleep, {kNowhere, 0}), "nanosleep(0x500, NULL");
    EXPECT_EQ(entry(SYS_execve, {0, kNowhere, kNowhere}), "execve(NULL, 0x500, 0x500");
    const uint64_t unended = memory.put(uint32_t{0x61616161});  // the memory ends before a zero
    EXPECT_EQ(entry(SYS_chdir, {unended}), "chdir(0x10000");
    EXPECT_EQ(entry(SYS_write, {1, unended, ~uint64_t{0}}), "write(1, 0x10000, 18446744073709551615");
}

TEST_F(CallTextTest, BytesAreQuotedAndCut) {
    const uint64_t bytes = memory.put(
        "a\n\t\x01"
        "9\x7f\xff");
    EXPECT_EQ(whole(SYS_write, {1, bytes, 7}, 7), R"(write(1, "a\n\t\0019\177\377", 7) = 7)");
    const uint64_t longer = memory.put(std::string(40, 'x'));
    EXPECT_EQ(entry(SYS_write, {1, longer, 40}), "write(1, \"" + std::string(32, 'x') + "\"..., 40");
    texts = CallText(4);
    EXPECT_EQ(entry(SYS_write, {1, longer, 40}), R"(write(1, "xxxx"..., 40)");
    EXPECT_EQ(entry(SYS_write, {1, longer, 4}), R"(write(1, "xxxx", 4)");
}

TEST_F(CallTextTest, WhatACallFillsInIsShownWhenItReturns) {
    const uint64_t buffer = memory.put("abcdef");
    EXPECT_EQ(entry(SYS_read, {3, buffer, 100}), "read(3, ");
    EXPECT_EQ(whole(SYS_read, {3, buffer, 100}, 3), R"(read(3, "abc", 100) = 3)");
    EXPECT_EQ(whole(SYS_read, {3, buffer, 100}, 0), R"(read(3, "", 100) = 0)");
    EXPECT_EQ(whole(SYS_read, {3, buffer, 100}, -EINTR), "read(3, 0x10000, 100) = -1 EINTR (Interrupted system call)");
    EXPECT_EQ(whole(SYS_read, {3, buffer, 100}, -512), "read(3, 0x10000, 100) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)");
    EXPECT_EQ(whole(SYS_pipe2, {memory.put(std::array<int32_t, 2>{3, 4}), O_CLOEXEC}, 0), "pipe2([3, 4], O_CLOEXEC) = 0");
}

TEST_F(CallTextTest, Structures) {
    struct stat attributes{};
    attributes.st_mode = S_IFREG | 0644;
    attributes.st_size = 123;
    const uint64_t regular = memory.put(attributes);
    EXPECT_EQ(whole(SYS_fstat, {3, regular}, 0), "fstat(3, {st_mode=S_IFREG|0644, st_size=123, ...}) = 0");
    attributes.st_mode = S_IFCHR | 0620;
    attributes.st_rdev = 0x8801;
    EXPECT_EQ(whole(SYS_fstat, {0, memory.put(attributes)}, 0), "fstat(0, {st_mode=S_IFCHR|0620, st_rdev=makedev(0x88, 0x1), ...}) = 0");
    EXPECT_EQ(entry(SYS_nanosleep, {memory.put(timespec{1, 5}), 0}), "nanosleep({tv_sec=1, tv_nsec=5}, NULL");
    const std::array<pollfd, 2> polled{{{0, POLLIN, 0}, {-1, POLLIN | POLLOUT, 0}}};
    EXPECT_EQ(entry(SYS_poll, {memory.put(polled), 2, ~uint64_t{0}}),
              "poll([{fd=0, events=POLLIN}, {fd=-1, events=POLLIN|POLLOUT}], 2, -1");
    const KernelSignalAction action{0x401000, SA_RESTART, 0, 1ull << (SIGUSR1 - 1)};
    EXPECT_EQ(whole(SYS_rt_sigaction, {SIGCHLD, memory.put(action), 0, 8}, 0),
              "rt_sigaction(SIGCHLD, {sa_handler=0x401000, sa_mask=[USR1], sa_flags=SA_RESTART}, NULL, 8) = 0");
    EXPECT_EQ(whole(SYS_wait4, {~uint64_t{0}, memory.put(uint32_t{3 << 8}), WNOHANG, 0}, 7),
              "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], WNOHANG, NULL) = 7");
    EXPECT_EQ(whole(SYS_wait4, {~uint64_t{0}, memory.put(uint32_t{9}), 0, 0}, 7),
              "wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}], 0, NULL) = 7");
    const winsize size{.ws_row = 24, .ws_col = 80};
    EXPECT_EQ(whole(SYS_ioctl, {1, TIOCGWINSZ, memory.put(size)}, 0), "ioctl(1, TIOCGWINSZ, {ws_row=24, ws_col=80, ...}) = 0");
}

TEST_F(CallTextTest, ListsOfStringsAndVectors) {
    const std::array<uint64_t, 3> strings{memory.put("ls"), memory.put("-l"), 0};
    const uint64_t list = memory.put(strings);
    EXPECT_EQ(entry(SYS_execve, {strings[0], list, list}), R"(execve("ls", ["ls", "-l"], )" + std::string("0x10006 /* 2 vars */"));
    const std::array<iovec, 2> vectors{{{reinterpret_cast<void*>(strings[0]), 2}, {reinterpret_cast<void*>(strings[1]), 2}}};
    const uint64_t at = memory.put(vectors);
    EXPECT_EQ(whole(SYS_writev, {1, at, 2}, 4), R"(writev(1, [{iov_base="ls", iov_len=2}, {iov_base="-l", iov_len=2}], 2) = 4)");
    EXPECT_EQ(whole(SYS_readv, {1, at, 2}, 3), R"(readv(1, [{iov_base="ls", iov_len=2}, {iov_base="-", iov_len=2}], 2) = 3)");
}

TEST_F(CallTextTest, ArgumentsThatMeanNothingAreLeftOut) {
    EXPECT_EQ(whole(SYS_fcntl, {3, F_GETFD, 77}, 1), "fcntl(3, F_GETFD) = 0x1 (flags FD_CLOEXEC)");
    EXPECT_EQ(whole(SYS_fcntl, {3, F_SETFL, O_RDWR | O_NONBLOCK}, 0), "fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
    EXPECT_EQ(whole(SYS_fcntl, {3, F_DUPFD_CLOEXEC, 10}, 10), "fcntl(3, F_DUPFD_CLOEXEC, 10) = 10");
    EXPECT_EQ(whole(SYS_clone, {CLONE_CHILD_SETTID | SIGCHLD, 0, 1, 0x5000, 1}, 7),
              "clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x5000) = 7");
    EXPECT_EQ(whole(SYS_prctl, {PR_SET_NAME, memory.put("worker"), 5, 5, 5}, 0), R"(prctl(PR_SET_NAME, "worker") = 0)");
}

TEST_F(CallTextTest, Results) {
    EXPECT_EQ(whole(SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, ~uint64_t{0}, 0}, 0x7f00'0000),
              "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f000000");
    EXPECT_EQ(whole(SYS_umask, {022}, 022), "umask(022) = 022");
    EXPECT_EQ(whole(SYS_getpid, {}, 1), "getpid() = 1");
    EXPECT_EQ(whole(SYS_lseek, {1, static_cast<uint64_t>(-4), SEEK_CUR}, 0), "lseek(1, -4, SEEK_CUR) = 0");
}

TEST_F(CallTextTest, CallsThatAreNotDescribed) {
    EXPECT_EQ(whole(SYS_shmget, {1, 2, 0x30}, -ENOSYS), "shmget(0x1, 0x2, 0x30, 0, 0, 0) = -1 ENOSYS (Function not implemented)");
    EXPECT_EQ(entry(511, {}), "syscall_0x1ff(0, 0, 0, 0, 0, 0");
    EXPECT_EQ(entry(32767, {}), "syscall_0x7fff(0, 0, 0, 0, 0, 0");
    EXPECT_EQ(CallText::result({}, -3000), "-1 3000");
    EXPECT_GE(described_calls(), 100u);
}

TEST(Symbols, Signals) {
    EXPECT_EQ(signal_name(SIGCHLD), "SIGCHLD");
    EXPECT_EQ(signal_name(0), "0");
    EXPECT_EQ(signal_name(34), "SIGRT_2");
    EXPECT_EQ(signal_set(0), "[]");
    EXPECT_EQ(signal_set(1ull << (SIGINT - 1) | 1ull << (SIGCHLD - 1)), "[INT CHLD]");
    EXPECT_EQ(signal_set(~(1ull << (SIGKILL - 1))), "~[KILL]");
}

}  // namespace
}  // namespace portico::strace
