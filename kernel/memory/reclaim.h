#pragma once

#include <cstdint>

namespace portico::kernel {

class Account;
class Paging;

/// Takes pages of paged objects back when frames get few: the clock algorithm over all of their pages. A page that was used since the hand
/// last came by stays; a clean one goes; for dirty ones the pager is asked to detach them.
///
/// Ownership: none: objects are in the circle as long as they exist.
/// Bound:     a step looks at the pages of one node of one object.
class Reclaimer {
public:
    void add(Paging& paging);
    void remove(Paging& paging);
    void step();
    /// If an account gets no frame since none is free for it: steps until one is, for a bounded time. False: that is not so, or none is.
    bool free_one(const Account& account);

private:
    Paging* hand_ = nullptr;  ///< of a circle
    uint64_t page_ = 0;       ///< where it points
};
extern Reclaimer reclaimer;

}  // namespace portico::kernel
