#include "servers/pipe/objects.h"

namespace portico::pipe_server {

namespace {
constexpr uint64_t kCredits = 64;  // which nobody needs: all methods are calls
}

Result<OwnedHandle> Objects::give_handle(const std::shared_ptr<Object>& object) {
    const bool is_new = object->badge == 0;
    if (is_new) {
        object->badge = next_badge_++;
        by_badge_.emplace(object->badge, object);
    }
    const auto sender = native::call(abi::PortBadge{port_, object->badge, kCredits});
    if (!sender) {
        if (is_new) doubtful_.push_back(object->badge);
        return fail(sender.error());
    }
    ++object->handles;
    return OwnedHandle(sender->sender);
}

void Objects::handle_gone(uint64_t badge) {
    const auto found = by_badge_.find(badge);
    if (found != by_badge_.end() && --found->second->handles == 0) doubtful_.push_back(badge);
}

void Objects::put_down(Object& object) {
    if (--object.carriers == 0 && object.badge != 0) doubtful_.push_back(object.badge);
}

void Objects::sweep() {
    while (!doubtful_.empty()) {
        bool only_carried = false;
        for (size_t i = 0; i < doubtful_.size(); ++i) {  // closing one can make more doubtful
            const auto found = by_badge_.find(doubtful_[i]);
            if (found == by_badge_.end() || found->second->handles != 0) continue;
            if (found->second->carriers == 0)
                close(*found->second);
            else
                only_carried = true;
        }
        doubtful_.clear();
        if (only_carried) collect();
    }
}

void Objects::close(Object& object) {
    const auto gone = by_badge_.extract(object.badge);  // moved out first: its going may look here
    gone.mapped()->closed();
}

/// Finds what only messages hold that nobody can receive, and empties those queues.
void Objects::collect() {
    std::vector<Object*> reached;
    for (const auto& [badge, object] : by_badge_) {
        object->marked = object->handles != 0;
        if (object->marked) reached.push_back(object.get());
    }
    while (!reached.empty()) {
        Object* const next = reached.back();
        reached.pop_back();
        next->visit_carried([&](Object& carried) {
            if (std::exchange(carried.marked, true)) return;
            reached.push_back(&carried);
        });
    }
    std::vector<std::shared_ptr<Object>> garbage;
    for (const auto& [badge, object] : by_badge_)
        if (!object->marked) garbage.push_back(object);
    for (const std::shared_ptr<Object>& object : garbage) object->drop_carried();
}

}  // namespace portico::pipe_server
