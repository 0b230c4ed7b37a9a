#include "servers/file/proc_memory.h"

#include <gtest/gtest.h>

#include "servers/file/proc_text.h"

namespace portico::file_server {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;

abi::MappingUsage of_file() {
    return {.mapping = {.address = 0x40'0000,
                        .length_bytes = 10 * kPage,
                        .offset_bytes = 0,
                        .memory_id = 7,
                        .access = 5,
                        .shared = 0,
                        .origin_id = 3,
                        .origin_offset_bytes = 2 * kPage},
            .shared_clean = 4,
            .private_dirty = 1,
            .proportional_bytes = 3 * kPage};
}
abi::MappingUsage of_heap() {
    return {.mapping = {.address = 0x7000'0000'0000,
                        .length_bytes = 100 * kPage,
                        .memory_id = 8,
                        .access = 3,
                        .flags = static_cast<uint64_t>(abi::MapFlags::Heap)},
            .private_dirty = 20,
            .proportional_bytes = 20 * kPage};
}
MappingName name(const abi::MappingInfo& mapping) {
    if (mapping.origin_id == 3) return {.device = 0x105, .inode = 99, .path = "/bin/true"};
    return {.path = "[heap]"};
}

TEST(ProcMemoryTest, MapsAsLinuxWritesThem) {
    EXPECT_EQ(maps_text({of_file(), of_heap()}, name),
              "00400000-0040a000 r-xp 00002000 01:05 99                                 /bin/true\n"
              "700000000000-700000064000 rw-p 00000000 00:00 0                          [heap]\n");
}

TEST(ProcMemoryTest, SumsAgree) {
    const MemorySums sums = MemorySums::of({of_file(), of_heap()});
    EXPECT_EQ(sums.mapped, 110 * kPage);
    EXPECT_EQ(sums.resident, 25 * kPage);
    EXPECT_EQ(sums.of_files, 4 * kPage);
    EXPECT_EQ(sums.data, 100 * kPage);
    EXPECT_EQ(process_memory_text(sums), "110 25 4 10 0 100 0\n");
    const std::string rollup = smaps_rollup_text({of_file(), of_heap()});
    EXPECT_NE(rollup.find("[rollup]"), std::string::npos);
    EXPECT_NE(rollup.find("Rss:                 100 kB\nPss:                  92 kB\n"), std::string::npos) << rollup;
    EXPECT_NE(smaps_text({of_heap()}, name).find("Private_Dirty:        80 kB\n"), std::string::npos);
    EXPECT_NE(status_memory_text(sums).find("VmRSS:\t     100 kB\n"), std::string::npos);
    EXPECT_TRUE(smaps_rollup_text({}).empty());
}

TEST(ProcMemoryTest, PartsOfOneMappingAdd) {
    abi::MappingUsage all = of_heap();
    abi::MappingUsage part = of_heap();
    part.counted_to = 5;
    add_usage(all, part);
    EXPECT_EQ(all.private_dirty, 40u);
    EXPECT_EQ(all.counted_to, 5u);
}

TEST(ProcMemoryTest, MeminfoAddsUp) {
    SystemMoment moment{.info = {.memory_bytes = 100 << 20, .free_bytes = 60 << 20, .kernel_bytes = 4 << 20},
                        .cached_bytes = 10 << 20,
                        .kept_bytes = 1 << 20};
    const std::string text = memory_text(moment);
    EXPECT_NE(text.find("MemTotal:         102400 kB\n"), std::string::npos) << text;
    EXPECT_NE(text.find("MemAvailable:      60416 kB\n"), std::string::npos);
    EXPECT_NE(text.find("Cached:            10240 kB\n"), std::string::npos);
    EXPECT_NE(text.find("AnonPages:         26624 kB\n"), std::string::npos);
}

TEST(ProcMemoryTest, SwapIsToldWhereItIs) {
    SystemMoment moment{.info = {.swap_bytes = 64 << 20, .swap_free_bytes = 60 << 20, .swapped_in = 7, .swapped_out = 9},
                        .swap_disk = "vdb"};
    EXPECT_NE(memory_text(moment).find("SwapTotal:         65536 kB\nSwapFree:          61440 kB\n"), std::string::npos);
    EXPECT_NE(virtual_memory_text(moment).find("pswpin 7\npswpout 9\n"), std::string::npos);
    const std::string head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    EXPECT_EQ(swaps_text(moment), head + "/dev/vdb                                partition\t65536\t\t4096\t\t-2\n");
    EXPECT_EQ(swaps_text({}), head);

    abi::MappingUsage heap = of_heap();
    heap.swapped = 6;
    EXPECT_NE(smaps_text({heap}, name).find("Swap:                 24 kB\nSwapPss:              24 kB\n"), std::string::npos);
    EXPECT_NE(status_memory_text(MemorySums::of({heap, of_file()})).find("VmSwap:\t      24 kB\n"), std::string::npos);
}

TEST(ProcMemoryTest, BudgetsSayNoLimit) {
    EXPECT_EQ(budgets_text({{.id = 1, .parent = 0, .memory_bytes_max = ~0ull, .memory_bytes = 5, .tasks_max = 9, .task_count = 2}}),
              "id parent memory memory_peak memory_max refused killed tasks tasks_max\n1 0 5 0 - 0 0 2 9\n");
}

}  // namespace
}  // namespace portico::file_server
