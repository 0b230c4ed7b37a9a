#include "kernel/debug/log.h"

#include <gtest/gtest.h>

#include <string>

namespace portico::kernel {
namespace {

__attribute__((format(printf, 1, 2))) std::string format(const char* pattern, ...) {
    char text[64];
    va_list arguments;
    va_start(arguments, pattern);
    const size_t length = format_text(text, sizeof(text), pattern, arguments);
    va_end(arguments);
    EXPECT_EQ(length, strlen(text));
    return text;
}

TEST(LogTest, Formats) {
    EXPECT_EQ(format("%d %d %u", -5, 7, 3000000000u), "-5 7 3000000000");
    EXPECT_EQ(format("%ld %lu %zu", -1L, ~0ul, size_t{9}), "-1 18446744073709551615 9");
    EXPECT_EQ(format("%x|%08lx|%5d|%05d", 0xABCu, 0x1234ul, -42, -42), "abc|00001234|  -42|-0042");
    EXPECT_EQ(format("%p", reinterpret_cast<void*>(0x10)), "0000000000000010");
    EXPECT_EQ(format("%s %.*s%c%%", "abc", 2, "xyz", '!'), "abc xy!%");
    EXPECT_EQ(format("[%.*s]", 0, static_cast<const char*>(nullptr)), "[]") << "an empty view";
    EXPECT_EQ(format("%ld", INT64_MIN), "-9223372036854775808");
}

TEST(LogTest, CutsAtTheEndOfTheBuffer) {
    EXPECT_EQ(format("%s", std::string(100, 'x').c_str()), std::string(63, 'x'));
}

TEST(LogTest, FindsSymbols) {
    set_symbols("1000 first\n2000 second\n3000 third\n");
    EXPECT_EQ(find_symbol(0xFFF).name, "");
    EXPECT_EQ(find_symbol(0x2010).name, "second");
    EXPECT_EQ(find_symbol(0x2010).offset, 0x10u);
    EXPECT_EQ(find_symbol(0x9999).name, "third");
    set_symbols({});
}

}  // namespace
}  // namespace portico::kernel
