#pragma once

#include <vector>

#include "servers/pipe/object.h"

namespace portico::pipe_server {

/// All objects that processes have handles to or that messages carry, by badge.
///
///     made ──give_handle()──▶ handles > 0 ⇄ handles = 0, carriers > 0 ──(no carrier, or garbage)──▶ closed, forgotten
///
/// An object that a message carries is not kept as a handle but by a count: so the server learns when no process has a handle any
/// more, and finds objects that only carry each other (sockets whose queues hold themselves), which end at once.
///
/// Locks: none, the server is one thread.
class Objects {
public:
    explicit Objects(abi::Handle port) : port_(port) {}
    Objects(const Objects&) = delete;
    Objects& operator=(const Objects&) = delete;

    /// Errors: BadHandle.
    Result<Object*> find(uint64_t badge) const {
        Object* const object = find_or_null(badge);
        if (object == nullptr) return fail(Error::BadHandle);
        return object;
    }
    Object* find_or_null(uint64_t badge) const {
        const uint64_t slot = badge % kSlotsMax;
        if (slot >= slots_.size()) return nullptr;
        Object* const object = slots_[slot].get();
        return object != nullptr && object->badge == badge ? object : nullptr;
    }
    /// Errors: BadHandle, and WrongType for an object of another type.
    template <class T>
    Result<T*> find(uint64_t badge) const {
        Object* const object = TRY(find(badge));
        if (object->type() != T::kType) return fail(Error::WrongType);
        return static_cast<T*>(object);
    }

    /// One more handle to the object. Errors: NoMemory and what the kernel says; a new object is forgotten then.
    Result<OwnedHandle> give_handle(const std::shared_ptr<Object>& object);
    /// The kernel said that the last copy of a handle is gone.
    void handle_gone(uint64_t badge);

    void carry(Object& object) { ++object.carriers; }
    /// A message that carried it is gone. It ends, if it must, in sweep().
    void put_down(Object& object);

    /// Ends what nobody can reach any more. To be called when no handler is at work.
    void sweep();
    bool anything_to_sweep() const { return !doubtful_.empty(); }

private:
    void close(Object& object);
    void collect();

    /// A badge is a slot and above it a number that no other object had.
    static constexpr uint64_t kSlotsMax = 1 << 24;
    static_assert(kSlotsMax >= file::kFirstObjectBadge);

    Result<> enter(const std::shared_ptr<Object>& object);

    abi::Handle port_;
    std::vector<std::shared_ptr<Object>> slots_;  // by slot; null: free
    std::vector<uint32_t> free_slots_;
    std::vector<uint64_t> doubtful_;  // lost a handle or a carrier
    uint64_t made_ = 0;
};

}  // namespace portico::pipe_server
