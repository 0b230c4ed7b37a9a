#pragma once

#include "kernel/memory/heap.h"
#include "kernel/object/capability.h"
#include "libs/result.h"

namespace portico::kernel {

using abi::Handle;

/// The handles of one process: index to capability, with a generation against stale values.
///
/// Ownership: owns its capabilities. Locks: the kernel lock.
/// Bound:     grows by chunks of 64 slots, charged to the process's account, to kSlotsMax.
class HandleTable {
public:
    explicit HandleTable(Account& payer) : payer_(payer) {}
    HandleTable(const HandleTable&) = delete;
    ~HandleTable() { clear(); }

    /// Errors: BadHandle.
    Result<Capability*> find(Handle handle) {
        Capability* found = find_or_null(handle);
        if (found == nullptr) return fail(Error::BadHandle);
        return found;
    }
    /// The object, or null for whatever reason: the fast way, to be followed by get() for the error.
    template <class T>
    T* get_or_null(Handle handle, Rights rights) {
        Capability* capability = find_or_null(handle);
        if (capability == nullptr || !capability->allows(T::kType, rights)) return nullptr;
        return static_cast<T*>(capability->object());
    }

    /// The object, if the handle has the rights and the type. Borrowed: valid while nothing closes handles.
    /// Errors: BadHandle, WrongType, AccessDenied.
    template <class T>
    Result<T*> get(Handle handle, Rights rights) {
        Capability* capability = TRY(find(handle));
        if (!capability->allows(T::kType, rights)) [[unlikely]]
            return fail(capability->object()->type() != T::kType ? Error::WrongType : Error::AccessDenied);
        return static_cast<T*>(capability->object());
    }

    /// Errors: NoMemory, NoSpace; then `capability` is untouched.
    Result<Handle> add(Capability&& capability);
    /// Makes sure that `count` add_reserved() calls can be made.
    Result<> reserve(unsigned count) {
        if (free_count_ >= count) return {};
        return grow(count);
    }
    Handle add_reserved(Capability&& capability);
    /// Puts a capability at an index of choice, with generation 0 if the slot was never used; what was there is closed.
    Result<Handle> put(uint32_t index, Capability&& capability);
    Result<Capability> take(Handle handle);
    Result<> close(Handle handle);

    /// Makes this empty table a copy: same values, same rights. Errors: NoMemory.
    Result<> copy_from(const HandleTable& other);
    void clear();
    uint32_t count() const { return used_; }

private:
    static constexpr uint32_t kNobodys = ~0u;  ///< no handle's value: in the slot of index 0, which a handle of value 0 must not find
    struct Slot {
        Capability capability;
        uint32_t value = 0;  ///< of the handle in use; 0 if free
        uint32_t link = 0;   ///< its generation, and as index, if it is free, the next free slot

        uint32_t next() const { return Handle{link}.index(); }
        void set_next(uint32_t index) { link = static_cast<uint32_t>(Handle::make(index, Handle{link}.generation()).value); }
    };
    static constexpr uint32_t kChunkSlots = 64;
    struct Chunk {
        Slot slots[kChunkSlots];
    };
    static constexpr uint32_t kDirectorySlots = 64;
    struct Directory {
        Chunk* chunks[kDirectorySlots] = {};
    };

    Slot* slot(uint32_t index) {
        const uint32_t chunk = index / kChunkSlots;
        if (chunk >= chunk_count_) return nullptr;
        return &directories_[chunk / kDirectorySlots]->chunks[chunk % kDirectorySlots]->slots[index % kChunkSlots];
    }
    Result<> add_chunk(uint32_t chunk);
    void link_chunk(uint32_t chunk);
    Result<> grow(unsigned count);
    void push_free(uint32_t index, uint32_t generation);
    void fill(Slot& slot, uint32_t index, Capability&& capability);
    /// Most handles are in the first chunk: the value in a slot tells whether this one is, for it has the whole index.
    [[gnu::always_inline]] Capability* find_or_null(Handle handle) {
        Slot& first = first_chunk_->slots[handle.value % kChunkSlots];
        if (first.value == handle.value) [[likely]]
            return &first.capability;
        return find_beyond(handle);
    }
    [[gnu::always_inline]] Capability* find_beyond(Handle handle) {
        const uint32_t chunk = handle.index() / kChunkSlots;
        if (chunk >= chunk_count_) return nullptr;
        Slot& found = directories_[chunk / kDirectorySlots]->chunks[chunk % kDirectorySlots]->slots[handle.value % kChunkSlots];
        return found.value == handle.value ? &found.capability : nullptr;
    }

    Account& payer_;
    static constexpr uint32_t kDirectories = 16;
    static constexpr uint32_t kSlotsMax = kDirectories * kDirectorySlots * kChunkSlots;
    static_assert(kSlotsMax - 1 <= abi::kHandleIndexMax);
    static Chunk no_slots_;  ///< the first chunk of a table that has none: finds nothing

    Chunk* first_chunk_ = &no_slots_;
    Directory* directories_[kDirectories] = {};
    uint32_t chunk_count_ = 0;
    uint32_t free_list_ = 0;  ///< index, 0 ends the list (index 0 is never used)
    uint32_t free_count_ = 0;
    uint32_t used_ = 0;
};

}  // namespace portico::kernel
