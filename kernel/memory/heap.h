#pragma once

#include <cstddef>
#include <new>
#include <utility>

#include "kernel/memory/frame_allocator.h"
#include "kernel/object/object.h"

namespace portico::kernel {

/// Memory for kernel objects: size classes cut from single pages, each block charged to an account. Blocks are 16-aligned.
/// A page whose blocks are all free goes back to the frame allocator.
///
/// Locks: the kernel lock. Bound: accounts; a block is at most kBlockBytesMax long.
class Heap {
public:
    static constexpr size_t kBlockBytesMax = 4064;

    /// Errors: NoMemory.
    Result<void*> allocate(size_t bytes, Account& payer) { return allocate_class(class_of(bytes), payer); }
    void free(void* block, Account& payer);
    uint64_t page_count() const { return page_count_; }

    template <class T, class... Arguments>
    Result<T*> make(Account& payer, Arguments&&... arguments) {
        constexpr unsigned kClass = class_of(sizeof(T));
        static_assert(kClass < kClasses);
        void* block = TRY(allocate_class(kClass, payer));
        return new (block) T(std::forward<Arguments>(arguments)...);
    }
    template <class T>
    void destroy(T* object, Account& payer) {
        object->~T();
        free(object, payer);
    }

private:
    struct Page;
    static constexpr unsigned kClasses = 19;
    static constexpr uint16_t kClassBytes[kClasses] = {32,  48,  64,  96,  128, 160,  192,  224,  256, 336,
                                                       400, 496, 576, 672, 800, 1008, 1344, 2032, 4064};

    static constexpr unsigned class_of(size_t bytes) {
        unsigned size_class = 0;
        while (size_class < kClasses && kClassBytes[size_class] < bytes) ++size_class;
        return size_class;
    }

    Result<void*> allocate_class(unsigned size_class, Account& payer);
    Page* add_page(unsigned size_class, const Account& user);

    Page* partial_[kClasses] = {};  ///< pages of the class with free blocks, doubly linked
    uint64_t page_count_ = 0;
};

extern Heap heap;

/// Makes objects that handles can name, charged to an account.
struct ObjectAllocator {
    template <class T, class... Arguments>
    static Result<Ref<T>> create(Account& payer, Arguments&&... arguments) {
        T* object = TRY((heap.make<T>(payer, std::forward<Arguments>(arguments)...)));
        object->payer_ = &payer;
        payer.add_reference();
        payer.count_object(1);
        return Ref<T>(*object);
    }
    static void destroy(Object* object);
};

template <class T, class... Arguments>
Result<Ref<T>> create_object(Account& payer, Arguments&&... arguments) {
    return ObjectAllocator::create<T>(payer, std::forward<Arguments>(arguments)...);
}

}  // namespace portico::kernel
