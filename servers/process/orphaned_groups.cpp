#include "servers/process/orphaned_groups.h"

#include <algorithm>

namespace portico::process {

namespace {

bool has_stopped_member(ProcessTable& table, int32_t group, const Process& ending) {
    return std::ranges::any_of(table.group_members(group), [&](int32_t pid) {
        const Process* member = table.find(pid);
        return member != nullptr && member != &ending && member->state == State::Stopped;
    });
}

/// Does `child` keep its group from being orphaned through `parent`?
bool ties(const Process& child, const Process& parent) {
    return parent.session == child.session && parent.group != child.group;
}

}  // namespace

bool is_orphaned(ProcessTable& table, int32_t group, const Process* ending, const Process* heir) {
    for (const int32_t pid : table.group_members(group)) {
        const Process* member = table.find(pid);
        if (member == nullptr || member == ending || !(member->alive() || member->state == State::New)) continue;
        const Process* parent = table.find(member->parent);
        if (ending != nullptr && parent == ending) parent = heir;
        if (parent != nullptr && parent->pid != 0 && ties(*member, *parent)) return false;
    }
    return true;
}

std::vector<int32_t> stopped_groups_orphaned_by(ProcessTable& table, const Process& ending, const Process* heir) {
    std::set<int32_t> touched;
    const Process* parent = table.find(ending.parent);
    if (parent != nullptr && ties(ending, *parent)) touched.insert(ending.group);
    for (const int32_t pid : ending.children) {
        const Process* child = table.find(pid);
        if (child != nullptr && ties(*child, ending)) touched.insert(child->group);
    }
    std::vector<int32_t> result;
    for (const int32_t group : touched)
        if (is_orphaned(table, group, &ending, heir) && has_stopped_member(table, group, ending)) result.push_back(group);
    return result;
}

}  // namespace portico::process
