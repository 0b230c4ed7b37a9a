#pragma once

#include <cstdint>

namespace portico::posix {

class Thread;

inline constexpr uint64_t kRobustHeadBytes = 24;

/// Marks the futexes that the ending thread holds as owner-died and wakes a waiter on each (set_robust_list(2)).
/// Bound: 2048 entries, as Linux; a list that can not be read ends there.
void walk_robust_list(Thread& thread);

}  // namespace portico::posix
