#include "posix/files/path_rewrite.h"

#include <gtest/gtest.h>

#include <string>

namespace portico::posix {
namespace {

struct Rewritten {
    std::string path;
    SpecialPath special;
    Error error = Error::None;
};

Rewritten rewrite(std::string_view text) {
    PathBuffer path;
    std::memcpy(path.storage(), text.data(), text.size());
    path.set_length(static_cast<uint32_t>(text.size()));
    const Result<SpecialPath> special = rewrite_path(path, 42);
    if (!special) return {std::string(path.text()), {}, special.error()};
    return {std::string(path.text()), *special};
}

void expect_ordinary(std::string_view text, std::string_view result) {
    const Rewritten rewritten = rewrite(text);
    EXPECT_EQ(rewritten.special.kind, SpecialPath::Kind::Ordinary) << text;
    EXPECT_EQ(rewritten.path, result);
}

void expect_descriptor(std::string_view text, int32_t number) {
    const Rewritten rewritten = rewrite(text);
    EXPECT_EQ(rewritten.special.kind, SpecialPath::Kind::Descriptor) << text;
    EXPECT_EQ(rewritten.special.number, number) << text;
}

TEST(PathRewrite, LeavesOrdinaryPaths) {
    for (const char* path : {"", "/", "a/b", "proc/self/exe", "/process/self", "/proc", "/proc/selfish", "/proc/1/fd/3", "/dev/null",
                             "/dev/tty0", "/dev/tty/x", "/dev/stdin/x", "/etc/passwd"})
        expect_ordinary(path, path);
}

TEST(PathRewrite, RewritesSelf) {
    expect_ordinary("/proc/self", "/proc/42");
    expect_ordinary("/proc/self/exe", "/proc/42/exe");
    expect_ordinary("//proc/./self//maps", "/proc/42//maps");
    expect_ordinary("/proc/thread-self/status", "/proc/42/status");
    expect_ordinary("/proc/self/fd/3/x", "/proc/42/fd/3/x");
    expect_ordinary("/proc/self/fd/x", "/proc/42/fd/x");
    expect_ordinary("/dev/fd/-1", "/proc/42/fd/-1");
}

TEST(PathRewrite, FindsDescriptors) {
    expect_descriptor("/dev/stdin", 0);
    expect_descriptor("/dev/stdout", 1);
    expect_descriptor("//dev//stderr", 2);
    expect_descriptor("/dev/fd/63", 63);
    expect_descriptor("/proc/self/fd/7", 7);
    expect_descriptor("/proc/42/fd/7", 7);
    expect_descriptor("/proc/thread-self/fd/0", 0);
    EXPECT_EQ(rewrite("/dev/fd/63").path, "/proc/42/fd/63");
    EXPECT_EQ(rewrite("/dev/fd/007").special.kind, SpecialPath::Kind::Ordinary);
    EXPECT_EQ(rewrite("/dev/fd/99999999999").special.kind, SpecialPath::Kind::Ordinary);
}

TEST(PathRewrite, FindsTheDirectoryOfDescriptors) {
    for (const char* path : {"/proc/self/fd", "/proc/42/fd", "/dev/fd"}) {
        EXPECT_EQ(rewrite(path).special.kind, SpecialPath::Kind::DescriptorDirectory) << path;
        EXPECT_EQ(rewrite(path).path, "/proc/42/fd");
    }
    EXPECT_EQ(rewrite("/dev/fd/").path, "/proc/42/fd/");
}

TEST(PathRewrite, FindsTheTerminal) {
    EXPECT_EQ(rewrite("/dev/tty").special.kind, SpecialPath::Kind::Terminal);
}

TEST(PathRewrite, RefusesToGrowBeyondTheBound) {
    std::string path = "/dev/fd/";
    path.append(PathBuffer::kBytesMax - path.size(), 'x');
    const Rewritten rewritten = rewrite(path);
    EXPECT_EQ(rewritten.error, Error::NameTooLong);
    EXPECT_EQ(rewritten.path, path);
}

}  // namespace
}  // namespace portico::posix
