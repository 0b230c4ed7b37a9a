#include <sys/mman.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "bench/measure.h"

/// swap_pages MIB: how fast pages go to the disk and come back, in a machine that has much less memory than that. By the clock: a disk's
/// time is not the guest's instructions.
namespace portico::bench {
namespace {

constexpr uint64_t kPage = 4096, kMiB = 1 << 20;

double seconds() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void report(const char* row, uint64_t bytes, double took) {
    const double rate = static_cast<double>(bytes) / kMiB / took;
    std::printf(R"({"row": "%s", "unit": "MiB/s", "value": %.2f, "minimum": %.2f})"
                "\n",
                row, rate, rate);
}

/// The first half fills the memory there is; for each page of the second half another one has to go. Then the first half comes back.
void measure(uint64_t bytes) {
    void* const mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) give_up("mmap", errno);
    auto* const memory = static_cast<volatile uint64_t*>(mapped);
    const auto word = [&](uint64_t offset) -> volatile uint64_t& {
        return memory[offset / sizeof(uint64_t)];
    };
    const uint64_t half = bytes / 2;
    for (uint64_t offset = 0; offset < half; offset += kPage) word(offset) = offset;
    double begin = seconds();
    for (uint64_t offset = half; offset < bytes; offset += kPage) word(offset) = offset;
    report("swap_out", half, seconds() - begin);
    begin = seconds();
    for (uint64_t offset = 0; offset < half; offset += kPage)
        if (word(offset) != offset) give_up("a page came back wrong", static_cast<int64_t>(offset / kPage));
    report("swap_in", half, seconds() - begin);
}

}  // namespace
}  // namespace portico::bench

int main(int count, char** arguments) {
    if (count != 2) return 2;
    portico::bench::measure(std::strtoul(arguments[1], nullptr, 10) * portico::bench::kMiB);
}
