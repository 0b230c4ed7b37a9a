#include "posix/elf_plan.h"

#include <gtest/gtest.h>

#include <vector>

namespace portico::posix {
namespace {

constexpr uint64_t kFileBytes = 0x6000;

ElfHeader header(uint16_t type, uint16_t count) {
    return {.identity = {0x7F, 'E', 'L', 'F', 2, 1, 1},
            .type = type,
            .machine = 62,
            .version = 1,
            .entry = 0x401100,
            .program_headers = 64,
            .header_bytes = 64,
            .program_header_bytes = 56,
            .program_header_count = count};
}

std::vector<ElfProgramHeader> typical() {
    return {
        {.type = 1, .flags = 4, .offset = 0, .address = 0x400000, .file_bytes = 0x800, .memory_bytes = 0x800, .alignment = 0x1000},
        {.type = 1, .flags = 5, .offset = 0x1000, .address = 0x401000, .file_bytes = 0x1234, .memory_bytes = 0x1234, .alignment = 0x1000},
        {.type = 1, .flags = 6, .offset = 0x3010, .address = 0x404010, .file_bytes = 0x100, .memory_bytes = 0x3000, .alignment = 0x1000}};
}

TEST(ElfPlan, PlansTextDataAndZeros) {
    const auto plan = plan_elf(header(2, 3), typical(), kFileBytes);
    ASSERT_TRUE(plan);
    EXPECT_FALSE(plan->position_independent);
    EXPECT_EQ(plan->low, 0x400000u);
    EXPECT_EQ(plan->high, 0x408000u);
    EXPECT_EQ(plan->program_headers_address, 0x400040u);
    ASSERT_EQ(plan->segment_count, 3u);
    const ElfSegment& text = plan->segments[1];
    EXPECT_EQ(text.access, abi::Access::ReadExecute);
    EXPECT_EQ(text.file_pages_bytes, 0x2000u);
    EXPECT_FALSE(text.has_zeros());
    const ElfSegment& data = plan->segments[2];
    EXPECT_EQ(data.address, 0x404000u);
    EXPECT_EQ(data.file_offset, 0x3000u);
    EXPECT_EQ(data.file_pages_bytes, 0x1000u);
    EXPECT_EQ(data.file_end, 0x404110u);
    EXPECT_EQ(data.memory_end, 0x408000u);
    EXPECT_TRUE(data.has_zeros());
}

TEST(ElfPlan, RefusesWhatBreaksTheFormat) {
    const auto refused = [](auto change) {
        auto segments = typical();
        change(segments);
        const auto plan = plan_elf(header(2, 3), segments, kFileBytes);
        return !plan && plan.error() == Error::NotExecutable;
    };
    EXPECT_TRUE(refused([](auto& s) { s[2].file_bytes = 0x4000, s[2].memory_bytes = 0x4000; }));  // past the file's end
    EXPECT_TRUE(refused([](auto& s) { s[2].offset = ~uint64_t{0} - 0xF; }));
    EXPECT_TRUE(refused([](auto& s) { s[2].memory_bytes = 0x10; }));  // less than in the file
    EXPECT_TRUE(refused([](auto& s) { s[2].memory_bytes = ~uint64_t{0}; }));
    EXPECT_TRUE(refused([](auto& s) { s[1].offset = 0x1001; }));     // not congruent
    EXPECT_TRUE(refused([](auto& s) { s[2].address = 0x401010; }));  // overlap
    EXPECT_TRUE(refused([](auto& s) { s[2].address = abi::kRuntimeBase + 0x10; }));
    EXPECT_TRUE(refused([](auto& s) { s.clear(); }));
    EXPECT_TRUE(refused([](auto& s) { s[0].address = 0, s[1].address = 0x1000, s[2].address = 0x4010; }));
}

TEST(ElfPlan, KnowsInterpreterAndPositionIndependence) {
    auto segments = typical();
    for (auto& segment : segments) segment.address -= 0x400000;
    segments.push_back({.type = 3, .offset = 0x200, .file_bytes = 28});
    ElfHeader dynamic = header(3, 4);
    dynamic.entry = 0x1100;
    const auto plan = plan_elf(dynamic, segments, kFileBytes);
    ASSERT_TRUE(plan);
    EXPECT_TRUE(plan->position_independent);
    EXPECT_EQ(plan->interpreter_offset, 0x200u);
    EXPECT_EQ(plan->interpreter_bytes, 28u);
    segments.back().offset = kFileBytes;
    EXPECT_FALSE(plan_elf(dynamic, segments, kFileBytes));
}

TEST(ElfHeader, IsChecked) {
    EXPECT_TRUE(check_elf_header(header(2, 3), kFileBytes));
    EXPECT_TRUE(check_elf_header(header(3, 3), kFileBytes));
    EXPECT_FALSE(check_elf_header(header(1, 3), kFileBytes));
    EXPECT_FALSE(check_elf_header(header(2, 0), kFileBytes));
    EXPECT_FALSE(check_elf_header(header(2, 65), kFileBytes));
    EXPECT_FALSE(check_elf_header(header(2, 3), 100));
    ElfHeader other = header(2, 3);
    other.machine = 183;
    EXPECT_FALSE(check_elf_header(other, kFileBytes));
    other = header(2, 3);
    other.identity[4] = 1;
    EXPECT_FALSE(check_elf_header(other, kFileBytes));
}

}  // namespace
}  // namespace portico::posix
