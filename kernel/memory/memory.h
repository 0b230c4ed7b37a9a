#pragma once

#include "kernel/memory/page_tree.h"

namespace portico::kernel {

class AddressSpace;
class Mapping;
class Memory;
class Paging;
class Process;
class Sender;
class SwapSpace;

/// Never leaves the kernel: a page must be had from its pager first, Cpu::absent says which. Whoever gets this has changed nothing, and is
/// made again when the page is there (Paging::wait).
inline constexpr Error kPageAbsent = static_cast<Error>(0xFFFF);

struct AbsentPage {
    Memory* memory = nullptr;  ///< a paged one
    uint64_t index = 0;
    abi::Access access = abi::Access::None;
    AddressSpace* space = nullptr;  ///< where it was missed; null: the object itself was read or written
};

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
    /// Makes this one, just made and empty, all of RAM pages that lie one after the other, and its flags DeviceRam. Errors: NoMemory.
    Result<> fill_for_devices();
    ~Memory() override;
    /// Its pages come from a pager. Errors: NoMemory.
    static Result<Ref<Memory>> create_paged(Account& payer, uint64_t size_bytes, Ref<Sender> pager, const Process& maker, uint64_t wait_ns);
    /// The same as the swap space. Errors: NoMemory, WrongState (there is one).
    static Result<Ref<Memory>> create_swap(Account& payer, uint64_t size_bytes, Ref<Sender> pager, const Process& maker, uint64_t wait_ns);

    static constexpr uint64_t kSizeBytesMax = PageTree::kPagesMax * abi::kPageBytes;

    uint64_t size_bytes() const { return size_bytes_; }
    uint64_t size_pages() const { return (size_bytes_ + abi::kPageBytes - 1) / abi::kPageBytes; }
    bool is_device() const { return is_device_; }
    /// Nothing is behind its pages: those that are absent are zero.
    bool is_anonymous() const { return !is_device_ && paging_ == nullptr && !source_; }
    abi::MemoryFlags flags() const { return flags_; }
    /// Whether pages must stay where they are: a device was told.
    bool is_device_ram() const { return has(flags_, abi::MemoryFlags::DeviceRam); }
    /// Where memory for or of devices begins.
    PhysicalAddress base() const { return base_; }
    uint64_t id() const { return id_; }
    uint64_t resident_bytes() const { return tree_.resident_pages() * abi::kPageBytes; }

    struct Page {
        PhysicalAddress address;
        bool may_write = false;
    };
    /// A page to read; the shared zero page if it was never written. Errors: BadAddress past the end, kPageAbsent, NoMemory.
    Result<Page> page_to_read(uint64_t index);
    /// A page to write, exclusively this object's. Errors: BadAddress past the end, kPageAbsent, NoMemory.
    Result<PhysicalAddress> page_to_write(uint64_t index);

    /// For those who look on: whose copy-on-write snapshot this one is, and where.
    struct Origin {
        uint64_t id = 0;  ///< 0: none
        uint64_t first_page = 0;
    };
    const Origin& origin() const { return origin_; }
    void note_origin(const Memory& source, uint64_t first_page) { origin_ = {.id = source.id_, .first_page = first_page}; }
    /// In the copy of an address space: the clone stands for the same.
    void inherit_origin(const Memory& source) { origin_ = source.origin_; }

    /// Makes `clone`, just made and empty, a copy-on-write snapshot of a page range. Errors: InvalidArgument (of or for devices), NoMemory.
    Result<> clone_into(Memory& clone, uint64_t first_page, uint64_t page_count);

    /// Errors: InvalidArgument (of or for devices, too large), NoMemory, WrongState (GrowOnly, and smaller); WouldBlock if so many pages
    /// are behind the new end that this must be called again: then it has the old size, and some of them are gone.
    Result<> resize(uint64_t size_bytes);

    /// Puts an adopted frame at a place, while the object is being made.
    Result<> put(uint64_t index, PhysicalAddress page) { return tree_.put(index, page); }

    // ---- paged objects (paged_memory.cpp); what follows is for their pager

    Paging* paging() const { return paging_; }
    SwapSpace* swap_space() const { return swap_space_; }
    /// How many pages from this one on are absent, up to a bound; at least 1.
    uint64_t absent_run(uint64_t index);
    static constexpr uint64_t kPagesAtOnceMax = 64;
    /// Sees to it that supply() cannot fail: places, and payment for pages that others paid for. Errors: NoMemory, then nothing is charged.
    Result<> prepare_supply(uint64_t first_page, std::span<const PhysicalAddress> pages);
    /// Takes pages with their references for places that are empty, clean; for none the zero page. Others stay in `pages`.
    void supply(uint64_t first_page, std::span<PhysicalAddress> pages);
    /// Which of up to 64 pages are there, and which of these are dirty: bit N for page N.
    struct PageBits {
        uint64_t present = 0, dirty = 0;
    };
    /// For the Reclaimer: looks at up to 64 pages. Of a paged object it lets go of clean ones that were not used since it last did, and
    /// asks the pager for dirty ones; of others it moves those into the swap space. Returns where to go on; kPagesMax behind the last.
    uint64_t give_second_chance(uint64_t first_page);
    /// The page must be had from the pager first: fails with kPageAbsent.
    std::unexpected<Error> miss(uint64_t index, abi::Access access);
    /// Frees the place of a page, whose node is this object's alone and which no mapping shows.
    void let_go(uint64_t index);
    PageBits look_at(uint64_t first_page, uint64_t page_count);
    /// Lets `to` have the dirty ones, shared copy-on-write, at `address` (0: they stay as they are), and does with all of them what the
    /// mode says, which is not Written. Errors: as AddressSpace::attach_pages; then nothing has changed.
    Result<PageBits> detach(uint64_t first_page, uint64_t page_count, AddressSpace& to, uint64_t address, abi::DetachMode mode);
    /// Those that the pager has written since it got them by DetachMode::Copy are clean; lets go of them, but for those that others share,
    /// and frees what landed at `address` (0: does not).
    /// Errors: as AddressSpace::attach_pages; then nothing has changed.
    Result<PageBits> detach_written(uint64_t first_page, uint64_t page_count, AddressSpace& to, uint64_t address);
    /// What the pager had to write is to be written by another one.
    void forget_being_written();

    void add_mapping(Mapping& mapping);
    void remove_mapping(Mapping& mapping);
    bool has_one_mapping() const;
    /// How many mappings show some of these pages, up to a bound.
    uint64_t mapping_count(uint64_t first_page, uint64_t page_count) const;
    /// Whether nobody but one mapping's address space can reach these pages: no handle, no other mapping of them, none elsewhere.
    bool shows_only_in(const Mapping& mapping, uint64_t first_page, uint64_t page_count) const;
    /// For page passing (page_transfer.cpp), which keeps page tables true itself.
    PageTree& tree() { return tree_; }
    /// A mapping of these pages is gone: frees those that no other mapping shows, if no handle can reach them either. The mappings
    /// of the `dying` space, if any, go too.
    /// Of a dying space's only as far as there are steps, true when all are freed.
    bool discard_unreachable(uint64_t first_page, uint64_t page_count, const AddressSpace* dying, Steps& steps);

    /// For one process_clone: the clone already made of this object.
    Ref<Memory> clone_of_round;

    Memory* next_of_clock = nullptr;  ///< see Reclaimer
    Memory* previous_of_clock = nullptr;

private:
    bool dismantle(Steps& steps) override;
    Result<bool> drop_behind(uint64_t first_page);
    Result<> bring_in(uint64_t index);
    void evict_clean(uint64_t first_page, uint64_t page_count);
    void swap_out(uint64_t first_page, uint64_t page_count);
    bool may_swap_out(const uint64_t* slots, uint64_t first_page, uint64_t page_count);
    template <class Visit>
    void for_each_sharer(const uint64_t* slots, uint64_t first_page, Visit visit);
    Result<Page> page_of_source(uint64_t index);
    /// Which of up to 64 pages were used by a mapping since this was last asked: bit N for page N.
    uint64_t take_accessed(uint64_t first_page, uint64_t page_count);
    void invalidate(uint64_t first_page, uint64_t page_count);
    void protect_mappings(uint64_t first_page, uint64_t page_count);

    PageTree tree_;
    uint64_t size_bytes_;
    uint64_t id_;
    PhysicalAddress base_{};
    bool is_device_ = false;
    bool some_being_written_ = false;  ///< maybe: some page, by DetachMode::Copy
    bool shows_zero_page_ = false;     ///< some mapping may: see page_to_write
    abi::MemoryFlags flags_ = abi::MemoryFlags::None;
    Paging* paging_ = nullptr;         ///< owned
    SwapSpace* swap_space_ = nullptr;  ///< owned: what it is besides
    Ref<Memory> source_;               ///< of a clone: the paged object that has its absent pages below source_pages_
    uint64_t source_first_ = 0;        ///< where its first page is there
    uint64_t source_pages_ = 0;
    Origin origin_;
    Memory* next_of_family_ = this;  ///< a ring of those that may share nodes of their trees: of clones and what they were cloned from
    Memory* previous_of_family_ = this;
    Mapping* mappings_ = nullptr;  ///< linked by Mapping::next_of_memory
};

/// The page that stands for all pages never written; made at boot, mapped read-only.
PhysicalAddress zero_page_address();
void create_zero_page(Account& payer);

}  // namespace portico::kernel
