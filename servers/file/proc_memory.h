#pragma once

#include <functional>
#include <string>
#include <vector>

#include "abi/types.h"
#include "protocols/process.h"

/// The texts of /proc about memory, in Linux's formats (proc(5)). Pure: numbers in, text out.
namespace portico::file_server {

struct ProcessView;
struct SystemMoment;

/// Adds what a later look at the same mapping counted.
void add_usage(abi::MappingUsage& to, const abi::MappingUsage& part);

/// A process's mappings added up, in bytes.
struct MemorySums {
    uint64_t mapped = 0, resident = 0, shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0, proportional = 0,
             swapped = 0;
    uint64_t of_files = 0;  ///< resident, of memory objects that are files' or clones of them
    uint64_t data = 0, stack = 0, text = 0;

    static MemorySums of(const std::vector<abi::MappingUsage>& mappings);
};

/// What stands behind a mapping in the texts: device, inode and path of a file, or a name like [heap]; empty for anonymous memory.
struct MappingName {
    uint64_t device = 0, inode = 0;
    std::string path;
};
using NameMapping = std::function<MappingName(const abi::MappingInfo&)>;

std::string maps_text(const std::vector<abi::MappingUsage>& mappings, const NameMapping& name);
std::string smaps_text(const std::vector<abi::MappingUsage>& mappings, const NameMapping& name);
std::string smaps_rollup_text(const std::vector<abi::MappingUsage>& mappings);
std::string process_memory_text(const MemorySums& sums);
/// The lines of /proc/PID/status from VmPeak on.
std::string status_memory_text(const MemorySums& sums);

std::string memory_text(const SystemMoment& moment);
std::string swaps_text(const SystemMoment& moment);
std::string virtual_memory_text(const SystemMoment& moment);
/// A line a budget, below one that names the columns; "-" is no limit.
std::string budgets_text(const std::vector<protocols::process::BudgetInfo>& budgets);

}  // namespace portico::file_server
