#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <span>

#include "posix/errno_map.h"
#include "posix/files/iovec.h"
#include "posix/heap.h"
#include "posix/user_copy.h"

namespace portico::posix {

/// A call's iovec array, copied in and checked once. Ownership: frees its copy.
class Vectors {
public:
    static constexpr uint32_t kInlineMax = 16;

    Vectors() = default;
    Vectors(const Vectors&) = delete;
    Vectors& operator=(const Vectors&) = delete;
    ~Vectors() {
        if (vectors_.data() != inline_.data()) heap::release(vectors_.data());
    }

    /// 0 or a negative errno.
    int64_t load(uint64_t address, uint64_t count) {
        if (count > linux_abi::kIovecsMax) return -EINVAL;
        linux_abi::Iovec* storage = inline_.data();
        if (count > kInlineMax) storage = static_cast<linux_abi::Iovec*>(heap::allocate(count * sizeof(linux_abi::Iovec)));
        if (storage == nullptr) return -ENOMEM;
        vectors_ = {storage, count};
        if (const auto copied = copy_from_user(storage, address, count * sizeof(linux_abi::Iovec)); !copied)
            return to_errno(copied.error());
        const Result<uint64_t> sum = check_iovecs(vectors_);
        if (!sum) return to_errno(sum.error());
        sum_bytes_ = *sum;
        for (const linux_abi::Iovec& vector : vectors_)
            if (!is_user_range(vector.address, vector.length_bytes)) return -EFAULT;
        return 0;
    }

    std::span<const linux_abi::Iovec> all() const { return vectors_; }
    uint64_t sum_bytes() const { return sum_bytes_; }

    /// The one range that holds everything; null if there are several.
    const linux_abi::Iovec* single() const {
        const linux_abi::Iovec* found = nullptr;
        for (const linux_abi::Iovec& vector : vectors_) {
            if (vector.length_bytes == 0) continue;
            if (found != nullptr) return nullptr;
            found = &vector;
        }
        return found;
    }

private:
    std::array<linux_abi::Iovec, kInlineMax> inline_;
    std::span<linux_abi::Iovec> vectors_{inline_.data(), 0};
    uint64_t sum_bytes_ = 0;
};

}  // namespace portico::posix
