#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "libs/result.h"
#include "protocols/process.h"
#include "runtime/handle.h"

namespace portico::process {

/// What a tree of processes may use: a kernel account, and a count of tasks (processes, zombies too, and threads). In a tree: what one
/// counts, those above it count too.
///
/// Ownership: processes and the budgets below refer to it; TaskCounts are taken back by their destructors.
/// Locks: none, the server is one thread.
class Budget {
public:
    static constexpr uint64_t kNoLimit = ~uint64_t{0};

    /// `account` pays for what its processes use; none in tests.
    Budget(uint64_t id, std::shared_ptr<Budget> parent, OwnedHandle account, uint64_t memory_bytes_max, uint64_t tasks_max)
        : id_(id), parent_(std::move(parent)), account_(std::move(account)), memory_bytes_max_(memory_bytes_max), tasks_max_(tasks_max) {}

    uint64_t id() const { return id_; }
    abi::Handle account() const { return account_.get(); }
    Budget* parent() const { return parent_.get(); }
    uint64_t task_count() const { return task_count_; }
    bool is_within(const Budget& other) const {
        for (const Budget* budget = this; budget != nullptr; budget = budget->parent())
            if (budget == &other) return true;
        return false;
    }
    /// Whether one more task fits here and above.
    bool has_room() const {
        for (const Budget* budget = this; budget != nullptr; budget = budget->parent())
            if (budget->task_count_ >= budget->tasks_max_) return false;
        return true;
    }
    /// Whether its own limit, not the machine's or another account's, is what stops it.
    bool is_exhausted() const;
    void note_kill() {
        for (Budget* budget = this; budget != nullptr; budget = budget->parent()) ++budget->kill_count_;
    }
    protocols::process::BudgetInfo describe() const;

private:
    friend class TaskCount;
    void count_tasks(int change) {
        for (Budget* budget = this; budget != nullptr; budget = budget->parent()) budget->task_count_ += static_cast<uint64_t>(change);
    }

    uint64_t id_;
    std::shared_ptr<Budget> parent_;
    OwnedHandle account_;
    uint64_t memory_bytes_max_, tasks_max_;
    uint64_t task_count_ = 0;
    uint64_t kill_count_ = 0;  ///< of processes killed since this one had no memory
};

/// One task of a budget, while it lives.
class TaskCount {
public:
    TaskCount() = default;
    explicit TaskCount(std::shared_ptr<Budget> budget) : budget_(std::move(budget)) {
        if (budget_) budget_->count_tasks(1);
    }
    TaskCount(TaskCount&& other) noexcept : budget_(std::move(other.budget_)) {}
    TaskCount& operator=(TaskCount&& other) noexcept {
        std::swap(budget_, other.budget_);
        return *this;
    }
    ~TaskCount() {
        if (budget_) budget_->count_tasks(-1);
    }

private:
    std::shared_ptr<Budget> budget_;
};

/// All budgets there are, and how they are made.
class Budgets {
public:
    /// The budget of all programs. `account` is the one made for it.
    std::shared_ptr<Budget> make_first(OwnedHandle account, uint64_t memory_bytes_max, uint64_t tasks_max);
    /// One below another. Errors: NoMemory.
    Result<std::shared_ptr<Budget>> make_below(const std::shared_ptr<Budget>& parent, uint64_t memory_bytes_max, uint64_t tasks_max);
    std::vector<protocols::process::BudgetInfo> list();

private:
    std::shared_ptr<Budget> add(std::shared_ptr<Budget> budget);

    uint64_t last_id_ = 0;
    std::vector<std::weak_ptr<Budget>> all_;
};

}  // namespace portico::process
