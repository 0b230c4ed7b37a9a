#include "servers/file/sys_file_system.h"

#include "servers/file/proc_settings.h"

namespace portico::file_server {
namespace {

/// All CPUs there are run from the start to the end.
Result<std::string> all_cpus(ProcFileSystem& system, int32_t) {
    const uint64_t count = system.system().moment().info.cpu_count;
    return count == 1 ? "0\n" : format("0-%llu\n", static_cast<unsigned long long>(count - 1));
}

constexpr ProcItem kCpus[]{
    {.name = "kernel_max", .text = fixed_text<"63">}, {.name = "offline", .text = fixed_text<"">}, {.name = "online", .text = all_cpus},
    {.name = "possible", .text = all_cpus},           {.name = "present", .text = all_cpus},
};
constexpr ProcItem kNode[]{{.name = "cpulist", .text = all_cpus}};
constexpr ProcItem kNodes[]{
    {.name = "has_cpu", .text = fixed_text<"0">}, {.name = "has_memory", .text = fixed_text<"0">}, {.name = "node0", .items = kNode},
    {.name = "online", .text = fixed_text<"0">},  {.name = "possible", .text = fixed_text<"0">},
};
constexpr ProcItem kSystemDevices[]{{.name = "cpu", .items = kCpus}, {.name = "node", .items = kNodes}};
constexpr ProcItem kDevices[]{{.name = "system", .items = kSystemDevices}};
constexpr ProcItem kLargePages[]{{.name = "enabled", .text = fixed_text<"always madvise [never]">}};
constexpr ProcItem kMemory[]{{.name = "transparent_hugepage", .items = kLargePages}};
constexpr ProcItem kKernel[]{{.name = "mm", .items = kMemory}};
constexpr ProcItem kRoot[]{{.name = "devices", .items = kDevices}, {.name = "kernel", .items = kKernel}};

}  // namespace

SysFileSystem::SysFileSystem(uint64_t device, SystemView& system, const NameSpace& name_space)
    : ProcFileSystem(device, system, name_space, nullptr) {
    set_root(std::make_shared<ProcDirectory>(*this, ProcPlace{.inode = 1}, kRoot, ProcListing::Fixed));
}

}  // namespace portico::file_server
