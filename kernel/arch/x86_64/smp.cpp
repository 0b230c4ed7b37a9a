#include "kernel/arch/x86_64/smp.h"

#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/local_apic.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/debug/log.h"

/// Starting the other CPUs, all at once: each takes the next number, and with it a stack, in ap_long (boot.S).
namespace portico::kernel::arch {

extern "C" {
extern const char ap_trampoline[], ap_trampoline_end[];
uint64_t ap_stack_tops[kCpusMax];
std::atomic<uint32_t> ap_next_index{1};
std::atomic<uint32_t> ap_index_end{1};  ///< a CPU that comes later than its time finds no number left and stops
}

namespace {

uint8_t apic_ids[kCpusMax];
unsigned cpus_found = 1;
uint64_t start_page = 0;
std::atomic<unsigned> arrived{1};
unsigned cpus_started = 1;
std::atomic<CpuMask> skewed{0};
uint64_t tsc_at_start = 0;

constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kInitDelay = 10 * kMillisecond;  // as Intel's protocol asks; emulated processors need none
constexpr uint64_t kSecondTry = 20 * kMillisecond;
constexpr uint64_t kPatience = 2000 * kMillisecond;

template <class Condition>
void wait_until(uint64_t deadline_ns, Condition condition) {
    while (!condition() && now_ns() < deadline_ns) pause_instruction();
}

void send_to_all(unsigned mode, unsigned vector) {
    for (unsigned i = 1; i < cpus_found; ++i) local_apic::send(apic_ids[i], mode, vector);
}

}  // namespace

void prepare_cpus(const uint8_t* ids, unsigned count, uint64_t low_page) {
    start_page = low_page;
    cpus_found = count;
    for (unsigned i = 0; i < count; ++i) {
        apic_ids[i] = ids[i];
        ap_stack_tops[i] = stack_top(i, kMainStack);
    }
    Processor::at(0).apic_id = ids[0];
}

unsigned cpu_count() {
    return cpus_started;
}

unsigned start_cpus() {
    if (cpus_found == 1 || start_page == 0) return 1;
    __builtin_memcpy(table_at(start_page), ap_trampoline, static_cast<size_t>(ap_trampoline_end - ap_trampoline));
    auto all_run = [] { return arrived.load(std::memory_order_acquire) == cpus_found; };
    const auto vector = static_cast<unsigned>(start_page / kPageBytes);

    tsc_at_start = read_tsc();
    ap_index_end.store(cpus_found);
    send_to_all(local_apic::kInit, 0);
    const uint64_t begin = now_ns();
    const bool emulated = cpuid(1).ecx & 1u << 31;
    if (!emulated) wait_until(begin + kInitDelay, [] { return false; });
    send_to_all(local_apic::kStartUp, vector);
    wait_until(begin + kSecondTry, all_run);
    if (!all_run()) send_to_all(local_apic::kStartUp, vector);  // who runs already ignores it
    wait_until(begin + kPatience, all_run);

    // Nobody may take a number any more; who has one is on its way.
    cpus_started = std::min(ap_next_index.fetch_add(kCpusMax), cpus_found);
    wait_until(begin + 2 * kPatience, [] { return arrived.load(std::memory_order_acquire) == cpus_started; });
    if (cpus_started < cpus_found) log("cpus: %u of %u did not start", cpus_found - cpus_started, cpus_found);
    if (const CpuMask mask = skewed.load()) log("cpus: the time stamp counters of CPUs %x differ from CPU 0's", mask);
    return cpus_started;
}

extern "C" void ap_run(unsigned index) {
    const uint64_t tsc = read_tsc();
    Processor::set_cpu(index);
    Processor& own = Processor::at(index);
    own.start();
    local_apic::start();
    own.apic_id = local_apic::own_id();
    if (tsc < tsc_at_start || now_ns() >> 63) skewed.fetch_or(own.bit);
    arrived.fetch_add(1, std::memory_order_release);
    cpu_main();
}

}  // namespace portico::kernel::arch
