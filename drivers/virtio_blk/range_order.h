#pragma once

#include <algorithm>
#include <cstdint>
#include <list>

#include "runtime/task.h"

namespace portico::virtio_blk {

/// Requests for parts of the disk, in the order in which they came. One that overlaps an earlier one, and either writes, waits for its end:
/// so a write whose caller gave up cannot land on top of what is written after it.
///
/// Ownership: a Turn lives in the frame of its request and leaves the order when it goes. Bound: one entry a request.
class RangeOrder {
    struct Entry {
        uint64_t begin, end;
        bool writes;
        ipc::WaitQueue waiting{};
    };

public:
    class Turn {
    public:
        Turn(RangeOrder& order, uint64_t begin, uint64_t length, bool writes)
            : order_(order), entry_(order.entries_.emplace(order.entries_.end(), begin, begin + length, writes)) {}
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        ~Turn() {
            std::list<Entry> gone;
            gone.splice(gone.begin(), order_.entries_, entry_);
            gone.front().waiting.wake_all();
        }

        /// The queue to wait in before asking again; null: go on.
        ipc::WaitQueue* blocked_by() const {
            for (auto earlier = order_.entries_.begin(); earlier != entry_; ++earlier) {
                const bool overlaps = earlier->begin < entry_->end && entry_->begin < earlier->end;
                if (overlaps && (earlier->writes || entry_->writes)) return &earlier->waiting;
            }
            return nullptr;
        }

    private:
        RangeOrder& order_;
        std::list<Entry>::iterator entry_;
    };

private:
    std::list<Entry> entries_;
};

}  // namespace portico::virtio_blk
