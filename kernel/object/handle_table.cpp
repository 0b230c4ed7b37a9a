#include "kernel/object/handle_table.h"

namespace portico::kernel {

constinit HandleTable::Chunk HandleTable::no_slots_{{{.value = kNobodys}}};

Result<> HandleTable::add_chunk(uint32_t chunk) {
    if (chunk >= std::size(directories_) * kDirectorySlots) return fail(Error::NoSpace);
    Directory*& directory = directories_[chunk / kDirectorySlots];
    if (directory == nullptr) directory = TRY(heap.make<Directory>(payer_));
    directory->chunks[chunk % kDirectorySlots] = TRY(heap.make<Chunk>(payer_));
    if (chunk == 0) {
        first_chunk_ = directory->chunks[0];
        first_chunk_->slots[0].value = kNobodys;
    }
    chunk_count_ = chunk + 1;
    return {};
}

/// Puts the slots of a new chunk on the free list, the lowest first.
void HandleTable::link_chunk(uint32_t chunk) {
    for (uint32_t i = kChunkSlots; i-- > 0;) {
        const uint32_t index = chunk * kChunkSlots + i;
        if (index != 0) push_free(index, 0);
    }
}

void HandleTable::push_free(uint32_t index, uint32_t generation) {
    slot(index)->link = static_cast<uint32_t>(Handle::make(free_list_, generation).value);
    free_list_ = index;
    ++free_count_;
}

/// Puts a capability into a slot that has left the free list.
void HandleTable::fill(Slot& slot, uint32_t index, Capability&& capability) {
    slot.capability = std::move(capability);
    slot.value = static_cast<uint32_t>(Handle::make(index, Handle{slot.link}.generation()).value);
    --free_count_;
    ++used_;
}

Result<> HandleTable::grow(unsigned count) {
    while (free_count_ < count) {
        TRY(add_chunk(chunk_count_));
        link_chunk(chunk_count_ - 1);
    }
    return {};
}

Result<Handle> HandleTable::add(Capability&& capability) {
    TRY(reserve(1));
    return add_reserved(std::move(capability));
}

Handle HandleTable::add_reserved(Capability&& capability) {
    const uint32_t index = free_list_;
    Slot& free = *slot(index);
    free_list_ = free.next();
    fill(free, index, std::move(capability));
    return Handle{free.value};
}

Result<Handle> HandleTable::put(uint32_t index, Capability&& capability) {
    if (index == 0) return add(std::move(capability));
    if (index >= kSlotsMax) return fail(Error::InvalidArgument);
    while (slot(index) == nullptr) {
        TRY(add_chunk(chunk_count_));
        link_chunk(chunk_count_ - 1);
    }
    Slot& target = *slot(index);
    if (target.value != 0) {
        const Capability closed = std::exchange(target.capability, std::move(capability));
        return Handle{target.value};
    }
    if (free_list_ == index) {
        free_list_ = target.next();
    } else {
        Slot* before = slot(free_list_);
        while (before->next() != index) before = slot(before->next());
        before->set_next(target.next());
    }
    fill(target, index, std::move(capability));
    return Handle{target.value};
}

Result<Capability> HandleTable::take(Handle handle) {
    TRY(find(handle));
    Slot& taken = *slot(handle.index());
    Capability capability = std::move(taken.capability);
    taken.value = 0;
    push_free(handle.index(), handle.generation() + 1);
    --used_;
    return capability;
}

Result<> HandleTable::close(Handle handle) {
    const Capability closed = TRY(take(handle));
    return {};
}

Result<> HandleTable::copy_from(const HandleTable& other) {
    ASSERT(chunk_count_ == 0);
    for (uint32_t chunk = 0; chunk < other.chunk_count_; ++chunk) TRY(add_chunk(chunk));
    for (uint32_t index = 0; index < chunk_count_ * kChunkSlots; index += kChunkSlots) {
        const Slot* const from = const_cast<HandleTable&>(other).slot(index);
        Slot* const to = slot(index);
        for (uint32_t i = 0; i < kChunkSlots; ++i) {
            to[i].value = from[i].value;
            to[i].link = from[i].link;
            if (from[i].value != 0) to[i].capability = from[i].capability.duplicate();
        }
    }
    free_list_ = other.free_list_;
    free_count_ = other.free_count_;
    used_ = other.used_;
    return {};
}

void HandleTable::clear() {
    first_chunk_ = &no_slots_;
    for (uint32_t chunk = 0; chunk < chunk_count_; ++chunk)
        heap.destroy(std::exchange(directories_[chunk / kDirectorySlots]->chunks[chunk % kDirectorySlots], nullptr), payer_);
    for (Directory*& directory : directories_)
        if (directory != nullptr) heap.destroy(std::exchange(directory, nullptr), payer_);
    chunk_count_ = 0;
    free_list_ = 0;
    free_count_ = 0;
    used_ = 0;
}

}  // namespace portico::kernel
