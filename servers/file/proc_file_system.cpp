#include "servers/file/proc_file_system.h"

#include "servers/file/proc_nodes.h"
#include "servers/file/proc_settings.h"

namespace portico::file_server {
namespace {

using Proc = ProcFileSystem;

constexpr ProcItem kSelf[]{
    {.name = "mounts", .text = [](Proc& proc, int32_t) -> Result<std::string> { return proc.mounts_text(); }},
    {.name = "filesystems", .text = [](Proc& proc, int32_t) -> Result<std::string> { return proc.file_systems_text(); }},
};
constexpr ProcItem kPortico[]{
    {.name = "accounts",
     .text = [](Proc& proc, int32_t) -> Result<std::string> {
         return accounts_text(proc.system().moment().info, proc.system().account());
     }},
    {.name = "budgets", .text = [](Proc& proc, int32_t) -> Result<std::string> { return budgets_text(TRY(proc.system().budgets())); }},
    {.name = "ports", .text = [](Proc& proc, int32_t) -> Result<std::string> { return ports_text(TRY(proc.system().ports())); }},
    {.name = "servers",
     .text = [](Proc& proc, int32_t) -> Result<std::string> { return proc.system().servers(); },
     .write = [](Proc& proc, std::string_view command) { return proc.system().command_servers(command); }},
};
constexpr ProcItem kSysv[]{
    {.name = "msg", .text = [](Proc& proc, int32_t) { return proc.system().sysv(protocols::sysv::Kind::Messages); }},
    {.name = "sem", .text = [](Proc& proc, int32_t) { return proc.system().sysv(protocols::sysv::Kind::Semaphores); }},
    {.name = "shm", .text = [](Proc& proc, int32_t) { return proc.system().sysv(protocols::sysv::Kind::Memory); }},
};
constexpr ProcItem kRoot[]{
    {.name = "cpuinfo",
     .text = [](Proc& proc, int32_t) -> Result<std::string> { return cpu_text(proc.system().moment().info, proc.system().cpu()); }},
    {.name = "filesystems", .text = [](Proc& proc, int32_t) -> Result<std::string> { return proc.file_systems_text(); }},
    {.name = "loadavg", .text = [](Proc& proc, int32_t) -> Result<std::string> { return load_text(proc.system().moment()); }},
    {.name = "meminfo", .text = [](Proc& proc, int32_t) -> Result<std::string> { return memory_text(proc.system().moment()); }},
    {.name = "mounts", .text = [](Proc& proc, int32_t) -> Result<std::string> { return proc.mounts_text(); }},
    {.name = "portico", .items = kPortico},
    {.name = "self", .items = kSelf},
    {.name = "stat", .text = [](Proc& proc, int32_t) -> Result<std::string> { return stat_text(proc.system().moment()); }},
    {.name = "swaps", .text = [](Proc& proc, int32_t) -> Result<std::string> { return swaps_text(proc.system().moment()); }},
    {.name = "sys", .items = kProcSettings},
    {.name = "sysvipc", .items = kSysv},
    {.name = "uptime", .text = [](Proc& proc, int32_t) -> Result<std::string> { return uptime_text(proc.system().moment()); }},
    {.name = "vmstat", .text = [](Proc& proc, int32_t) -> Result<std::string> { return virtual_memory_text(proc.system().moment()); }},
    {.name = "version", .text = [](Proc&, int32_t) -> Result<std::string> { return version_text(); }},
};

/// Text as one word of a line.
std::string escaped(std::string_view text) {
    std::string word;
    for (const char c : text) {
        if (c == ' ' || c == '\t' || c == '\n' || c == '\\')
            word += format("\\%03o", static_cast<unsigned>(c));
        else
            word += c;
    }
    return word;
}

}  // namespace

ProcFileSystem::ProcFileSystem(uint64_t device, SystemView& system, const NameSpace& name_space)
    : FileSystem(device),
      system_(system),
      name_space_(name_space),
      start_ns_(realtime_ns()),
      root_(std::make_shared<ProcDirectory>(*this, ProcPlace{.inode = 1}, kRoot, ProcListing::WithProcesses)) {}

MappingName ProcFileSystem::mapping_name(const abi::MappingInfo& mapping) {
    const auto flags = static_cast<abi::MapFlags>(mapping.flags);
    if (mapping.address >= abi::kRuntimeBase) return {.path = "[portico]"};
    if (has(flags, abi::MapFlags::Heap)) return {.path = "[heap]"};
    if (has(flags, abi::MapFlags::Stack)) return {.path = "[stack]"};
    const NodeRef file = system_.owner_of(mapping.origin_id != 0 ? mapping.origin_id : mapping.memory_id);
    if (!file) return {};
    const Attributes attributes = file->attributes();
    const Result<std::string> path = name_space_.path_of(file);
    return {.device = attributes.device, .inode = attributes.inode, .path = path ? *path : "(deleted)"};
}

std::string ProcFileSystem::mounts_text() const {
    const auto line = [](const FileSystem& mounted, const std::string& path) {
        return format("%s %s %s %s,relatime 0 0\n", escaped(mounted.source()).c_str(), escaped(path).c_str(),
                      std::string(mounted.type()).c_str(), mounted.read_only() ? "ro" : "rw");
    };
    std::string text = line(name_space_.root()->file_system(), "/");
    for (const MountTable::Mount& mount : name_space_.mounts().all()) {
        const Result<std::string> path = name_space_.path_of(mount.root);
        if (path) text += line(mount.root->file_system(), *path);
    }
    return text;
}

std::string ProcFileSystem::mount_info_text() const {
    constexpr int kFirstId = 20;
    const auto line = [](int id, int parent, const FileSystem& mounted, const std::string& path) {
        const std::string type(mounted.type());
        const char* const mode = mounted.read_only() ? "ro" : "rw";
        return format("%d %d 0:%u / %s %s,relatime - %s %s %s\n", id, parent, static_cast<unsigned>(mounted.device()),
                      escaped(path).c_str(), mode, type.c_str(),
                      mounted.source() == "none" ? type.c_str() : escaped(mounted.source()).c_str(), mode);
    };
    std::string text = line(kFirstId, 1, name_space_.root()->file_system(), "/");
    int id = kFirstId;
    for (const MountTable::Mount& mount : name_space_.mounts().all()) {
        const Result<std::string> path = name_space_.path_of(mount.root);
        if (path) text += line(++id, kFirstId, mount.root->file_system(), *path);
    }
    return text;
}

std::string ProcFileSystem::file_systems_text() const {
    return "nodev\ttmpfs\nnodev\tproc\nnodev\tsysfs\nnodev\t9p\n";
}

}  // namespace portico::file_server
