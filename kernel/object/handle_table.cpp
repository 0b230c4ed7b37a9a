#include "kernel/object/handle_table.h"

namespace portico::kernel {

HandleTable::Slot* HandleTable::slot(uint32_t index) {
    const uint32_t chunk = index / kChunkSlots;
    if (chunk >= chunk_count_) return nullptr;
    return &directories_[chunk / kDirectorySlots]->chunks[chunk % kDirectorySlots]->slots[index % kChunkSlots];
}

Result<Capability*> HandleTable::find(Handle handle) {
    Slot* found = (handle.value >> 32) == 0 ? slot(handle.index()) : nullptr;
    if (found == nullptr || !found->capability || found->generation != handle.generation()) return fail(Error::BadHandle);
    return &found->capability;
}

Result<> HandleTable::add_chunk(uint32_t chunk) {
    if (chunk >= std::size(directories_) * kDirectorySlots) return fail(Error::NoSpace);
    Directory*& directory = directories_[chunk / kDirectorySlots];
    if (directory == nullptr) directory = TRY(heap.make<Directory>(payer_));
    directory->chunks[chunk % kDirectorySlots] = TRY(heap.make<Chunk>(payer_));
    chunk_count_ = chunk + 1;
    return {};
}

/// Puts the slots of a new chunk on the free list, the lowest first.
void HandleTable::link_chunk(uint32_t chunk) {
    for (uint32_t i = kChunkSlots; i-- > 0;) {
        const uint32_t index = chunk * kChunkSlots + i;
        if (index == 0) continue;
        slot(index)->next_free = free_list_;
        free_list_ = index;
        ++free_count_;
    }
}

Result<> HandleTable::reserve(unsigned count) {
    while (free_count_ < count) {
        TRY(add_chunk(chunk_count_));
        link_chunk(chunk_count_ - 1);
    }
    return {};
}

Result<Handle> HandleTable::add(Capability&& capability) {
    TRY(reserve(1));
    const uint32_t index = free_list_;
    Slot& free = *slot(index);
    free_list_ = free.next_free;
    --free_count_;
    ++used_;
    free.capability = std::move(capability);
    return Handle::make(index, free.generation);
}

Result<Handle> HandleTable::put(uint32_t index, Capability&& capability) {
    if (index == 0) return add(std::move(capability));
    if (index >= kSlotsMax) return fail(Error::InvalidArgument);
    while (slot(index) == nullptr) {
        TRY(add_chunk(chunk_count_));
        link_chunk(chunk_count_ - 1);
    }
    Slot& target = *slot(index);
    if (!target.capability) {
        uint32_t* link = &free_list_;
        while (*link != index) link = &slot(*link)->next_free;
        *link = target.next_free;
        --free_count_;
        ++used_;
    }
    Capability closed = std::exchange(target.capability, std::move(capability));
    return Handle::make(index, target.generation);
}

Result<Capability> HandleTable::take(Handle handle) {
    TRY(find(handle));
    Slot& taken = *slot(handle.index());
    Capability capability = std::move(taken.capability);
    taken.generation = (taken.generation + 1) & 0xFFF;
    taken.next_free = free_list_;
    free_list_ = handle.index();
    ++free_count_;
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
    for (uint32_t index = 0; index < chunk_count_ * kChunkSlots; ++index) {
        const Slot& from = *const_cast<HandleTable&>(other).slot(index);
        Slot& to = *slot(index);
        to.generation = from.generation;
        to.next_free = from.next_free;
        to.capability = from.capability.duplicate();
    }
    free_list_ = other.free_list_;
    free_count_ = other.free_count_;
    used_ = other.used_;
    return {};
}

void HandleTable::clear() {
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
