#include "servers/sysv/semaphores.h"

#include <algorithm>

namespace portico::sysv_server {

SemaphoreSet::Attempt SemaphoreSet::attempt(std::span<const SemaphoreOperation> operations, int32_t pid) const {
    Attempt attempt;
    const auto now = [&](uint16_t at) {
        for (auto made = attempt.values.rbegin(); made != attempt.values.rend(); ++made)
            if (made->first == at) return made->second;
        return values_[at].value;
    };
    const auto undone = undo_.find(pid);
    std::map<uint16_t, int32_t> adjusted = undone == undo_.end() ? std::map<uint16_t, int32_t>{} : undone->second;
    for (const SemaphoreOperation& operation : operations) {
        if (operation.index >= count()) return {.trouble = Trouble::NoSemaphore};
        const int32_t value = now(operation.index);
        const bool blocked = operation.change == 0 ? value != 0 : value + operation.change < 0;
        if (blocked) {
            const bool stays = (static_cast<uint16_t>(operation.flags) & sysv::kNoWait) != 0;
            return {.outcome = stays ? Attempt::Outcome::WouldBlock : Attempt::Outcome::Wait,
                    .blocked_at = operation.index,
                    .for_zero = operation.change == 0};
        }
        if (value + operation.change > kValueMax) return {.trouble = Trouble::OutOfRange};
        if ((static_cast<uint16_t>(operation.flags) & sysv::kUndo) != 0) {
            int32_t& adjustment = adjusted[operation.index];
            adjustment -= operation.change;
            if (adjustment < -kValueMax - 1 || adjustment > kValueMax) return {.trouble = Trouble::OutOfRange};
        }
        attempt.values.emplace_back(operation.index, value + operation.change);
    }
    return attempt;
}

void SemaphoreSet::commit(std::span<const SemaphoreOperation> operations, const Attempt& attempt, int32_t pid) {
    for (const auto& [at, value] : attempt.values) values_[at] = {.value = value, .pid = pid};
    for (const SemaphoreOperation& operation : operations)
        if ((static_cast<uint16_t>(operation.flags) & sysv::kUndo) != 0 && operation.change != 0)
            undo_[pid][operation.index] -= operation.change;
    operated_s = now_s();
}

void SemaphoreSet::undo(int32_t pid) {
    const auto found = undo_.find(pid);
    if (found == undo_.end()) return;
    for (const auto& [at, adjustment] : found->second) {
        if (adjustment == 0) continue;
        values_[at] = {.value = std::clamp(values_[at].value + adjustment, 0, kValueMax), .pid = pid};
        operated_s = now_s();
    }
    undo_.erase(found);
}

void SemaphoreSet::set_value(uint32_t at, int32_t value, int32_t pid) {
    values_[at] = {.value = value, .pid = pid};
    for (auto& [owner, adjustments] : undo_) adjustments.erase(static_cast<uint16_t>(at));
    changed_s = now_s();
}

}  // namespace portico::sysv_server
