#include "servers/file/proc_file_system.h"

#include <gtest/gtest.h>

#include <cstring>

#include "servers/file/command_content.h"
#include "servers/file/test_memory.h"
#include "servers/file/tmp_file_system.h"

namespace portico::file_server {
namespace {

class FakeSystem final : public SystemView {
public:
    SystemMoment moment() override {
        return {.info = {.cpu_count = 2,
                         .memory_bytes = 512 << 20,
                         .free_bytes = 256 << 20,
                         .kernel_bytes = 4096,
                         .tsc_hz = 2'500'000'000,
                         .context_switches = 77,
                         .idle_ns = 15'000'000'000,
                         .process_count = 9,
                         .thread_count = 12,
                         .port_count = 5},
                .realtime_ns = 1'000'000'000'000,
                .monotonic_ns = 10'250'000'000,
                .processes_running = 1,
                .last_pid = 42};
    }
    abi::AccountInfo account() override { return {.limit_bytes = 100, .used_bytes = 50, .peak_bytes = 60, .object_count = 7}; }
    CpuView cpu() override { return {.vendor = "Vendor", .model_name = "Model", .flags = "fpu", .family = 6, .model = 1, .stepping = 2}; }
    Result<std::vector<int32_t>> processes() override { return pids; }
    Result<ProcessView> process(int32_t pid) override {
        if (std::find(pids.begin(), pids.end(), pid) == pids.end()) return fail(Error::NotFound);
        ProcessView view{.path = "/bin/cat", .arguments = std::string("cat\0-n\0", 7)};
        auto& d = view.description;
        d = {.pid = pid, .parent = 1, .group = 2, .session = 3, .uid = 4, .gid = 5, .thread_count = 6, .state = 'S'};
        std::memcpy(d.name, "cat", 3);
        d.start_ns = 2'000'000'000;
        d.cpu_time_ns = 30'000'000;
        d.resident_bytes = 8192;
        d.mapped_bytes = 40960;
        return view;
    }
    Result<std::vector<abi::PortInfo>> ports() override {
        return std::vector<abi::PortInfo>{
            {.id = 3,
             .owner = 2,
             .name = {"uart"},
             .messages = 12345678901,
             .queued = 1,
             .queued_max = 4,
             .senders = 2,
             .credits = 63,
             .receivers = 1,
             .waits_for = 9},
            {.id = 9, .owner = 7, .name = {'f', 'u', 'l', 'l', ' ', 's', 'i', 'x', 't', 'e', '\n', 'n', ' ', 'b', 'y', 't'}}};
    }
    Result<std::vector<abi::MappingUsage>> mappings(int32_t) override {
        return std::vector<abi::MappingUsage>{{.mapping = {.address = 0x10000, .length_bytes = 40960, .access = 3}, .private_dirty = 2}};
    }
    std::shared_ptr<Node> owner_of(uint64_t) override { return nullptr; }
    uint64_t cached_bytes() override { return 0; }
    Result<std::vector<protocols::process::BudgetInfo>> budgets() override { return std::vector<protocols::process::BudgetInfo>{}; }
    Result<std::string> sysv(protocols::sysv::Kind) override { return std::string("key\n"); }
    std::string uuid() override { return "uuid\n"; }
    std::string servers() override { return "uart running 0\n"; }
    Result<> command_servers(std::string_view line) override {
        if (line == "unknown") return fail(Error::InvalidArgument);
        commands.emplace_back(line);
        return {};
    }
    std::vector<std::string> commands;
    std::vector<int32_t> pids{1, 42};
};

class ProcTest : public testing::Test {
protected:
    ProcTest() {
        EXPECT_TRUE(names.make(names.root(), "/proc", {.kind = Kind::Directory}));
        EXPECT_TRUE(names.mount("/proc", proc));
    }
    NodeRef at(std::string_view path) {
        const auto node = names.find(names.root(), path, FinalLink::Keep);
        return node ? *node : nullptr;
    }
    std::string text(std::string_view path) {
        const NodeRef node = at(path);
        return node ? read_all(**node->content()) : "(none)";
    }

    VectorMemorySource memory;
    TmpFileSystem root{1, memory, 0755};
    NameSpace names{root};
    FakeSystem system;
    ProcFileSystem proc{2, system, names};
};

TEST_F(ProcTest, SystemTexts) {
    EXPECT_TRUE(text("/proc/meminfo").starts_with("MemTotal:         524288 kB\nMemFree:          262144 kB\n"));
    EXPECT_EQ(text("/proc/uptime"), "10.25 15.00\n");
    EXPECT_EQ(text("/proc/loadavg"), "0.00 0.00 0.00 1/12 42\n");
    EXPECT_TRUE(text("/proc/stat").starts_with("cpu  550 0 0 1500 0 0 0 0 0 0\ncpu0 275 0 0 750 0 0 0 0 0 0\ncpu1 "));
    EXPECT_NE(text("/proc/stat").find("\nbtime 989\n"), std::string::npos);
    EXPECT_NE(text("/proc/cpuinfo").find("processor\t: 1\nvendor_id\t: Vendor\n"), std::string::npos);
    EXPECT_NE(text("/proc/cpuinfo").find("cpu MHz\t\t: 2500.000\n"), std::string::npos);
    EXPECT_NE(text("/proc/portico/accounts").find("account_used_bytes 50\n"), std::string::npos);
    EXPECT_EQ(text("/proc/sys/kernel/ostype"), "Linux\n");
    EXPECT_EQ(text("/proc/sys/kernel/random/uuid"), "uuid\n");
    EXPECT_EQ(text("/proc/mounts"), "none / tmpfs rw,relatime 0 0\nnone /proc proc rw,relatime 0 0\n");
    EXPECT_EQ(text("/proc/self/mounts"), text("/proc/mounts"));
}

TEST_F(ProcTest, ProcessTexts) {
    EXPECT_TRUE(text("/proc/42/stat").starts_with("42 (cat) S 1 2 3 0 -1 0 0 0 0 0 3 0 0 0 20 0 6 0 200 40960 2 "));
    const std::string stat = text("/proc/42/stat");
    EXPECT_EQ(std::count(stat.begin(), stat.end(), ' '), 51) << "52 fields";
    EXPECT_TRUE(text("/proc/42/status").starts_with("Name:\tcat\nState:\tS (sleeping)\nTgid:\t42\nPid:\t42\nPPid:\t1\n"));
    EXPECT_NE(text("/proc/42/status").find("\nUid:\t4\t4\t4\t4\n"), std::string::npos);
    EXPECT_EQ(text("/proc/42/statm"), "10 2 0 0 0 10 0\n");
    EXPECT_EQ(text("/proc/42/comm"), "cat\n");
    EXPECT_EQ(text("/proc/42/cmdline"), std::string("cat\0-n\0", 7));
    EXPECT_EQ(*at("/proc/42/exe")->target(), "/bin/cat");
    EXPECT_EQ(*names.path_of(at("/proc/42/stat")), "/proc/42/stat");
    EXPECT_EQ(at("/proc/42/.."), proc.root());
}

TEST_F(ProcTest, OnlyProcessesThatAre) {
    for (const char* path : {"/proc/7", "/proc/042", "/proc/-1", "/proc/0", "/proc/42x", "/proc/42/none", "/proc/99999999999"})
        EXPECT_EQ(at(path), nullptr) << path;
    const NodeRef gone = at("/proc/42/stat");
    system.pids = {1};
    EXPECT_FALSE(gone->content());
}

TEST_F(ProcTest, OneOpenReadsOneMoment) {
    const std::shared_ptr<Content> open = *at("/proc/meminfo")->content();
    const std::string whole = read_all(*open);
    EXPECT_EQ(read_all(*open, 0, 10) + read_all(*open, 10), whole);
    EXPECT_FALSE(write_text(*open, 0, "x"));
}

TEST_F(ProcTest, PortsAreALineEach) {
    EXPECT_EQ(text("/proc/portico/ports"),
              "id owner queued queued_max credits senders receivers messages waits_for name\n"
              "3 2 1 4 63 2 1 12345678901 9 uart\n"
              "9 7 0 0 0 0 0 0 0 full sixte?n byt\n");
    EXPECT_EQ(at("/proc/portico/ports")->attributes().mode & kPermissionBits, 0444u);
}

TEST_F(ProcTest, ServersTakeCommands) {
    EXPECT_EQ(at("/proc/portico/servers")->attributes().mode & kPermissionBits, 0644u);
    EXPECT_EQ(at("/proc/portico/accounts")->attributes().mode & kPermissionBits, 0444u);
    const std::shared_ptr<Content> open = *at("/proc/portico/servers")->content();
    EXPECT_TRUE(open->resize(0)) << "as the shell's > does";
    EXPECT_EQ(read_all(*open), "uart running 0\n");
    EXPECT_EQ(*write_text(*open, 0, "kill uart\n"), 10u);
    EXPECT_EQ(*write_text(*open, 10, "kill file\n"), 10u);
    EXPECT_EQ(write_text(*open, 0, "unknown").error(), Error::InvalidArgument);
    EXPECT_EQ(write_text(*open, 0, std::string(CommandContent::kCommandBytesMax + 1, 'x')).error(), Error::InvalidArgument);
    EXPECT_EQ(system.commands, (std::vector<std::string>{"kill uart\n", "kill file\n"}));
    EXPECT_EQ(read_all(*open), "uart running 0\n");
}

TEST_F(ProcTest, Lists) {
    std::vector<std::string> listed;
    uint64_t last = 0;
    ASSERT_TRUE(proc.root()->list(0, [&](const ListedEntry& entry) {
        EXPECT_GT(entry.cookie, last);
        last = entry.cookie;
        if (entry.name != "." && entry.name != "..") {
            EXPECT_EQ((*proc.root()->lookup(entry.name))->attributes().inode, entry.inode) << entry.name;
        }
        listed.emplace_back(entry.name);
        return true;
    }));
    EXPECT_EQ(listed.front(), ".");
    EXPECT_EQ(listed.back(), "42");
    EXPECT_EQ(listed[listed.size() - 2], "1");
    EXPECT_FALSE(names.make(names.root(), "/proc/x", {.kind = Kind::File}));
}

TEST(ProcText, Uuid) {
    const uint8_t ones[16]{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    EXPECT_EQ(uuid_text(ones), "ffffffff-ffff-4fff-bfff-ffffffffffff\n");
}

}  // namespace
}  // namespace portico::file_server
