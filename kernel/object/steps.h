#pragma once

#include <cstdint>

namespace portico::kernel {

/// What one kernel entry may do at most of work that takes as long as memory is large: some 50 instructions for each step. What is left
/// when they are spent is done by later entries.
class Steps {
public:
    static constexpr uint64_t kInOneEntry = 1024;

    explicit Steps(uint64_t count = kInOneEntry) : left_(count) {}
    static Steps unlimited() { return Steps(~uint64_t{0}); }

    void take(uint64_t count) { left_ -= count < left_ ? count : left_; }
    bool spent() const { return left_ == 0; }
    uint64_t left() const { return left_; }

private:
    uint64_t left_;
};

}  // namespace portico::kernel
