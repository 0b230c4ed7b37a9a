#include "servers/pipe/objects.h"

namespace portico::pipe_server {

namespace {
constexpr uint64_t kCredits = 64;  // which nobody needs: all methods are calls
}

Result<> Objects::enter(const std::shared_ptr<Object>& object) {
    uint64_t slot = slots_.size();
    if (!free_slots_.empty()) {
        slot = free_slots_.back();
        free_slots_.pop_back();
        slots_[slot] = object;
    } else if (slot < kSlotsMax) {
        slots_.push_back(object);
    } else {
        return fail(Error::NoMemory);
    }
    object->badge = ++made_ * kSlotsMax + slot;
    return {};
}

Result<OwnedHandle> Objects::give_handle(const std::shared_ptr<Object>& object) {
    const bool is_new = object->badge == 0;
    if (is_new) TRY(enter(object));
    const auto sender = native::call(abi::PortBadge{port_, object->badge, kCredits});
    if (!sender) {
        if (is_new) doubtful_.push_back(object->badge);
        return fail(sender.error());
    }
    ++object->handles;
    return OwnedHandle(sender->sender);
}

void Objects::handle_gone(uint64_t badge) {
    Object* const object = find_or_null(badge);
    if (object != nullptr && --object->handles == 0) doubtful_.push_back(badge);
}

void Objects::put_down(Object& object) {
    if (--object.carriers == 0 && object.badge != 0) doubtful_.push_back(object.badge);
}

void Objects::sweep() {
    while (!doubtful_.empty()) {
        bool only_carried = false;
        for (size_t i = 0; i < doubtful_.size(); ++i) {  // closing one can make more doubtful
            Object* const object = find_or_null(doubtful_[i]);
            if (object == nullptr || object->handles != 0) continue;
            if (object->carriers == 0)
                close(*object);
            else
                only_carried = true;
        }
        doubtful_.clear();
        if (only_carried) collect();
    }
}

void Objects::close(Object& object) {
    const uint64_t slot = object.badge % kSlotsMax;
    const std::shared_ptr<Object> gone = std::move(slots_[slot]);  // moved out first: its going may look here
    free_slots_.push_back(static_cast<uint32_t>(slot));
    gone->closed();
}

/// Finds what only messages hold that nobody can receive, and empties those queues.
void Objects::collect() {
    std::vector<Object*> reached;
    for (const std::shared_ptr<Object>& object : slots_) {
        if (!object) continue;
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
    for (const std::shared_ptr<Object>& object : slots_)
        if (object && !object->marked) garbage.push_back(object);
    for (const std::shared_ptr<Object>& object : garbage) object->drop_carried();
}

}  // namespace portico::pipe_server
