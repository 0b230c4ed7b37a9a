#include "servers/strace/call_filter.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include "servers/strace/settings.h"

namespace portico::strace {
namespace {

TEST(CallFilter, AllIfNothingIsAskedFor) {
    const CallFilter filter;
    for (const unsigned number : {0u, 59u, 511u, 600u, 32767u}) EXPECT_TRUE(filter.wants(number)) << number;
}

TEST(CallFilter, Names) {
    const CallFilter filter = CallFilter::parse("open,close");
    EXPECT_TRUE(filter.wants(SYS_open));
    EXPECT_TRUE(filter.wants(SYS_close));
    EXPECT_FALSE(filter.wants(SYS_openat));
    EXPECT_FALSE(filter.wants(600));
}

TEST(CallFilter, AllOthers) {
    const CallFilter filter = CallFilter::parse("!read,write");
    EXPECT_FALSE(filter.wants(SYS_read));
    EXPECT_TRUE(filter.wants(SYS_open));
    EXPECT_TRUE(filter.wants(600));
    EXPECT_TRUE(CallFilter::parse("!none").wants(SYS_read));
    EXPECT_FALSE(CallFilter::parse("none").wants(SYS_read));
    EXPECT_FALSE(CallFilter::parse("!all").wants(SYS_read));
}

TEST(CallFilter, Classes) {
    const CallFilter files = CallFilter::parse("%file");
    for (const unsigned number : {SYS_open, SYS_openat, SYS_execve, SYS_newfstatat, SYS_getcwd}) EXPECT_TRUE(files.wants(number)) << number;
    EXPECT_FALSE(files.wants(SYS_read));
    const CallFilter descriptors = CallFilter::parse("desc");
    for (const unsigned number : {SYS_read, SYS_close, SYS_openat, SYS_pipe2, SYS_poll, SYS_mmap})
        EXPECT_TRUE(descriptors.wants(number)) << number;
    EXPECT_FALSE(descriptors.wants(SYS_stat));
    const CallFilter both = CallFilter::parse("%process,signal,brk");
    for (const unsigned number : {SYS_clone, SYS_exit_group, SYS_kill, SYS_brk}) EXPECT_TRUE(both.wants(number)) << number;
    EXPECT_FALSE(both.wants(SYS_mmap));
    EXPECT_TRUE(CallFilter::parse("%memory").wants(SYS_mmap));
    EXPECT_TRUE(CallFilter::parse("%network").wants(SYS_socket));
}

TEST(Settings, WordsOfBootRun) {
    constexpr const char* words[] = {"strace", "console=x", "strace=on", "strace_calls=open", "strace_summary=on", "strace_string=7"};
    const Settings settings = Settings::parse(words);
    EXPECT_TRUE(settings.summary);
    EXPECT_EQ(settings.string_max, 7u);
    EXPECT_FALSE(settings.filter.wants(SYS_close));
    const Settings defaults = Settings::parse({});
    EXPECT_FALSE(defaults.summary);
    EXPECT_EQ(defaults.string_max, 32u);
}

}  // namespace
}  // namespace portico::strace
