#include "servers/file/proc_memory.h"

#include <algorithm>
#include <cinttypes>

#include "servers/file/proc_text.h"

namespace portico::file_server {
namespace {

constexpr uint64_t kib(uint64_t bytes) {
    return bytes / 1024;
}
constexpr uint64_t pages(uint64_t bytes) {
    return bytes / abi::kPageBytes;
}
constexpr uint64_t bytes_of(uint64_t page_count) {
    return page_count * abi::kPageBytes;
}

std::string line(const char* name, uint64_t bytes) {
    return format("%-15s %8" PRIu64 " kB\n", name, kib(bytes));
}

abi::MapFlags flags_of(const abi::MappingInfo& mapping) {
    return static_cast<abi::MapFlags>(mapping.flags);
}
bool allows(const abi::MappingInfo& mapping, abi::Access access) {
    return abi::allows(static_cast<abi::Access>(mapping.access), access);
}

std::string head_line(const abi::MappingInfo& mapping, const MappingName& name) {
    std::string text = format("%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " %02" PRIx64 ":%02" PRIx64 " %" PRIu64, mapping.address,
                              mapping.address + mapping.length_bytes, allows(mapping, abi::Access::Read) ? 'r' : '-',
                              allows(mapping, abi::Access::Write) ? 'w' : '-', allows(mapping, abi::Access::Execute) ? 'x' : '-',
                              mapping.shared != 0 ? 's' : 'p',
                              name.inode == 0          ? 0
                              : mapping.origin_id != 0 ? mapping.origin_offset_bytes
                                                       : mapping.offset_bytes,
                              name.device >> 8, name.device & 0xFF, name.inode);
    if (!name.path.empty()) {
        constexpr size_t kPathColumn = 73;
        text.resize(std::max(text.size() + 1, kPathColumn), ' ');
        text += name.path;
    }
    return text + "\n";
}

std::string usage_lines(const MemorySums& sums) {
    std::string text = line("Rss:", sums.resident) + line("Pss:", sums.proportional);
    text += line("Shared_Clean:", sums.shared_clean) + line("Shared_Dirty:", sums.shared_dirty);
    text += line("Private_Clean:", sums.private_clean) + line("Private_Dirty:", sums.private_dirty);
    text += line("Referenced:", sums.resident) + line("Anonymous:", sums.resident - sums.of_files);
    text += line("LazyFree:", 0) + line("AnonHugePages:", 0) + line("ShmemPmdMapped:", 0) + line("FilePmdMapped:", 0);
    text += line("Shared_Hugetlb:", 0) + line("Private_Hugetlb:", 0);
    text += line("Swap:", sums.swapped) + line("SwapPss:", sums.swapped) + line("Locked:", 0);
    return text;
}

}  // namespace

void add_usage(abi::MappingUsage& to, const abi::MappingUsage& part) {
    to.counted_to = part.counted_to;
    to.shared_clean += part.shared_clean;
    to.shared_dirty += part.shared_dirty;
    to.private_clean += part.private_clean;
    to.private_dirty += part.private_dirty;
    to.proportional_bytes += part.proportional_bytes;
    to.swapped += part.swapped;
}

MemorySums MemorySums::of(const std::vector<abi::MappingUsage>& mappings) {
    MemorySums sums;
    for (const abi::MappingUsage& usage : mappings) {
        const abi::MappingInfo& mapping = usage.mapping;
        const uint64_t clean = bytes_of(usage.shared_clean + usage.private_clean);
        const uint64_t resident = clean + bytes_of(usage.shared_dirty + usage.private_dirty);
        sums.mapped += mapping.length_bytes;
        sums.resident += resident;
        sums.shared_clean += bytes_of(usage.shared_clean);
        sums.shared_dirty += bytes_of(usage.shared_dirty);
        sums.private_clean += bytes_of(usage.private_clean);
        sums.private_dirty += bytes_of(usage.private_dirty);
        sums.proportional += usage.proportional_bytes;
        sums.swapped += bytes_of(usage.swapped);
        // What a private mapping of a file changed is the process's own.
        if (mapping.shared != 0 || mapping.origin_id != 0) sums.of_files += mapping.shared != 0 ? resident : clean;
        if (has(flags_of(mapping), abi::MapFlags::Stack))
            sums.stack += mapping.length_bytes;
        else if (mapping.shared == 0 && allows(mapping, abi::Access::Write))
            sums.data += mapping.length_bytes;
        if (allows(mapping, abi::Access::Execute)) sums.text += mapping.length_bytes;
    }
    return sums;
}

std::string maps_text(const std::vector<abi::MappingUsage>& mappings, const NameMapping& name) {
    std::string text;
    for (const abi::MappingUsage& usage : mappings) text += head_line(usage.mapping, name(usage.mapping));
    return text;
}

std::string smaps_text(const std::vector<abi::MappingUsage>& mappings, const NameMapping& name) {
    std::string text;
    for (const abi::MappingUsage& usage : mappings) {
        const abi::MappingInfo& mapping = usage.mapping;
        text += head_line(mapping, name(mapping));
        text += line("Size:", mapping.length_bytes) + line("KernelPageSize:", abi::kPageBytes) + line("MMUPageSize:", abi::kPageBytes);
        text += usage_lines(MemorySums::of({usage}));
        text += "THPeligible:    0\nVmFlags:";
        if (allows(mapping, abi::Access::Read)) text += " rd";
        if (allows(mapping, abi::Access::Write)) text += " wr";
        if (allows(mapping, abi::Access::Execute)) text += " ex";
        if (mapping.shared != 0) text += " sh";
        text += " mr mw me\n";
    }
    return text;
}

std::string smaps_rollup_text(const std::vector<abi::MappingUsage>& mappings) {
    if (mappings.empty()) return {};
    const abi::MappingInfo& last = mappings.back().mapping;
    const abi::MappingInfo whole{.address = mappings.front().mapping.address,
                                 .length_bytes = last.address + last.length_bytes - mappings.front().mapping.address};
    return head_line(whole, {.path = "[rollup]"}) + usage_lines(MemorySums::of(mappings));
}

std::string process_memory_text(const MemorySums& sums) {
    return format("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " 0 %" PRIu64 " 0\n", pages(sums.mapped), pages(sums.resident),
                  pages(sums.of_files), pages(sums.text), pages(sums.data + sums.stack));
}

std::string status_memory_text(const MemorySums& sums) {
    std::string text;
    const auto add = [&](const char* name, uint64_t bytes) { text += format("%s\t%8" PRIu64 " kB\n", name, kib(bytes)); };
    add("VmPeak:", sums.mapped);
    add("VmSize:", sums.mapped);
    add("VmLck:", 0);
    add("VmPin:", 0);
    add("VmHWM:", sums.resident);
    add("VmRSS:", sums.resident);
    add("RssAnon:", sums.resident - sums.of_files);
    add("RssFile:", sums.of_files);
    add("RssShmem:", 0);
    add("VmData:", sums.data);
    add("VmStk:", sums.stack);
    add("VmExe:", sums.text);
    add("VmLib:", 0);
    add("VmSwap:", sums.swapped);
    return text;
}

std::string memory_text(const SystemMoment& moment) {
    const abi::SystemInfo& info = moment.info;
    const uint64_t used = info.memory_bytes - std::min(info.free_bytes, info.memory_bytes);
    const uint64_t cached = std::min(moment.cached_bytes, used);
    const uint64_t anonymous = used - cached - std::min(info.kernel_bytes, used - cached);
    std::string text = line("MemTotal:", info.memory_bytes) + line("MemFree:", info.free_bytes);
    text += line("MemAvailable:", info.free_bytes - std::min(info.free_bytes, moment.kept_bytes));
    text += line("Buffers:", 0) + line("Cached:", cached) + line("SwapCached:", 0);
    text += line("SwapTotal:", info.swap_bytes) + line("SwapFree:", info.swap_free_bytes) + line("Dirty:", 0) + line("Writeback:", 0);
    text += line("AnonPages:", anonymous) + line("Shmem:", cached);
    text += line("Slab:", info.kernel_bytes) + line("SReclaimable:", 0) + line("SUnreclaim:", info.kernel_bytes);
    return text;
}

std::string swaps_text(const SystemMoment& moment) {
    const abi::SystemInfo& info = moment.info;
    std::string text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    if (info.swap_bytes == 0) return text;
    const uint64_t used = info.swap_bytes - std::min(info.swap_free_bytes, info.swap_bytes);
    return text + format("%-40spartition\t%" PRIu64 "\t\t%" PRIu64 "\t\t-2\n", ("/dev/" + std::string(moment.swap_disk)).c_str(),
                         kib(info.swap_bytes), kib(used));
}

std::string virtual_memory_text(const SystemMoment& moment) {
    std::string text;
    const auto add = [&](const char* name, uint64_t value) { text += format("%s %" PRIu64 "\n", name, value); };
    add("nr_free_pages", pages(moment.info.free_bytes));
    add("nr_file_pages", pages(moment.cached_bytes));
    add("nr_shmem", pages(moment.cached_bytes));
    add("pgpgin", 0);
    add("pgpgout", 0);
    add("pswpin", moment.info.swapped_in);
    add("pswpout", moment.info.swapped_out);
    add("pgfault", moment.info.page_faults);
    add("oom_kill", moment.kill_count);
    return text;
}

std::string budgets_text(const std::vector<protocols::process::BudgetInfo>& budgets) {
    const auto maximum = [](uint64_t value) { return value == ~uint64_t{0} ? std::string("-") : std::to_string(value); };
    std::string text = "id parent memory memory_peak memory_max refused killed tasks tasks_max\n";
    for (const auto& each : budgets)
        text += format("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", each.id, each.parent,
                       each.memory_bytes, each.memory_bytes_peak, maximum(each.memory_bytes_max).c_str(), each.refused_count,
                       each.kill_count, each.task_count, maximum(each.tasks_max).c_str());
    return text;
}

}  // namespace portico::file_server
