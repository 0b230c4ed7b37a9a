// Random writes, truncations, mappings and renames of a file beside a copy in memory: at every moment all ways to the bytes agree.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "check.h"

enum { kSizeMax = 600 * 1024, kSteps = 3000, kPage = 4096 };
static unsigned char model[kSizeMax], buffer[kSizeMax];
static size_t size;
static unsigned long long state = 88172645463325252ULL;

static size_t below(size_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return limit == 0 ? 0 : state % limit;
}

static void fill(unsigned char* to, size_t length) {
    for (size_t i = 0; i < length; ++i) to[i] = (unsigned char)(state >> (i % 7 * 8)) ^ (unsigned char)i;
}

static void grow_to(size_t end) {
    if (end <= size) return;
    memset(model + size, 0, end - size);
    size = end;
}

static void write_some(int file) {
    size_t offset = below(kSizeMax - 70000), length = 1 + below(70000);
    fill(buffer, length);
    CHECK(pwrite(file, buffer, length, (off_t)offset) == (ssize_t)length);
    grow_to(offset + length);
    memcpy(model + offset, buffer, length);
}

static void read_some(int file) {
    size_t offset = below(kSizeMax), length = 1 + below(70000);
    size_t wanted = offset >= size ? 0 : size - offset < length ? size - offset : length;
    memset(buffer, 0xEE, length);
    CHECK(pread(file, buffer, length, (off_t)offset) == (ssize_t)wanted);
    CHECK(memcmp(buffer, model + offset, wanted) == 0);
}

static void write_by_mapping(int file) {
    if (size == 0) return;
    unsigned char* shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(shared != MAP_FAILED);
    for (int i = 0; i < 5; ++i) {
        size_t offset = below(size), length = 1 + below(size - offset < 9000 ? size - offset : 9000);
        fill(model + offset, length);
        memcpy(shared + offset, model + offset, length);
    }
    if (below(2)) CHECK(msync(shared, size, MS_SYNC) == 0);
    CHECK(munmap(shared, size) == 0);
}

// A buffer that is itself a mapped part of the file, of which no page need be there.
static void copy_within(int file) {
    if (size < 2 * kPage) return;
    size_t from = below(size / kPage) * kPage, length = 1 + below(size - from < 20000 ? size - from : 20000), to = below(kSizeMax - length);
    unsigned char* source = mmap(NULL, length, PROT_READ, MAP_PRIVATE, file, (off_t)from);
    CHECK(source != MAP_FAILED);
    if (to + length <= from || from + length <= to) {
        CHECK(pwrite(file, source, length, (off_t)to) == (ssize_t)length);
        memcpy(buffer, model + from, length);
        grow_to(to + length);
        memcpy(model + to, buffer, length);
    }
    CHECK(munmap(source, length) == 0);
}

static void compare_all(int file) {
    struct stat status;
    CHECK(fstat(file, &status) == 0 && (size_t)status.st_size == size);
    if (size == 0) return;
    unsigned char* private = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(private != MAP_FAILED && memcmp(private, model, size) == 0);
    private[below(size)] ^= 1;
    CHECK(munmap(private, size) == 0);
}

int main(void) {
    int file = open("storm", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0);
    const char* name = "storm";
    for (int step = 0; step < kSteps; ++step) {
        switch (below(12)) {
        case 0:
        case 1:
        case 2:
            write_some(file);
            break;
        case 3:
        case 4:
            read_some(file);
            break;
        case 5:
        case 6:
            write_by_mapping(file);
            break;
        case 7: {
            size_t end = below(kSizeMax);
            CHECK(ftruncate(file, (off_t)end) == 0);
            if (end < size) size = end;
            grow_to(end);
            break;
        }
        case 8:
            copy_within(file);
            break;
        case 9:
            compare_all(file);
            break;
        case 10:
            if (below(8) == 0) CHECK(fsync(file) == 0);
            break;
        default: {
            const char* other = below(2) ? "storm" : "storm again";
            CHECK(rename(name, other) == 0);
            name = other;
            if (below(2)) {
                CHECK(close(file) == 0);
                CHECK((file = open(name, O_RDWR)) >= 0);
            }
        }
        }
    }
    compare_all(file);
    ok("all ways to the bytes of a file agree");
    CHECK(unlink(name) == 0);
    compare_all(file);
    write_some(file);
    compare_all(file);
    CHECK(close(file) == 0);
    ok("also when it has no name any more");
    return 0;
}
