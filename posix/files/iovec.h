#pragma once

#include <span>

#include "libs/result.h"
#include "posix/files/linux_files.h"

namespace portico::posix {

/// Checks the lengths of an iovec array as readv(2) says and cuts what is beyond one call's bound off the tail, so their
/// sum, which is returned, fits. Addresses are not looked at. Errors: InvalidArgument. Pure.
inline Result<uint64_t> check_iovecs(std::span<linux_abi::Iovec> vectors) {
    constexpr uint64_t kSumMax = ~uint64_t{0} >> 1;
    uint64_t sum = 0;
    for (const linux_abi::Iovec& vector : vectors) {
        if (vector.length_bytes > kSumMax - sum) return fail(Error::InvalidArgument);
        sum += vector.length_bytes;
    }
    uint64_t room = linux_abi::kTransferBytesMax;
    for (linux_abi::Iovec& vector : vectors) {
        if (vector.length_bytes > room) vector.length_bytes = room;
        room -= vector.length_bytes;
    }
    return linux_abi::kTransferBytesMax - room;
}

}  // namespace portico::posix
