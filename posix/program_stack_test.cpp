#include "posix/program_stack.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace portico::posix {
namespace {

constexpr uint64_t kAddress = 0x7000'0000'0000;
constexpr uint8_t kRandom[16] = {1, 2, 3};

struct Stack {
    std::vector<std::byte> memory = std::vector<std::byte>(16384);
    uint64_t word(uint64_t address) const {
        uint64_t value;
        std::memcpy(&value, &memory.at(address - kAddress), sizeof(value));
        return value;
    }
    std::string text(uint64_t address) const { return reinterpret_cast<const char*>(&memory.at(address - kAddress)); }
};

TEST(ProgramStack, IsWhatLibcExpects) {
    Stack stack;
    const AuxiliaryEntry auxiliary[] = {{Auxiliary::PageBytes, 4096}};
    const auto pointer = build_program_stack(stack.memory, kAddress,
                                             {.arguments = std::string_view("ls\0\0-l\0", 7),
                                              .argument_count = 3,
                                              .environment = std::string_view("A=1\0", 4),
                                              .environment_count = 1,
                                              .executable = "/bin/ls",
                                              .random = kRandom,
                                              .auxiliary = auxiliary});
    ASSERT_TRUE(pointer);
    EXPECT_EQ(*pointer % 16, 0u);
    EXPECT_EQ(stack.word(*pointer), 3u);
    EXPECT_EQ(stack.text(stack.word(*pointer + 8)), "ls");
    EXPECT_EQ(stack.text(stack.word(*pointer + 16)), "");
    EXPECT_EQ(stack.text(stack.word(*pointer + 24)), "-l");
    EXPECT_EQ(stack.word(*pointer + 32), 0u);
    EXPECT_EQ(stack.text(stack.word(*pointer + 40)), "A=1");
    EXPECT_EQ(stack.word(*pointer + 48), 0u);
    std::map<uint64_t, uint64_t> vector;
    for (uint64_t at = *pointer + 56; stack.word(at) != 0; at += 16) vector[stack.word(at)] = stack.word(at + 8);
    EXPECT_EQ(vector.at(6), 4096u);
    EXPECT_EQ(stack.text(vector.at(31)), "/bin/ls");
    EXPECT_EQ(stack.text(vector.at(15)), "x86_64");
    EXPECT_EQ(stack.memory.at(vector.at(25) - kAddress + 1), std::byte{2});
}

TEST(ProgramStack, RefusesWhatDoesNotFit) {
    Stack stack;
    const std::string many(20000, 'x');
    EXPECT_FALSE(build_program_stack(stack.memory, kAddress,
                                     {.arguments = many, .argument_count = 1, .executable = "a", .random = kRandom, .auxiliary = {}}));
    EXPECT_FALSE(build_program_stack(stack.memory, kAddress,
                                     {.arguments = {}, .argument_count = 100000, .executable = "a", .random = kRandom, .auxiliary = {}}));
    EXPECT_FALSE(build_program_stack(
        stack.memory, kAddress,
        {.arguments = std::string_view("a\0", 2), .argument_count = 2, .executable = "a", .random = kRandom, .auxiliary = {}}));
}

}  // namespace
}  // namespace portico::posix
