#pragma once

#include <vector>

#include "servers/process/process_table.h"

/// POSIX: a process group is orphaned when none of its members has a parent in the same session but another group: nobody is
/// left who could continue it after a stop.
namespace portico::process {

/// Is the group orphaned? If `ending` is given, it counts as no member and its children as `heir`'s (null: nobody's).
bool is_orphaned(ProcessTable& table, int32_t group, const Process* ending = nullptr, const Process* heir = nullptr);

/// The groups that the end of `ending` makes orphaned and that have a stopped member: each gets SIGHUP and SIGCONT.
/// To be asked before its children are given to `heir`.
std::vector<int32_t> stopped_groups_orphaned_by(ProcessTable& table, const Process& ending, const Process* heir);

}  // namespace portico::process
