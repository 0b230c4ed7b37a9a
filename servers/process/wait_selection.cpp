#include "servers/process/wait_selection.h"

namespace portico::process {

namespace {

bool selects(const Process& caller, const Process& child, int64_t selector) {
    if (selector > 0) return child.pid == selector;
    if (selector == -1) return true;
    return selector == 0 ? child.group == caller.group : -int64_t{child.group} == selector;
}

}  // namespace

Result<WaitNews> find_wait_news(ProcessTable& table, const Process& caller, int64_t selector, uint64_t options) {
    constexpr uint64_t kinds = kWaitExited | kWaitStopped | kWaitContinued;
    if ((options & kinds) == 0) options |= kWaitExited;
    bool has_child = false;
    for (const int32_t pid : caller.children) {
        Process* child = table.find(pid);
        if (child == nullptr || !selects(caller, *child, selector)) continue;
        has_child = true;
        if (child->state == State::Zombie && (options & kWaitExited) != 0) return WaitNews{child, child->wait_status};
        if (child->state == State::Stopped && child->stop_unreported && (options & kWaitStopped) != 0)
            return WaitNews{child, stopped_status(child->stop_signal)};
        if (child->state == State::Running && child->continue_unreported && (options & kWaitContinued) != 0)
            return WaitNews{child, kContinuedStatus};
    }
    if (!has_child) return fail(Error::NoChild);
    return WaitNews{};
}

}  // namespace portico::process
