#pragma once

#include <array>
#include <cstddef>
#include <new>

namespace portico::ipc {

/// Memory for the frames of handlers: those that ended leave theirs to the next of about the same size.
///
/// Locks: none, a server is one thread. Bound: as many frames as were ever alive at once.
class FramePool {
public:
    static void* allocate(size_t bytes) {
        const size_t index = class_of(bytes);
        if (index >= kClasses) return ::operator new(bytes);
        Free*& first = free_[index];
        if (first == nullptr) return ::operator new((index + 1) * kClassBytes);
        Free* const taken = first;
        first = taken->next;
        return taken;
    }
    static void release(void* frame, size_t bytes) {
        const size_t index = class_of(bytes);
        if (index >= kClasses) return ::operator delete(frame);
        free_[index] = ::new (frame) Free{free_[index]};
    }

private:
    struct Free {
        Free* next;
    };
    static constexpr size_t kClassBytes = 64, kClasses = 32;
    static constexpr size_t class_of(size_t bytes) { return (bytes - 1) / kClassBytes; }
    inline static constinit std::array<Free*, kClasses> free_{};
};

}  // namespace portico::ipc
