#pragma once

#include <cstddef>

/// Marks free memory for the address sanitizer of hosted builds, so that a use after free is seen. Nothing elsewhere.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PORTICO_POISON 1
#endif
#endif

#ifdef PORTICO_POISON
#include <sanitizer/asan_interface.h>
#endif

namespace portico::kernel {

#ifdef PORTICO_POISON
inline void poison(void* start, size_t bytes) {
    __asan_poison_memory_region(start, bytes);
}
inline void unpoison(void* start, size_t bytes) {
    __asan_unpoison_memory_region(start, bytes);
}
#else
inline void poison(void*, size_t) {}
inline void unpoison(void*, size_t) {}
#endif

}  // namespace portico::kernel
