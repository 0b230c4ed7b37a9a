#pragma once

#include <boost/intrusive/set.hpp>

#include "kernel/memory/memory.h"

namespace portico::kernel {

using abi::Access;
using abi::MapFlags;
class AddressSpace;

/// Whether these are whole pages that a user may have.
constexpr bool range_is_valid(uint64_t address, uint64_t page_count) {
    return address % abi::kPageBytes == 0 && page_count > 0 && page_count <= abi::kUserAddressMax / abi::kPageBytes &&
           address >= abi::kUserAddressMin && address <= abi::kUserAddressMax - page_count * abi::kPageBytes;
}

/// A range of an address space that shows a range of a memory object.
class Mapping : public boost::intrusive::set_base_hook<> {
public:
    uint64_t address = 0;
    uint64_t page_count = 0;
    uint64_t first_page = 0;  ///< in the memory object
    Access access = Access::None;
    Access access_max = Access::None;  ///< what the handle it was mapped with allowed
    MapFlags flags = MapFlags::None;
    Ref<Memory> memory;
    AddressSpace* space = nullptr;
    Mapping* next_of_memory = nullptr;
    Mapping* previous_of_memory = nullptr;

    abi::MappingInfo describe() const;
    uint64_t end() const { return address + page_count * abi::kPageBytes; }
    /// Whether only its space, and that by this mapping alone, can see or change these pages. Errors: InvalidArgument, BadAddress.
    Result<> demand_private(uint64_t first, uint64_t count) const {
        if (!allows(access, Access::ReadWrite) || has(flags, MapFlags::Shared)) return fail(Error::InvalidArgument);
        if (!memory->shows_only_in(*this, first, count)) return fail(Error::InvalidArgument);
        if (first + count > memory->size_pages()) return fail(Error::BadAddress);
        return {};
    }
    bool operator<(const Mapping& other) const { return address < other.address; }
};

/// How pages go with a message: the sender loses them, or keeps them too, both sides copying on write.
enum class Passing : uint8_t { Move, Copy };

/// Which memory objects are visible where, and the page table that caches it.
///
/// Ownership: processes and handles refer to it; it owns its mappings and page table, mappings refer to memory objects.
/// Locks:     the kernel lock.
class AddressSpace final : public Object {
public:
    static constexpr ObjectType kType = ObjectType::AddressSpace;

    AddressSpace() : Object(kType) {}
    ~AddressSpace() override;
    static Result<Ref<AddressSpace>> create(Account& payer);

    /// Maps pages of `memory`. `address` is exact with MapFlags::Fixed, else a hint. Returns where.
    /// Errors: InvalidArgument, Overlap, NoSpace, NoMemory; WouldBlock if so much is to be unmapped there that this must be called again.
    /// With Fixed a failure may have unmapped what was there.
    Result<uint64_t> map(Ref<Memory> memory, uint64_t first_page, uint64_t address, uint64_t page_count, MapFlags flags, Access access_max);
    Result<> unmap(uint64_t address, uint64_t page_count);
    /// The same for as many pages as one kernel entry has steps for; returns how many, so that the rest can be done by others.
    Result<uint64_t> unmap_some(uint64_t address, uint64_t page_count);
    Result<uint64_t> protect_some(uint64_t address, uint64_t page_count, Access access);
    /// The first mapping that ends above `address`; null if none.
    Mapping* mapping_above(uint64_t address);

    /// The RAM behind a user address for this access, as a page fault would find it. Errors: BadAddress, NoMemory.
    Result<PhysicalAddress> resolve(uint64_t address, Access access);
    /// So too, for the kernel's own accesses: it has no view of device memory.
    Result<uint8_t*> resolve_ram(uint64_t address, Access access);
    Result<> copy_pages(uint64_t to_address, AddressSpace& from, uint64_t from_address, uint64_t bytes);  ///< copy_between of longer ranges

    /// Copies between kernel memory and this space, page by page. Errors: BadAddress, NoMemory; then a part may be copied.
    /// Both sides may be the same page: a program may copy between an object and where it is mapped.
    Result<> copy_in(void* to, uint64_t from_address, uint64_t bytes);
    Result<> copy_out(uint64_t to_address, const void* from, uint64_t bytes);
    template <class T>
    Result<T> read(uint64_t address) {
        T value;
        TRY(copy_in(&value, address, sizeof(T)));
        return value;
    }
    template <class T>
    Result<> write(uint64_t address, const T& value) {
        return copy_out(address, &value, sizeof(T));
    }

    /// Fills `clone`, empty, with copies of all mappings: shared ones share, private writable ones are cloned copy-on-write.
    Result<> clone_into(AddressSpace& clone);

    // Pages that leave with a message and arrive with one (page_transfer.cpp). Both ranges must be private, anonymous and writable,
    // with nobody else to see or change what is in flight. A page never written is passed as none (address 0).

    /// Lists the pages of a range, which has as many as `pages`; moved ones that are shared are copied ahead, and not referred to yet.
    /// The range does not change. Errors: InvalidArgument (not such memory), BadAddress (not mapped), NoMemory, kPageAbsent; then nothing
    /// is listed.
    Result<> list_pages(uint64_t address, Passing how, std::span<PhysicalAddress> pages);
    /// Gives listed pages away, each with a reference, out of reach of every CPU. Nothing may have happened since list_pages.
    void detach_pages(uint64_t address, Passing how, std::span<PhysicalAddress> pages);
    /// Puts pages in the place of those in a range, and their references with them; moved ones are this space's to pay from now on.
    /// Leaves `pages` empty. Errors as list_pages; then nothing has arrived.
    Result<> attach_pages(uint64_t address, Passing how, std::span<PhysicalAddress> pages);

    // The same at once for one page that moves (single_page.cpp). None, or false: something unusual is in the way, and nothing has changed.

    PhysicalAddress detach_single(uint64_t address);
    bool attach_single(uint64_t address, PhysicalAddress page);

    /// For those who look on: the first mapping that ends above an address, and its pages from there on, as far as there are steps.
    /// Errors: NotFound.
    Result<abi::MappingUsage> inspect(uint64_t address);

    arch::PageTable& page_table() { return table_; }
    uint64_t mapped_bytes() const { return mapped_pages_ * abi::kPageBytes; }
    uint64_t resident_bytes() const;

private:
    /// A CPU may still have it loaded: it keeps the last reference then until it loads another.
    void doom() override;

    /// The same for a page that the page table does not show for this access.
    Result<PhysicalAddress> find_page(uint64_t page, Access access);

    using Mappings = boost::intrusive::set<Mapping>;

    Result<Mapping*> insert(Ref<Memory> memory, uint64_t first_page, uint64_t address, uint64_t page_count, MapFlags flags, Access access,
                            Access access_max);
    Result<> split(Mapping& mapping, uint64_t address);
    void map_around(const Mapping& mapping, uint64_t page);
    void remove(Mapping& mapping);
    bool forget(Mapping& mapping, const AddressSpace* dying, Steps& steps);
    uint64_t reach(const Mapping& mapping, uint64_t end, Steps& steps) const;
    uint64_t weaken(const Mapping& mapping, Access access, Steps& steps);
    bool dismantle(Steps& steps) override;
    Result<bool> clear_in_place(const Mapping& mapping, uint64_t address, uint64_t page_count, MapFlags flags);
    bool extend_below(const Ref<Memory>& memory, uint64_t address, uint64_t page_count, MapFlags flags);
    Result<uint64_t> find_gap(uint64_t hint, uint64_t page_count);
    Mappings::iterator first_above(uint64_t address);
    struct SinglePlace;
    SinglePlace find_single(uint64_t address);
    template <class Visit>
    Result<> for_each_piece(uint64_t address, uint64_t page_count, Visit visit);
    Result<> prepare_places(uint64_t address, std::span<const PhysicalAddress> pages);
    Result<> take_over_payment(uint64_t address, std::span<const PhysicalAddress> pages);

    std::unexpected<Error> note_absent(Error error);

    Mappings mappings_;
    Mapping* recent_ = nullptr;  ///< the last one that first_above found; most look where somebody has just looked
    arch::PageTable table_;
    uint64_t mapped_pages_ = 0;
    bool has_table_ = false;
};

/// Makes all CPUs forget a range of addresses of a table.
void shoot_down_range(arch::PageTable& table, uint64_t address, uint64_t page_count);
/// Takes the entries of a range out, and makes all CPUs forget them.
void unmap_and_shoot_down(arch::PageTable& table, uint64_t address, uint64_t page_count);

/// Drops the references to detached pages; leaves none.
void release_pages(std::span<PhysicalAddress> pages);
/// Forgets pages that are only listed, and the copies made for that; leaves none.
void forget_listed_pages(std::span<PhysicalAddress> pages);

/// Copies between two address spaces, page by page. Errors: BadAddress, NoMemory.
Result<> copy_between(AddressSpace& to, uint64_t to_address, AddressSpace& from, uint64_t from_address, uint64_t bytes);

}  // namespace portico::kernel
