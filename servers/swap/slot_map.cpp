#include "servers/swap/slot_map.h"

#include <algorithm>

namespace portico::swap {

SlotMap::SlotMap(const Layout& layout, std::span<std::byte> memory)
    : layout_(layout),
      header_(reinterpret_cast<Header*>(memory.data())),
      entries_(reinterpret_cast<Entry*>(memory.data() + Layout::kHeaderBytes), layout.pages) {}

uint64_t SlotMap::spares_left() const {
    return layout_.spares - std::min(header_->spares_taken, layout_.spares);
}

uint64_t SlotMap::slot_of(uint64_t page) const {
    const uint32_t spare = entries_[page].place & ~kWritten;
    return spare == 0 ? page : layout_.pages + spare - 1;
}

bool SlotMap::is_written(uint64_t page) const {
    return (entries_[page].place & kWritten) != 0;
}

uint32_t SlotMap::checksum_of(uint64_t page) const {
    return entries_[page].checksum;
}

void SlotMap::note_written(uint64_t page, uint32_t checksum) {
    Entry& entry = entries_[page];
    entry.checksum = checksum;
    entry.place |= kWritten;
}

bool SlotMap::leave_slot(uint64_t page) {
    Entry& entry = entries_[page];
    entry.place &= ~kWritten;
    if (spares_left() == 0) return false;
    entry.place = static_cast<uint32_t>(++header_->spares_taken);
    return true;
}

}  // namespace portico::swap
