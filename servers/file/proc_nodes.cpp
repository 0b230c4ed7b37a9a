#include "servers/file/proc_nodes.h"

#include <algorithm>
#include <charconv>

#include "servers/file/command_content.h"

namespace portico::file_server {
namespace {

constexpr uint64_t kItemsMax = 64;                      // names of a fixed directory
constexpr uint64_t kProcessInodes = uint64_t{1} << 40;  // process directories' numbers are above
constexpr uint64_t kFirstCookie = 3;
constexpr uint64_t kProcessCookies = 1 << 16;

Result<std::string> with_process(ProcFileSystem& proc, int32_t pid, std::string (*text)(const ProcessView&)) {
    return text(TRY(proc.system().process(pid)));
}

/// fd: what is in it each process knows of itself only (its library lists its own).
constexpr std::span<const ProcItem> kOfTheLibrary{};
/// A process that has ended has no mappings, and Linux shows it empty files.
std::vector<abi::MappingUsage> mappings_of(ProcFileSystem& proc, int32_t pid) {
    Result<std::vector<abi::MappingUsage>> mappings = proc.system().mappings(pid);
    return mappings ? std::move(*mappings) : std::vector<abi::MappingUsage>{};
}

NameMapping names_of(ProcFileSystem& proc) {
    return [&proc](const abi::MappingInfo& mapping) { return proc.mapping_name(mapping); };
}

constexpr ProcItem kProcess[]{
    {.name = "cgroup", .text = [](ProcFileSystem&, int32_t) -> Result<std::string> { return "0::/\n"; }},
    {.name = "cmdline",
     .text = [](ProcFileSystem& proc, int32_t pid) -> Result<std::string> { return TRY(proc.system().process(pid)).arguments; }},
    {.name = "comm",
     .text = [](ProcFileSystem& proc,
                int32_t pid) { return with_process(proc, pid, [](const ProcessView& p) { return process_name(p) + "\n"; }); }},
    {.name = "exe", .link = [](ProcFileSystem& proc, int32_t pid) -> Result<std::string> { return TRY(proc.system().process(pid)).path; }},
    {.name = "fd", .items = kOfTheLibrary},
    {.name = "maps",
     .text = [](ProcFileSystem& proc, int32_t pid) -> Result<std::string> { return maps_text(mappings_of(proc, pid), names_of(proc)); }},
    {.name = "mountinfo", .text = [](ProcFileSystem& proc, int32_t) -> Result<std::string> { return proc.mount_info_text(); }},
    {.name = "mounts", .text = [](ProcFileSystem& proc, int32_t) -> Result<std::string> { return proc.mounts_text(); }},
    {.name = "oom_score_adj", .text = [](ProcFileSystem&, int32_t) -> Result<std::string> { return "0\n"; }},
    {.name = "root", .link = [](ProcFileSystem&, int32_t) -> Result<std::string> { return "/"; }},
    {.name = "stat", .text = [](ProcFileSystem& proc, int32_t pid) { return with_process(proc, pid, process_stat_text); }},
    {.name = "statm",
     .text = [](ProcFileSystem& proc, int32_t pid) -> Result<std::string> {
         return process_memory_text(MemorySums::of(mappings_of(proc, pid)));
     }},
    {.name = "status",
     .text = [](ProcFileSystem& proc, int32_t pid) -> Result<std::string> {
         const ProcessView process = TRY(proc.system().process(pid));
         const std::vector<abi::MappingUsage> mappings = mappings_of(proc, pid);
         return process_status_text(process, mappings.empty() ? std::string() : status_memory_text(MemorySums::of(mappings)));
     }},
    {.name = "smaps",
     .text = [](ProcFileSystem& proc, int32_t pid) -> Result<std::string> { return smaps_text(mappings_of(proc, pid), names_of(proc)); }},
    {.name = "smaps_rollup",
     .text = [](ProcFileSystem& proc, int32_t pid) -> Result<std::string> { return smaps_rollup_text(mappings_of(proc, pid)); }},
};

/// A link in fd. Which there are and where they lead, the process's library says, before the server is asked.
constexpr ProcItem kDescriptor{.name = "fd",
                               .link = [](ProcFileSystem&, int32_t) -> Result<std::string> { return fail(Error::AccessDenied); }};

Kind kind_of(const ProcItem& item) {
    return item.text != nullptr ? Kind::File : item.link != nullptr ? Kind::SymbolicLink : Kind::Directory;
}

class ProcText final : public ProcNode {
public:
    ProcText(ProcFileSystem& file_system, ProcPlace where, const ProcItem& item)
        : ProcNode(file_system, Kind::File, std::move(where), item.write != nullptr ? 0644 : 0444), item_(item) {}
    Result<std::shared_ptr<Content>> content() override {
        std::string text = TRY(item_.text(proc(), place().pid));
        if (item_.write == nullptr) return std::make_shared<TextContent>(std::move(text));
        const auto run = [write = item_.write, &system = proc()](std::string_view command) { return write(system, command); };
        return std::make_shared<CommandContent>(std::move(text), run);
    }

private:
    const ProcItem& item_;
};

class ProcLink final : public ProcNode {
public:
    ProcLink(ProcFileSystem& file_system, ProcPlace where, const ProcItem& item)
        : ProcNode(file_system, Kind::SymbolicLink, std::move(where), 0777), item_(item) {}
    Result<std::string> target() override { return item_.link(proc(), place().pid); }

private:
    const ProcItem& item_;
};

}  // namespace

ProcNode::ProcNode(ProcFileSystem& proc, Kind kind, ProcPlace place, uint32_t permissions) : Node(proc, kind), place_(std::move(place)) {
    attributes_.device = proc.device();
    attributes_.inode = place_.inode;
    attributes_.links = kind == Kind::Directory ? 2 : 1;
    attributes_.mode = type_bits(kind) | permissions;
    attributes_.access_ns = attributes_.modify_ns = attributes_.change_ns = attributes_.birth_ns = proc.start_ns();
}

ProcDirectory::ProcDirectory(ProcFileSystem& proc, ProcPlace place, std::span<const ProcItem> items, ProcListing listing)
    : ProcNode(proc, Kind::Directory, std::move(place), 0555), items_(items), listing_(listing) {}

uint64_t ProcDirectory::inode_of(size_t item) const {
    return place().inode * kItemsMax + item;
}

Result<NodeRef> ProcDirectory::lookup(std::string_view name) {
    for (size_t i = 0; i < items_.size(); ++i) {
        const ProcItem& item = items_[i];
        if (item.name != name) continue;
        ProcPlace where{.parent = shared_from_this(), .name = std::string(name), .inode = inode_of(i), .pid = place().pid};
        switch (kind_of(item)) {
        case Kind::File:
            return std::make_shared<ProcText>(proc(), std::move(where), item);
        case Kind::SymbolicLink:
            return std::make_shared<ProcLink>(proc(), std::move(where), item);
        default:
            return std::make_shared<ProcDirectory>(proc(), std::move(where), item.items,
                                                   item.name == "fd" ? ProcListing::Descriptors : ProcListing::Fixed);
        }
    }
    if (listing_ == ProcListing::Fixed) return fail(Error::NotFound);
    int32_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    const bool is_number = error == std::errc{} && end == name.data() + name.size() && pid >= 0 && (name.front() != '0' || name == "0");
    if (!is_number) return fail(Error::NotFound);
    if (listing_ == ProcListing::Descriptors) {
        ProcPlace where{.parent = shared_from_this(), .name = std::string(name), .inode = inode_of(kItemsMax - 1), .pid = place().pid};
        return std::make_shared<ProcLink>(proc(), std::move(where), kDescriptor);
    }
    if (pid == 0) return fail(Error::NotFound);
    TRY(proc().system().process(pid));
    ProcPlace where{
        .parent = shared_from_this(), .name = std::string(name), .inode = kProcessInodes + static_cast<uint64_t>(pid), .pid = pid};
    return std::make_shared<ProcDirectory>(proc(), std::move(where), kProcess, ProcListing::Fixed);
}

Result<> ProcDirectory::list(uint64_t cookie, const TakeEntry& take) {
    const uint64_t parent_inode = place().parent ? place().parent->attributes().inode : place().inode;
    if (cookie < 1 && !take({.name = ".", .inode = place().inode, .cookie = 1, .kind = Kind::Directory})) return {};
    if (cookie < 2 && !take({.name = "..", .inode = parent_inode, .cookie = 2, .kind = Kind::Directory})) return {};
    for (size_t i = 0; i < items_.size(); ++i)
        if (cookie < kFirstCookie + i &&
            !take({.name = items_[i].name, .inode = inode_of(i), .cookie = kFirstCookie + i, .kind = kind_of(items_[i])}))
            return {};
    if (listing_ != ProcListing::WithProcesses) return {};
    for (const int32_t pid : TRY(proc().system().processes())) {
        const uint64_t position = kProcessCookies + static_cast<uint64_t>(pid);
        if (cookie >= position) continue;
        const std::string name = std::to_string(pid);
        if (!take({.name = name, .inode = kProcessInodes + static_cast<uint64_t>(pid), .cookie = position, .kind = Kind::Directory}))
            return {};
    }
    return {};
}

}  // namespace portico::file_server
