#include "posix/script_line.h"

#include <gtest/gtest.h>

#include <string>

namespace portico::posix {
namespace {

TEST(ScriptLine, SplitsAsLinux) {
    const auto plain = ScriptLine::parse("#!/bin/sh\necho");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->interpreter, "/bin/sh");
    EXPECT_EQ(plain->argument, "");
    const auto spaced = ScriptLine::parse("#! \t/usr/bin/env  python3 -u \t\nx");
    ASSERT_TRUE(spaced);
    EXPECT_EQ(spaced->interpreter, "/usr/bin/env");
    EXPECT_EQ(spaced->argument, "python3 -u");
    const auto ended = ScriptLine::parse("#!/bin/sh");  // a short file without a newline
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->interpreter, "/bin/sh");
}

TEST(ScriptLine, RefusesOthers) {
    EXPECT_FALSE(ScriptLine::parse(""));
    EXPECT_FALSE(ScriptLine::parse("#"));
    EXPECT_FALSE(
        ScriptLine::parse("\x7F"
                          "ELF"));
    EXPECT_FALSE(ScriptLine::parse("#!\n"));
    EXPECT_FALSE(ScriptLine::parse("#!   \n"));
    EXPECT_FALSE(ScriptLine::parse("#!" + std::string(kScriptLineBytesMax - 2, 'x')));
    const std::string cut_argument = "#!/bin/sh " + std::string(kScriptLineBytesMax - 10, 'y');
    ASSERT_TRUE(ScriptLine::parse(cut_argument));  // Linux cuts the argument
    EXPECT_EQ(ScriptLine::parse(cut_argument)->interpreter, "/bin/sh");
}

}  // namespace
}  // namespace portico::posix
