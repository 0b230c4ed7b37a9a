#include "kernel/memory/heap.h"

#include "kernel/memory/poison.h"
#include "kernel/sched/attention.h"

namespace portico::kernel {

Heap heap;

namespace {

/// Pays for the pages themselves, so that blocks, not pages, are charged to the accounts of their users.
Account& heap_account() {
    alignas(Account) static unsigned char storage[sizeof(Account)];
    static Account* account = nullptr;
    if (account == nullptr) account = new (storage) Account(nullptr, ~uint64_t{0});
    return *account;
}

struct FreeBlock {
    FreeBlock* next;
};

}  // namespace

struct Heap::Page {
    Page* next;
    Page* previous;
    FreeBlock* free_list;
    uint16_t size_class;
    uint16_t used;
    uint16_t capacity;
    uint16_t fresh;  ///< blocks from here on were never used

    static constexpr size_t kHeaderBytes = 32;
    uint8_t* block(unsigned index) { return reinterpret_cast<uint8_t*>(this) + kHeaderBytes + size_t{index} * kClassBytes[size_class]; }
    bool full() const { return used == capacity; }
};

/// Null if there is no memory that `user` may have.
Heap::Page* Heap::add_page(unsigned size_class, const Account& user) {
    static_assert(sizeof(Page) <= Page::kHeaderBytes);
    if (!frames.has_for(user)) {
        frames.note_refused(user);
        return nullptr;
    }
    const Result<PhysicalAddress> frame = frames.allocate(heap_account());
    if (!frame) return nullptr;
    Page* page = static_cast<Page*>(arch::to_virtual(*frame));
    *page = {};
    page->size_class = static_cast<uint16_t>(size_class);
    page->capacity = static_cast<uint16_t>((abi::kPageBytes - Page::kHeaderBytes) / kClassBytes[size_class]);
    page->next = partial_[size_class];
    if (page->next != nullptr) page->next->previous = page;
    partial_[size_class] = page;
    ++page_count_;
    return page;
}

Result<void*> Heap::allocate_class(unsigned size_class, Account& payer) {
    ASSERT(size_class < kClasses);
    if (FrameAllocator::should_fail()) return fail(Error::NoMemory);
    TRY(payer.charge(kClassBytes[size_class]));
    Page* page = partial_[size_class];
    if (page == nullptr) page = add_page(size_class, payer);
    if (page == nullptr) {
        payer.refund(kClassBytes[size_class]);
        return fail(Error::NoMemory);
    }
    void* block = page->free_list;
    if (block != nullptr)
        page->free_list = page->free_list->next;
    else
        block = page->block(page->fresh++);
    unpoison(block, kClassBytes[size_class]);
    if (++page->used == page->capacity) {
        partial_[size_class] = page->next;
        if (page->next != nullptr) page->next->previous = nullptr;
        page->next = nullptr;
    }
    return block;
}

void Heap::free(void* block, Account& payer) {
    Page* page = reinterpret_cast<Page*>(reinterpret_cast<uint64_t>(block) & ~(abi::kPageBytes - 1));
    const unsigned size_class = page->size_class;
    ASSERT(size_class < kClasses);
    ASSERT(page->used > 0);
    const bool was_full = page->full();
    page->free_list = new (block) FreeBlock{page->free_list};
    poison(page->free_list + 1, kClassBytes[size_class] - sizeof(FreeBlock));
    --page->used;
    if (was_full) {
        page->previous = nullptr;
        page->next = partial_[size_class];
        if (page->next != nullptr) page->next->previous = page;
        partial_[size_class] = page;
    }
    if (page->used == 0) {
        if (page->previous != nullptr)
            page->previous->next = page->next;
        else
            partial_[size_class] = page->next;
        if (page->next != nullptr) page->next->previous = page->previous;
        --page_count_;
        frames.free(arch::to_physical(page));
    }
    payer.refund(kClassBytes[size_class]);
}

void ObjectAllocator::destroy(Object* object) {
    Account* payer = object->payer_;
    object->~Object();
    heap.free(object, *payer);
    payer->count_object(-1);
    payer->drop_reference();
}

namespace {
Object* put_off = nullptr;
Object* unfinished = nullptr;  ///< destroyed in parts; nobody refers to them
}  // namespace

void Object::later(Later work) {
    if (later_ == 0) {
        next_later_ = put_off;
        put_off = this;
        request_attention();
    }
    later_ |= work;
}

void Object::do_put_off(uint8_t work) {
    const bool was_referenced = references_less_one_ >= 0;
    ++references_less_one_;
    if ((work & kUnreachable) != 0 && handles_less_one_ < 0) on_unreachable();
    if ((work & kEnd) != 0) on_end();
    if (--references_less_one_ >= 0) return;
    if (was_referenced)
        doom();
    else if ((work & kDestroy) != 0)
        later(kDestroy);
}

void Object::reap() {
    Steps steps;
    for (;;) {
        while (put_off != nullptr) {
            Object* object = put_off;
            put_off = object->next_later_;
            const uint8_t work = std::exchange(object->later_, uint8_t{0});
            if (work != kDestroy)
                object->do_put_off(work);
            else if (object->references_less_one_ < 0)
                object->destroy(steps);
        }
        if (unfinished == nullptr) return;
        if (steps.spent()) return request_attention();
        Object* object = unfinished;
        unfinished = object->next_later_;
        object->destroy(steps);
    }
}

void Object::destroy(Steps& steps) {
    if (dismantle(steps)) return ObjectAllocator::destroy(this);
    next_later_ = unfinished;
    unfinished = this;
}

bool Object::is_reaped() {
    return unfinished == nullptr;
}

}  // namespace portico::kernel
