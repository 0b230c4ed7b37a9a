#include "servers/terminal/output_filter.h"

#include <gtest/gtest.h>

namespace portico::terminal {
namespace {

struct Filter {
    Termios settings;
    OutputFilter filter{settings};
    std::string put(std::string_view bytes) {
        std::string out;
        filter.put(bytes, out);
        return out;
    }
};

TEST(OutputFilter, NewlineBecomesReturnNewline) {
    Filter f;
    EXPECT_EQ(f.put("ab\n"), "ab\r\n");
    EXPECT_EQ(f.filter.column(), 0u);
}

TEST(OutputFilter, WithoutProcessingNothingChanges) {
    Filter f;
    f.settings.output = output_flag::kNewlineToReturnNewline;
    EXPECT_EQ(f.put("ab\n\r\t"), "ab\n\r\t");
}

TEST(OutputFilter, ReturnsAreMappedOrDropped) {
    Filter f;
    f.settings.output = output_flag::kProcess | output_flag::kReturnToNewline;
    EXPECT_EQ(f.put("a\rb"), "a\nb");
    f.settings.output = output_flag::kProcess | output_flag::kNoReturnAtColumn0;
    EXPECT_EQ(f.put("\r\r"), "\r");
}

TEST(OutputFilter, TabsExpandAndColumnsCount) {
    Filter f;
    f.put("abc");
    EXPECT_EQ(f.put("\t"), "\t");
    EXPECT_EQ(f.filter.column(), 8u);
    f.settings.output |= output_flag::kExpandTabs;
    EXPECT_EQ(f.put("ab\t"), "ab      ");
    EXPECT_EQ(f.filter.column(), 16u);
    f.put("\b");
    EXPECT_EQ(f.filter.column(), 15u);
}

TEST(OutputFilter, Utf8CharactersAreOneColumn) {
    Filter f;
    f.settings.input |= input_flag::kUtf8;
    EXPECT_EQ(f.put("\xC3\xA4"), "\xC3\xA4");
    EXPECT_EQ(f.filter.column(), 1u);
}

TEST(OutputFilter, NewlineReturnsKeepsTheColumnRight) {
    Filter f;
    f.settings.output = output_flag::kProcess;
    f.put("abc\n");
    EXPECT_EQ(f.filter.column(), 3u);
    f.settings.output = output_flag::kProcess | output_flag::kNewlineReturns;
    EXPECT_EQ(f.put("\n"), "\n");
    EXPECT_EQ(f.filter.column(), 0u);
}

}  // namespace
}  // namespace portico::terminal
