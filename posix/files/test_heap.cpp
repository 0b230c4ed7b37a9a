#include <cstdlib>
#include <cstring>

#include "posix/heap.h"

/// The library's heap for tests on the host.
namespace portico::posix::heap {

void* allocate(size_t length_bytes) {
    return std::malloc(length_bytes);
}
void release(void* block) {
    std::free(block);
}
void* allocate_pages(size_t length_bytes) {
    return std::calloc(1, length_bytes);
}
void release_pages(void* pages, size_t) {
    std::free(pages);
}

}  // namespace portico::posix::heap
