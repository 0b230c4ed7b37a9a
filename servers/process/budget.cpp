#include "servers/process/budget.h"

#include "runtime/native.h"

namespace portico::process {

namespace {

/// What an account may be short of its limit when that refuses it: a page, and nodes and tables to show it.
constexpr uint64_t kSlackBytes = 64 << 10;

abi::AccountInfo account_info(abi::Handle account) {
    abi::AccountInfo info;
    if (account) (void)native::call(abi::AccountQuery{account, reinterpret_cast<uint64_t>(&info)});
    return info;
}

}  // namespace

bool Budget::is_exhausted() const {
    const abi::AccountInfo info = account_info(account());
    return info.limit_bytes - std::min(info.used_bytes, info.limit_bytes) < kSlackBytes;
}

protocols::process::BudgetInfo Budget::describe() const {
    const abi::AccountInfo info = account_info(account());
    return {.id = id_,
            .parent = parent_ ? parent_->id() : 0,
            .memory_bytes_max = memory_bytes_max_,
            .memory_bytes = info.used_bytes,
            .memory_bytes_peak = info.peak_bytes,
            .refused_count = info.refused_count,
            .kill_count = kill_count_,
            .tasks_max = tasks_max_,
            .task_count = task_count_,
            .kept_free_bytes = info.kept_free_bytes};
}

std::shared_ptr<Budget> Budgets::add(std::shared_ptr<Budget> budget) {
    std::erase_if(all_, [](const std::weak_ptr<Budget>& each) { return each.expired(); });
    all_.push_back(budget);
    return budget;
}

std::shared_ptr<Budget> Budgets::make_first(OwnedHandle account, uint64_t memory_bytes_max, uint64_t tasks_max) {
    return add(std::make_shared<Budget>(++last_id_, nullptr, std::move(account), memory_bytes_max, tasks_max));
}

Result<std::shared_ptr<Budget>> Budgets::make_below(const std::shared_ptr<Budget>& parent, uint64_t memory_bytes_max, uint64_t tasks_max) {
    OwnedHandle account(TRY(native::call(abi::AccountCreate{parent->account(), memory_bytes_max})).account);
    return add(std::make_shared<Budget>(++last_id_, parent, std::move(account), memory_bytes_max, tasks_max));
}

std::vector<protocols::process::BudgetInfo> Budgets::list() {
    std::vector<protocols::process::BudgetInfo> result;
    for (const std::weak_ptr<Budget>& each : all_)
        if (const auto budget = each.lock()) result.push_back(budget->describe());
    return result;
}

}  // namespace portico::process
