#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <new>

#include "bench/measure.h"

namespace portico::bench {

/// A `T` in memory that children made by fork share.
template <class T>
class SharedMemory {
public:
    SharedMemory() {
        void* memory = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) give_up("mmap", errno);
        value_ = new (memory) T{};
    }
    SharedMemory(const SharedMemory&) = delete;
    SharedMemory& operator=(const SharedMemory&) = delete;
    ~SharedMemory() { munmap(value_, sizeof(T)); }

    T* operator->() const { return value_; }

private:
    T* value_;
};

}  // namespace portico::bench
