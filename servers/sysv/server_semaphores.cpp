#include "servers/sysv/server.h"

namespace portico::sysv_server {

namespace {

/// struct seminfo.
struct SemaphoreLimits {
    int32_t map, sets_max, all_max, undo_max, in_set_max, operations_max, undo_entries_max, undo_bytes, value_max, adjustment_max;
};

}  // namespace

ipc::Task Server::on(ipc::Call call, sysv::Operate request) {
    const uint32_t bytes = call.readable_bytes();
    const size_t count = bytes / sizeof(SemaphoreOperation);
    if (count == 0 || count > SemaphoreSet::kOperationsMax) {
        if (count == 0)
            (void)call.refuse(Error::InvalidArgument);
        else
            (void)call.reply<sysv::Operate>({.trouble = Trouble::TooBig});
        co_return;
    }
    std::vector<SemaphoreOperation> operations(count);
    if (const Result<> copied = call.read(0, std::as_writable_bytes(std::span(operations))); !copied) {
        (void)call.refuse(copied.error());
        co_return;
    }
    const Result<std::shared_ptr<SemaphoreSet>> found = sets_.by_id(request.id);
    if (!found) {
        (void)call.refuse(found.error());
        co_return;
    }
    const std::shared_ptr<SemaphoreSet> set = *found;
    for (;;) {
        if (set->removed) {
            (void)call.reply<sysv::Operate>({.trouble = Trouble::Removed});
            co_return;
        }
        const SemaphoreSet::Attempt attempt = set->attempt(operations, request.pid);
        if (attempt.trouble != Trouble::None || attempt.outcome == SemaphoreSet::Attempt::Outcome::WouldBlock) {
            if (attempt.trouble != Trouble::None)
                (void)call.reply<sysv::Operate>({.trouble = attempt.trouble});
            else
                (void)call.refuse(Error::WouldBlock);
            co_return;
        }
        if (attempt.outcome == SemaphoreSet::Attempt::Outcome::Done) {
            if (!call.reply<sysv::Operate>({})) co_return;
            set->commit(operations, attempt, request.pid);
            if (std::ranges::any_of(operations, [](const SemaphoreOperation& one) { return (one.flags & sysv::kUndo) != 0; }))
                watch(request.pid);
            set->changed.wake_all();
            co_return;
        }
        const auto place = set->waiting.insert(set->waiting.end(), {.at = attempt.blocked_at, .for_zero = attempt.for_zero});
        const Result<> woken = co_await set->changed.wait(call.id());
        set->waiting.erase(place);
        if (!woken) co_return;
    }
}

Result<sysv::Answer> Server::control(const ipc::Call& call, const sysv::Control& request, SemaphoreSet& set) {
    using namespace sysv::semaphore;
    const auto at = static_cast<uint32_t>(request.index);
    switch (request.command) {
    case sysv::kRemove: {
        const std::shared_ptr<SemaphoreSet> kept = sets_.by_index(set.index);
        kept->removed = true;
        sets_.remove(*kept);
        kept->changed.wake_all();
        return sysv::Answer{};
    }
    case sysv::kSet:
        change(set.permissions, TRY(take<SemaphoreStat>(call)).permissions);
        set.changed_s = now_s();
        return sysv::Answer{};
    case sysv::kStat:
        return give(call, set.stat());
    case kStatIndex:
    case kStatAny:
        return give(call, set.stat(), sets_.id_of(set));
    case kGetAll: {
        std::vector<uint16_t> values(set.count());
        for (uint32_t i = 0; i < set.count(); ++i) values[i] = static_cast<uint16_t>(set.value(i));
        TRY(call.write(0, std::as_bytes(std::span(values))));
        return sysv::Answer{};
    }
    case kSetAll: {
        std::vector<uint16_t> values(set.count());
        TRY(call.read(0, std::as_writable_bytes(std::span(values))));
        if (std::ranges::any_of(values, [](uint16_t value) { return value > SemaphoreSet::kValueMax; }))
            return sysv::Answer{.trouble = Trouble::OutOfRange};
        for (uint32_t i = 0; i < set.count(); ++i) set.set_value(i, values[i], request.pid);
        set.changed.wake_all();
        return sysv::Answer{};
    }
    case kGetPid:
    case kGetValue:
    case kCountWaiting:
    case kCountForZero:
    case kSetValue:
        break;
    default:
        return fail(Error::InvalidArgument);
    }
    if (at >= set.count()) return fail(Error::InvalidArgument);
    switch (request.command) {
    case kGetPid:
        return sysv::Answer{.value = set.last_pid(at)};
    case kGetValue:
        return sysv::Answer{.value = set.value(at)};
    case kSetValue: {
        const auto value = static_cast<int32_t>(request.argument);
        if (value < 0 || value > SemaphoreSet::kValueMax) return sysv::Answer{.trouble = Trouble::OutOfRange};
        set.set_value(at, value, request.pid);
        set.changed.wake_all();
        return sysv::Answer{};
    }
    default: {
        const bool for_zero = request.command == kCountForZero;
        const auto count =
            std::ranges::count_if(set.waiting, [&](const SemaphoreSet::Waiting& one) { return one.at == at && one.for_zero == for_zero; });
        return sysv::Answer{.value = count};
    }
    }
}

Result<sysv::Answer> Server::tell_semaphore_limits(const ipc::Call& call, bool usage) {
    constexpr int32_t kAll = 1'024'000'000;
    SemaphoreLimits limits{.map = kAll,
                           .sets_max = kSetsMax,
                           .all_max = kAll,
                           .undo_max = kAll,
                           .in_set_max = SemaphoreSet::kCountMax,
                           .operations_max = SemaphoreSet::kOperationsMax,
                           .undo_entries_max = SemaphoreSet::kOperationsMax,
                           .undo_bytes = 20,
                           .value_max = SemaphoreSet::kValueMax,
                           .adjustment_max = SemaphoreSet::kValueMax};
    if (usage) {
        limits.undo_bytes = static_cast<int32_t>(sets_.all().size());
        limits.adjustment_max = 0;
        for (const auto& [index, set] : sets_.all()) limits.adjustment_max += static_cast<int32_t>(set->count());
    }
    return give(call, limits, sets_.index_max());
}

}  // namespace portico::sysv_server
