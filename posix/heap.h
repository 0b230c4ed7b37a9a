#pragma once

#include <cstddef>
#include <new>
#include <utility>

/// Memory for the library's own objects, on pages of its own above kRuntimeBase. One heap an address space, so a vfork
/// child uses its parent's.
namespace portico::posix::heap {

/// 16-byte aligned, not cleared; null without memory. Blocks over a quarter of a page are mapped by themselves.
void* allocate(size_t length_bytes);
void release(void* block);  ///< null is fine

/// Whole pages inside the library's region, zeroed; null without memory. Reused page ranges are zeroed again.
void* allocate_pages(size_t length_bytes);
void release_pages(void* pages, size_t length_bytes);

/// In a fork's only thread: the lock's holder is not here (fork holds it itself, so the heap is consistent).
void lock_for_fork();
void unlock_after_fork();

template <class T, class... Arguments>
T* make(Arguments&&... arguments) {
    void* block = allocate(sizeof(T));
    if (block == nullptr) return nullptr;
    if constexpr (sizeof...(Arguments) == 0)
        return ::new (block) T;  // what its constructor leaves alone is not cleared
    else
        return ::new (block) T(std::forward<Arguments>(arguments)...);
}

template <class T>
void destroy(T* object) {
    if (object == nullptr) return;
    object->~T();
    release(object);
}

}  // namespace portico::posix::heap
