#pragma once

#include "servers/process/process_table.h"

/// Which child a wait4 call means, and what of it is news.
namespace portico::process {

inline constexpr uint64_t kWaitNoHang = 1, kWaitStopped = 2, kWaitExited = 4, kWaitContinued = 8, kWaitKeep = 0x100'0000;

struct WaitNews {
    Process* child = nullptr;  ///< null: none of the children has news
    uint32_t status = 0;
};

/// The first of the caller's children that `selector` (wait4's pid) names and that has news of a kind `options` asks for.
/// Without any kind, ends are asked for. Errors: NoChild if the selector names no child.
Result<WaitNews> find_wait_news(ProcessTable& table, const Process& caller, int64_t selector, uint64_t options);

}  // namespace portico::process
