#include "check.h"

#include <sys/mman.h>

/// Touches as many MiB as its argument says (2 without one), and looks whether they hold what was written.
int main(int argument_count, char** arguments) {
    const size_t pages = (argument_count > 1 ? strtoul(arguments[1], NULL, 10) : 2) << 8;
    char* memory = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    for (size_t page = 0; page < pages; ++page) *(size_t*)(memory + page * 4096) = page;
    for (size_t page = 0; page < pages; ++page) CHECK(*(size_t*)(memory + page * 4096) == page);
    return 0;
}
