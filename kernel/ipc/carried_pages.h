#pragma once

#include "kernel/memory/address_space.h"

namespace portico::kernel {

/// Neighbouring pages of an address space as registers name them: unchecked.
struct PageRange {
    uint64_t address = 0;
    uint32_t bytes = 0;
};

/// Pages in flight. They are the sender's until the message is posted and the receiver's when it is taken; those of a message that is
/// dropped in between are freed. Their sender pays for them until they land.
///
///     none ──reserve──▶ reserved ──take──▶ in flight ──land──▶ none
///       ▲───────────────────┴──────drop────────┘
///
/// Ownership: in flight, one reference to each page.
/// Bound:     kMessagePagesMax pages; a list of more than one is charged to who sends.
class CarriedPages {
public:
    CarriedPages() = default;
    CarriedPages(CarriedPages&& other) noexcept { swap(other); }
    CarriedPages& operator=(CarriedPages&& other) noexcept {
        swap(other);
        return *this;
    }
    ~CarriedPages() { drop(); }

    bool empty() const { return count_ == 0; }
    uint32_t bytes() const { return count_ * static_cast<uint32_t>(abi::kPageBytes); }

    /// Lists the pages of a range; it does not change, and nothing may happen in it before take(). Errors: InvalidArgument,
    /// BadAddress, NoMemory.
    Result<> reserve(AddressSpace& from, const PageRange& source, Passing how, Account& payer);
    /// Takes the pages out of the sender's reach, or shares them.
    void take(AddressSpace& from, const PageRange& source);
    /// Both for a single page that moves. False: it takes the other two.
    bool take_single(AddressSpace& from, const PageRange& source) {
        ASSERT(empty());
        if (source.bytes != abi::kPageBytes) return false;
        only_ = from.detach_single(source.address);
        if (only_.value == 0) return false;
        count_ = 1;
        how_ = Passing::Move;
        taken_ = true;
        return true;
    }
    /// Puts them at the start of a range. Errors as reserve, TooLarge; then they are in flight as before.
    Result<> land(AddressSpace& to, const PageRange& landing);
    void drop();

private:
    /// A block of the heap, for more than one page.
    struct List {
        Account* payer;
        PhysicalAddress pages[];
    };
    std::span<PhysicalAddress> pages() { return {count_ == 1 ? &only_ : list_->pages, count_}; }
    void free_list();
    void swap(CarriedPages& other) {
        std::swap(list_, other.list_);  // or only_
        std::swap(count_, other.count_);
        std::swap(how_, other.how_);
        std::swap(taken_, other.taken_);
    }

    union {
        PhysicalAddress only_{};  ///< one page needs no list
        List* list_;
    };
    uint16_t count_ = 0;
    Passing how_ = Passing::Move;
    bool taken_ = false;
};

}  // namespace portico::kernel
