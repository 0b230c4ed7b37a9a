#pragma once

#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include <atomic>
#include <new>

#include "runtime/one_way_memory.h"

namespace portico::ipc {

#if __has_feature(thread_sanitizer)
inline constexpr bool kSeesRaces = true;  ///< tests whose very subject is a race make no sense then
#else
inline constexpr bool kSeesRaces = false;
#endif

/// Ordinary memory as one side's piece. Under the address sanitizer what is past the size is poisoned: a read there, which would be
/// a fault in the guest, ends the test.
class TestOwnMemory final : public OwnMemory {
public:
    TestOwnMemory(uint64_t size_bytes, uint64_t bytes_max) : OwnMemory(allocate(bytes_max), size_bytes, bytes_max), size_(size_bytes) {
        ASAN_POISON_MEMORY_REGION(base() + size_bytes, bytes_max - size_bytes);
    }
    ~TestOwnMemory() override {
        ASAN_UNPOISON_MEMORY_REGION(base(), bytes_max());
        ::operator delete(base(), std::align_val_t{4096});
    }

    uint64_t size_for_peer() const { return size_.load(); }
    unsigned resizes() const { return resizes_; }

private:
    static std::byte* allocate(uint64_t bytes) {
        auto* const memory = static_cast<std::byte*>(::operator new(bytes, std::align_val_t{4096}));
        std::memset(memory, 0, bytes);
        return memory;
    }
    Result<> resize(uint64_t size_bytes) override {
        ASAN_UNPOISON_MEMORY_REGION(base(), size_bytes);
        size_.store(size_bytes);
        ++resizes_;
        return {};
    }

    std::atomic<uint64_t> size_;
    unsigned resizes_ = 0;
};

/// The other side's view of it.
class TestPeerMemory final : public PeerMemory {
public:
    explicit TestPeerMemory(TestOwnMemory& memory) : PeerMemory(memory.base(), memory.bytes_max()), memory_(memory) {}

private:
    uint64_t query_size() override { return memory_.size_for_peer(); }
    TestOwnMemory& memory_;
};

}  // namespace portico::ipc
