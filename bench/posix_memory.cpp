#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <numeric>
#include <optional>

#include "bench/child.h"
#include "bench/posix_rows.h"

/// Page faults and mappings.
namespace portico::bench {
namespace {

constexpr size_t kPage = 4096;

void must(bool good, const char* what) {
    if (!good) [[unlikely]]
        give_up(what, errno);
}

std::byte* map(size_t bytes, int flags = MAP_PRIVATE | MAP_ANONYMOUS, int file = -1) {
    void* memory = mmap(nullptr, bytes, file < 0 ? PROT_READ | PROT_WRITE : PROT_READ, flags, file, 0);
    must(memory != MAP_FAILED, "mmap");
    return static_cast<std::byte*>(memory);
}

void touch(std::byte* at) {
    *const_cast<volatile std::byte*>(at) = std::byte{1};
}

/// Pages of anonymous memory, small ones on Linux too, untouched.
std::byte* map_pages(unsigned count) {
    std::byte* const memory = map(count * kPage);
    (void)madvise(memory, count * kPage, MADV_NOHUGEPAGE);  // not there on Portico, which has no others
    return memory;
}

void anonymous_fault(Measure& measure) {
    const unsigned count = measure.settings().operations;
    std::byte* memory = map_pages(count);
    std::byte* next = memory;
    measure.each_then(
        count,
        [&] {
            touch(next);
            next += kPage;
        },
        [&] {
            munmap(memory, count * kPage);
            next = memory = map_pages(count);
        });
    munmap(memory, count * kPage);
}

/// A process that shares all memory with this one until its pipe is closed.
class Sharer {
public:
    Sharer() {
        must(pipe(pipe_) == 0, "pipe");
        child_.emplace([this] {
            close(pipe_[1]);
            char byte;
            (void)!read(pipe_[0], &byte, 1);
        });
        close(pipe_[0]);
    }
    Sharer(const Sharer&) = delete;
    Sharer& operator=(const Sharer&) = delete;
    ~Sharer() { close(pipe_[1]); }  // then child_ waits for its end

private:
    std::optional<Child> child_;
    int pipe_[2];
};

void copy_on_write_fault(Measure& measure) {
    const unsigned count = measure.settings().operations;
    std::byte* const memory = map_pages(count);
    for (unsigned i = 0; i < count; ++i) touch(memory + i * kPage);
    std::byte* next = memory;
    std::optional<Sharer> sharer(std::in_place);
    measure.each_then(
        count,
        [&] {
            touch(next);
            next += kPage;
        },
        [&] {
            sharer.emplace();
            next = memory;
        });
    sharer.reset();
    munmap(memory, count * kPage);
}

void map_and_unmap(Measure& measure) {
    measure.each([] { munmap(map(kPage), kPage); });
}

void map_touch_and_unmap(Measure& measure) {
    measure.each([] {
        std::byte* const page = map(kPage);
        touch(page);
        munmap(page, kPage);
    });
}

/// One word in each page of a file that is in memory, mapped anew for each batch. `step` is odd to the power of two that `count` is.
void read_mapped_file(Measure& measure, unsigned step) {
    constexpr unsigned kPages = 256;
    const int file = open("/tmp/mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
    must(file >= 0, "open /tmp/mapped");
    for (unsigned i = 0; i < kPages; ++i) {
        unsigned page[kPage / sizeof(unsigned)];
        std::iota(std::begin(page), std::end(page), i);
        must(write(file, page, kPage) == kPage, "write /tmp/mapped");
    }
    const std::byte* memory = map(kPages * kPage, MAP_SHARED, file);
    unsigned next = 0;
    measure.each_then(
        kPages,
        [&] {
            const unsigned found = *reinterpret_cast<const volatile unsigned*>(memory + next * kPage);
            must(found == next, "the mapped file holds something else");
            next = (next + step) % kPages;
        },
        [&] {
            munmap(const_cast<std::byte*>(memory), kPages * kPage);
            memory = map(kPages * kPage, MAP_SHARED, file);
        });
    munmap(const_cast<std::byte*>(memory), kPages * kPage);
    close(file);
    unlink("/tmp/mapped");
}

void read_in_order(Measure& measure) {
    read_mapped_file(measure, 1);
}

void read_out_of_order(Measure& measure) {
    read_mapped_file(measure, 149);
}

constexpr Row kRows[] = {
    {"anonymous_fault", anonymous_fault},       {"copy_on_write_fault", copy_on_write_fault}, {"mmap_munmap", map_and_unmap},
    {"mmap_touch_munmap", map_touch_and_unmap}, {"file_mapped_sequential", read_in_order},    {"file_mapped_random", read_out_of_order},
};

}  // namespace

const Rows kPosixMemoryRows = kRows;

}  // namespace portico::bench
