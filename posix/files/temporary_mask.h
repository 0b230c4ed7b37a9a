#pragma once

#include <cerrno>
#include <cstdint>

#include "posix/errno_map.h"
#include "posix/thread.h"
#include "posix/user_copy.h"

namespace portico::posix {

/// The signal mask argument of ppoll and pselect6: set for the wait, and put back by finish() unless a signal ended it;
/// then the exit path does it, after the handlers have their frames.
class TemporaryMask {
public:
    /// No address: the mask stays as it is.
    TemporaryMask(Thread& thread, uint64_t address, uint64_t mask_bytes) : thread_(thread) {
        if (address == 0) return;
        if (mask_bytes != sizeof(uint64_t)) {
            error_ = -EINVAL;
            return;
        }
        const auto mask = read_user<uint64_t>(address);
        if (!mask) {
            error_ = to_errno(mask.error());
            return;
        }
        thread_.begin_temporary_mask(*mask);
        set_ = true;
    }
    TemporaryMask(const TemporaryMask&) = delete;
    TemporaryMask& operator=(const TemporaryMask&) = delete;

    int64_t error() const { return error_; }  ///< 0, or why the call ends at once

    int64_t finish(int64_t result) const {
        if (set_ && result != -kRestartNoHandler) thread_.end_temporary_mask();
        return result;
    }

private:
    Thread& thread_;
    int64_t error_ = 0;
    bool set_ = false;
};

}  // namespace portico::posix
