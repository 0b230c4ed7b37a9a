#include "servers/swap/kernel_pages.h"

#include "runtime/native.h"

namespace portico::swap {

Result<uint64_t> KernelPages::copy(uint64_t first, std::span<std::byte> landing) {
    return TRY(native::call(abi::MemoryDetach{memory_, first * kPageBytes, reinterpret_cast<uint64_t>(landing.data()), landing.size(),
                                              static_cast<uint64_t>(abi::DetachMode::Copy)}))
        .dirty;
}

void KernelPages::written(uint64_t first, std::span<std::byte> landed) {
    (void)native::call(abi::MemoryDetach{memory_, first * kPageBytes, reinterpret_cast<uint64_t>(landed.data()), landed.size(),
                                         static_cast<uint64_t>(abi::DetachMode::Written)});
}

Result<> KernelPages::supply(uint64_t first, std::span<std::byte> pages) {
    return native::call(abi::MemorySupply{memory_, first * kPageBytes, reinterpret_cast<uint64_t>(pages.data()), pages.size()});
}

void KernelPages::refuse(uint64_t page) {
    (void)native::call(abi::MemorySupply{memory_, page * kPageBytes, 0, kPageBytes, static_cast<uint64_t>(Error::IoError)});
}

/// Programs get nothing any more when a 64th is free; what is read ahead comes out of what is left for servers.
bool KernelPages::is_memory_short() {
    abi::SystemInfo info;
    if (!native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&info)})) return false;
    return info.free_bytes < info.memory_bytes / 64;
}

}  // namespace portico::swap
