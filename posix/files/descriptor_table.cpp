#include "posix/files/descriptor_table.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "abi/types.h"
#include "posix/heap.h"
#include "runtime/native.h"

namespace portico::posix {
namespace {

constexpr uint32_t kCloseOnExecFlag = 1;  // BootDescriptor::flags

constexpr uint64_t whole_pages(uint64_t bytes) {
    return (bytes + abi::kPageBytes - 1) / abi::kPageBytes * abi::kPageBytes;
}

}  // namespace

DescriptorTable::Slot* DescriptorTable::filled_locked(int64_t number) const {
    if (number < 0 || number >= slot_count_ || slots_[number].state != State::Filled) return nullptr;
    return &slots_[number];
}

void DescriptorTable::free_locked(uint64_t number) {
    slots_[number] = {};
    lowest_free_ = std::min(lowest_free_, static_cast<uint32_t>(number));
}

Result<> DescriptorTable::grow_locked(uint64_t slots_needed) {
    static_assert(abi::kPageBytes % sizeof(Slot) == 0, "pages hold whole slots, so slot_count_ tells how many pages there are");
    if (slots_needed <= slot_count_) return {};
    if (slots_needed > kDescriptorsMax) return fail(Error::NoSpace);
    const uint64_t wanted = std::min<uint64_t>(std::max<uint64_t>(slots_needed, uint64_t{slot_count_} * 2), kDescriptorsMax);
    const uint64_t bytes = whole_pages(wanted * sizeof(Slot));
    auto* grown = static_cast<Slot*>(heap::allocate_pages(bytes));  // zeros are free slots
    if (grown == nullptr) return fail(Error::NoMemory);
    if (slots_ != nullptr) {
        std::memcpy(static_cast<void*>(grown), slots_, slot_count_ * sizeof(Slot));
        heap::release_pages(slots_, slot_count_ * sizeof(Slot));
    }
    slots_ = grown;
    slot_count_ = static_cast<uint32_t>(bytes / sizeof(Slot));
    return {};
}

Result<Descriptor> DescriptorTable::get(int64_t number) const {
    const MutexGuard guard(mutex_);
    const Slot* slot = filled_locked(number);
    if (slot == nullptr) return fail(Error::BadHandle);
    return slot->descriptor;
}

Result<int32_t> DescriptorTable::reserve(uint64_t minimum, uint64_t limit) {
    const MutexGuard guard(mutex_);
    uint64_t number = std::max<uint64_t>(minimum, lowest_free_);
    while (number < slot_count_ && slots_[number].state != State::Free) ++number;
    if (number >= std::min<uint64_t>(limit, kDescriptorsMax)) return fail(Error::NoSpace);
    TRY(grow_locked(number + 1));
    slots_[number].state = State::Reserved;
    if (minimum <= lowest_free_) lowest_free_ = static_cast<uint32_t>(number) + 1;
    return static_cast<int32_t>(number);
}

void DescriptorTable::fill_locked(uint64_t number, const Descriptor& descriptor) {
    slots_[number] = {descriptor, State::Filled};
    filled_end_ = std::max(filled_end_, static_cast<uint32_t>(number) + 1);
}

void DescriptorTable::fill(int32_t number, const Descriptor& descriptor) {
    const MutexGuard guard(mutex_);
    fill_locked(static_cast<uint64_t>(number), descriptor);
}

void DescriptorTable::cancel(int32_t number) {
    const MutexGuard guard(mutex_);
    free_locked(static_cast<uint64_t>(number));
}

Result<Descriptor> DescriptorTable::replace(int64_t number, const Descriptor& descriptor, uint64_t limit) {
    const MutexGuard guard(mutex_);
    if (number < 0 || static_cast<uint64_t>(number) >= std::min<uint64_t>(limit, kDescriptorsMax)) return fail(Error::BadHandle);
    TRY(grow_locked(static_cast<uint64_t>(number) + 1));
    Slot& slot = slots_[number];
    if (slot.state == State::Reserved) return fail(Error::Busy);
    const Descriptor before = slot.state == State::Filled ? slot.descriptor : Descriptor{};
    fill_locked(static_cast<uint64_t>(number), descriptor);
    return before;
}

Result<Descriptor> DescriptorTable::take(int64_t number) {
    const MutexGuard guard(mutex_);
    const Slot* slot = filled_locked(number);
    if (slot == nullptr) return fail(Error::BadHandle);
    const Descriptor taken = slot->descriptor;
    free_locked(static_cast<uint64_t>(number));
    return taken;
}

uint32_t DescriptorTable::take_range(uint64_t first, uint64_t last, std::span<Descriptor> taken) {
    const MutexGuard guard(mutex_);
    uint32_t count = 0;
    for (uint64_t number = first; number <= last && number < filled_end_ && count < taken.size(); ++number) {
        if (slots_[number].state != State::Filled) continue;
        taken[count++] = slots_[number].descriptor;
        free_locked(number);
    }
    return count;
}

Result<> DescriptorTable::set_close_on_exec(int64_t number, bool close_on_exec) {
    const MutexGuard guard(mutex_);
    Slot* slot = filled_locked(number);
    if (slot == nullptr) return fail(Error::BadHandle);
    slot->descriptor.close_on_exec = close_on_exec;
    return {};
}

void DescriptorTable::set_close_on_exec_range(uint64_t first, uint64_t last) {
    const MutexGuard guard(mutex_);
    for (uint64_t number = first; number <= last && number < filled_end_; ++number)
        if (slots_[number].state == State::Filled) slots_[number].descriptor.close_on_exec = true;
}

void DescriptorTable::note_terminal(int64_t number, abi::Handle handle, TerminalHint hint) {
    const MutexGuard guard(mutex_);
    Slot* slot = filled_locked(number);
    if (slot != nullptr && slot->descriptor.handle == handle) slot->descriptor.terminal = hint;
}

uint32_t DescriptorTable::list(std::span<abi::BootDescriptor> records) const {
    uint32_t count = 0;
    for_each([&](int32_t number, const Descriptor& descriptor) {
        if (count < records.size())
            records[count] = {.number = static_cast<uint32_t>(number),
                              .flags = descriptor.close_on_exec ? kCloseOnExecFlag : 0,
                              .kind = static_cast<uint32_t>(descriptor.kind),
                              .status = descriptor.status,
                              .handle = descriptor.handle};
        ++count;
    });
    return count;
}

Result<> DescriptorTable::install(const abi::BootDescriptor& record) {
    const MutexGuard guard(mutex_);
    if (record.number >= kDescriptorsMax) return fail(Error::InvalidArgument);
    TRY(grow_locked(uint64_t{record.number} + 1));
    if (slots_[record.number].state != State::Free) return fail(Error::InvalidArgument);
    fill_locked(record.number, {.handle = record.handle,
                                .kind = static_cast<protocols::file::Kind>(record.kind),
                                .status = record.status,
                                .close_on_exec = (record.flags & kCloseOnExecFlag) != 0});
    return {};
}

void DescriptorTable::close_marked() {
    const MutexGuard guard(mutex_);  // at start there is one thread: nobody waits for the lock
    for (uint32_t number = 0; number < filled_end_; ++number) {
        if (slots_[number].state != State::Filled || !slots_[number].descriptor.close_on_exec) continue;
        native::close(slots_[number].descriptor.handle);
        free_locked(number);
    }
}

Result<> DescriptorTable::copy_from(const DescriptorTable& other) {
    const MutexGuard guard_other(other.mutex_);
    const MutexGuard guard(mutex_);
    TRY(grow_locked(other.slot_count_));
    for (uint32_t number = 0; number < other.filled_end_; ++number)
        slots_[number] = other.slots_[number].state == State::Filled ? other.slots_[number] : Slot{};
    filled_end_ = other.filled_end_;
    lowest_free_ = 0;
    return {};
}

void DescriptorTable::release_storage() {
    const MutexGuard guard(mutex_);
    if (slots_ != nullptr) heap::release_pages(slots_, slot_count_ * sizeof(Slot));
    slots_ = nullptr;
    slot_count_ = filled_end_ = 0;
    lowest_free_ = 0;
}

void DescriptorTable::after_fork_in_child() {
    for (uint32_t number = 0; number < slot_count_; ++number)
        if (slots_[number].state == State::Reserved) free_locked(number);
    mutex_.unlock();
}

}  // namespace portico::posix
