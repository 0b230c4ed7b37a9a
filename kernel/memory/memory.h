#pragma once

#include "kernel/memory/page_tree.h"

namespace portico::kernel {

class Mapping;

/// A memory object: pages that address spaces map.
///
/// Ownership: handles and mappings refer to it; pages are charged to the account that made it.
/// Coherence: page tables are a cache of the page tree. Whatever changes a page (copy on write, truncate) first takes it out of
///            all mappings and shoots it down. Writable entries exist only for exclusive pages.
class Memory final : public Object {
public:
    static constexpr ObjectType kType = ObjectType::Memory;

    /// Anonymous, zero until touched.
    Memory(Account& payer, uint64_t size_bytes, abi::MemoryFlags flags = abi::MemoryFlags::None);
    /// Device memory: not RAM, never freed, mapped uncached.
    Memory(Account& payer, PhysicalAddress base, uint64_t size_bytes);
    ~Memory() override;

    static constexpr uint64_t kSizeBytesMax = PageTree::kPagesMax * abi::kPageBytes;

    uint64_t size_bytes() const { return size_bytes_; }
    uint64_t size_pages() const { return (size_bytes_ + abi::kPageBytes - 1) / abi::kPageBytes; }
    bool is_device() const { return is_device_; }
    abi::MemoryFlags flags() const { return flags_; }
    uint64_t id() const { return id_; }
    uint64_t resident_bytes() const { return tree_.resident_pages() * abi::kPageBytes; }

    struct Page {
        PhysicalAddress address;
        bool may_write = false;
    };
    /// A page to read; the shared zero page if it was never written. Errors: BadAddress past the end.
    Result<Page> page_to_read(uint64_t index);
    /// A page to write, exclusively this object's. Errors: BadAddress past the end, NoMemory.
    Result<PhysicalAddress> page_to_write(uint64_t index);

    /// Makes `clone`, just made and empty, a copy-on-write snapshot of a page range. Errors: NoMemory.
    Result<> clone_into(Memory& clone, uint64_t first_page, uint64_t page_count);

    /// Errors: InvalidArgument (device, too large), NoMemory, WrongState (GrowOnly, and smaller).
    Result<> resize(uint64_t size_bytes);

    /// Puts an adopted frame at a place, while the object is being made.
    Result<> put(uint64_t index, PhysicalAddress page) { return tree_.put(index, page); }

    void add_mapping(Mapping& mapping);
    void remove_mapping(Mapping& mapping);
    bool has_one_mapping() const;
    /// Whether nobody but one mapping's address space can reach these pages: no handle, no other mapping of them, none elsewhere.
    bool shows_only_in(const Mapping& mapping, uint64_t first_page, uint64_t page_count) const;
    /// For page passing (page_transfer.cpp), which keeps page tables true itself.
    PageTree& tree() { return tree_; }
    /// A mapping of these pages is gone: frees those that no other mapping shows, if no handle can reach them either.
    void discard_unreachable(uint64_t first_page, uint64_t page_count);

    /// For one process_clone: the clone already made of this object.
    Ref<Memory> clone_of_round;

private:
    void invalidate(uint64_t first_page, uint64_t page_count);
    void protect_mappings(uint64_t first_page, uint64_t page_count);

    PageTree tree_;
    uint64_t size_bytes_;
    uint64_t id_;
    PhysicalAddress device_base_{};
    bool is_device_ = false;
    abi::MemoryFlags flags_ = abi::MemoryFlags::None;
    Mapping* mappings_ = nullptr;  ///< linked by Mapping::next_of_memory
};

/// The page that stands for all pages never written; made at boot, mapped read-only.
PhysicalAddress zero_page_address();
void create_zero_page(Account& payer);

}  // namespace portico::kernel
