#include <cinttypes>
#include <cstdio>

#include "servers/process/server.h"

/// Limits of process trees, and the rule of who goes when there is no memory: docs/memory.md.
namespace portico::process {

namespace {

uint64_t resident_bytes(const Process& process) {
    abi::ProcessInfo info;
    if (!native::call(abi::ProcessQuery{process.kernel_process.get(), reinterpret_cast<uint64_t>(&info)})) return 0;
    return info.resident_bytes;
}

}  // namespace

Result<> Server::demand_task_room(const Process& process, const Budget* budget) {
    if (budget != nullptr && !budget->has_room()) return fail(Error::NoSpace);
    const uint32_t owner = process.credentials.uid;
    if (process.owner_tasks_max == Budget::kNoLimit || owner == 0) return {};
    uint64_t count = 0;
    table_.for_each([&](const Process& each) {
        if (each.credentials.uid == owner) count += std::max<size_t>(each.threads.size(), 1);
    });
    if (count >= process.owner_tasks_max) return fail(Error::NoSpace);
    return {};
}

Result<protocol::LimitChildren::Reply> Server::on(const Call& call, const protocol::LimitChildren& request) {
    Process& process = *TRY(caller(call));
    if (!process.budget) return fail(Error::AccessDenied);
    const auto maximum = [](uint64_t value) { return value == 0 ? Budget::kNoLimit : value; };
    process.children_budget = TRY(budgets_.make_below(process.budget, maximum(request.memory_bytes_max), maximum(request.tasks_max)));
    return protocol::LimitChildren::Reply{};
}

Result<protocol::LimitOwner::Reply> Server::on(const Call& call, const protocol::LimitOwner& request) {
    TRY(caller(call))->owner_tasks_max = request.tasks_max;
    return protocol::LimitOwner::Reply{};
}

Result<protocol::ListBudgets::Reply> Server::on(const Call& call, const protocol::ListBudgets&) {
    const Process& asking = *TRY(caller(call));
    TRY(require_init(asking));
    std::vector<protocol::BudgetInfo> all = budgets_.list();
    all.resize(std::min<size_t>(all.size(), call.writable_bytes() / sizeof(protocol::BudgetInfo)));
    TRY(call.write(0, std::as_bytes(std::span(all))));
    return protocol::ListBudgets::Reply{.count = all.size()};
}

Result<protocol::ShareAccount::Reply> Server::on(const Call& call, const protocol::ShareAccount&) {
    const Process& asking = *TRY(caller(call));
    TRY(require_init(asking));
    const auto rights = static_cast<uint64_t>(abi::Rights::Control | abi::Rights::Read | abi::Rights::Transfer);
    const auto shown = TRY(native::call(abi::HandleDuplicate{programs_budget_->account(), rights}));
    return protocol::ShareAccount::Reply{.zero = {}, .account = shown.handle};
}

Result<protocol::Inspect::Reply> Server::on(const Call& call, const protocol::Inspect& request) {
    Process& asking = *TRY(caller(call));
    TRY(require_init(asking));
    const Process& process = *TRY(named(asking, request.pid));
    if (!process.kernel_process) return fail(Error::NoProcess);
    const auto rights = static_cast<uint64_t>(abi::Rights::Read | abi::Rights::Transfer);
    const auto shown = TRY(native::call(abi::HandleDuplicate{process.kernel_process.get(), rights}));
    return protocol::Inspect::Reply{.zero = {}, .process = shown.handle};
}

Result<protocol::MakeRoom::Reply> Server::on(const Call& call, const protocol::MakeRoom&) {
    const Process& asking = *TRY(caller(call));
    TRY(require_init(asking));
    (void)kill_largest(*programs_budget_, "the servers run short of memory");
    return protocol::MakeRoom::Reply{};
}

/// Kills the process of a budget that has the most memory, the younger of two with as much, the first program of all last. One that is
/// being killed already is enough. False if there is none.
bool Server::kill_largest(Budget& budget, std::string_view why) {
    Process* largest = nullptr;
    uint64_t most_bytes = 0;
    bool one_goes = false;
    table_.for_each([&](Process& process) {
        if (!process.budget || !process.budget->is_within(budget) || !process.kernel_process) return;
        one_goes = one_goes || process.state == State::Ending;
        if (!process.alive()) return;
        const uint64_t bytes = resident_bytes(process);
        const bool is_more = largest == nullptr || lifecycle_.is_reaper(*largest) || bytes > most_bytes ||
                             (bytes == most_bytes && process.serial > largest->serial);
        if (!is_more || (largest != nullptr && lifecycle_.is_reaper(process))) return;
        largest = &process;
        most_bytes = bytes;
    });
    if (one_goes) return true;
    if (largest == nullptr) return false;
    std::fprintf(stderr, "process: %.*s: killed %d (%s), %" PRIu64 " KiB resident, of budget %" PRIu64 "\n", static_cast<int>(why.size()),
                 why.data(), largest->pid, largest->name.c_str(), most_bytes / 1024, budget.id());
    budget.note_kill();
    lifecycle_.kill(*largest, kKill);
    return true;
}

/// A thread of it touched a page and there is no memory for one. It is tried again when a process has gone.
void Server::on_want_of_memory(Process& process, const abi::Message& message) {
    Budget* overdrawn = process.budget.get();
    while (overdrawn->parent() != nullptr && !overdrawn->is_exhausted()) overdrawn = overdrawn->parent();
    const bool by_limit = overdrawn->is_exhausted();
    wants_of_memory_.push_back(message.id);
    if (!kill_largest(*overdrawn, by_limit ? "a budget has no memory left" : "no memory is left for programs"))
        lifecycle_.kill(process, kKill);
}

void Server::end_wants_of_memory() {
    for (const uint64_t id : wants_of_memory_) (void)native::reply(id, abi::Message{});  // of one that was killed: refused
    wants_of_memory_.clear();
}

}  // namespace portico::process
