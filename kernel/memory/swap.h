#pragma once

#include <cstdint>

#include "kernel/memory/memory.h"

namespace portico::kernel {

/// The swap space: where pages of programs go when frames are few. It is a paged memory object, whose pager is the swap server.
///
/// Ownership: the object's handles own it; it is forgotten here when it goes.
class Swap {
public:
    static constexpr uint64_t kPagesMax = uint64_t{1} << 28;  ///< 1 TiB

    bool is_open() const { return object_ != nullptr; }
    bool is(const Memory& memory) const { return object_ == &memory; }
    void open(Memory& object) { object_ = &object; }
    void close() { object_ = nullptr; }

    uint64_t total_pages() const { return object_ != nullptr ? object_->size_pages() : 0; }
    uint64_t free_pages() const { return total_pages(); }
    uint64_t pages_in = 0, pages_out = 0;  ///< so far: supplied, and written

private:
    Memory* object_ = nullptr;
};
extern Swap swap;

}  // namespace portico::kernel
