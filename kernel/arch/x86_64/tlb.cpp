#include "kernel/arch/x86_64/tlb.h"

#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/local_apic.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/debug/log.h"
#include "kernel/sched/cpu.h"

/// Which CPU uses which table, and how they forget translations.
namespace portico::kernel::arch {
namespace {

constexpr size_t kPagesMax = 32;  // more: cheaper to forget all

/// The one request under way: senders hold the kernel lock until all have answered. Receivers may be waiting for that lock
/// with interrupts off, so they answer from spin_pause too; whoever comes first clears the bit, the other finds nothing.
std::span<const uint64_t> request_pages;
std::atomic<CpuMask> request_pending{0};

void flush(std::span<const uint64_t> pages) {
    if (pages.empty() || pages.size() > kPagesMax) return write_control3(read_control3());
    for (const uint64_t page : pages) invalidate_page(page);
}

}  // namespace

void answer_shoot_down() {
    const CpuMask own = Processor::current().bit;
    if (!(request_pending.load(std::memory_order_acquire) & own)) return;
    flush(request_pages);
    request_pending.fetch_and(~own, std::memory_order_release);
}

/// CPUs whose TLB may hold entries of it. CPUs change tables with the kernel lock held, so this stays true while we hold it.
static CpuMask active_cpus(const PageTable& table) {
    CpuMask active = 0;
    for (unsigned i = 0; i < cpu_count(); ++i)
        if (cpu_at(i).frame.table == &table) active |= Processor::at(i).bit;
    return active;
}

bool is_active(const PageTable& table) {
    return active_cpus(table) != 0;
}

void shoot_down(PageTable& table, std::span<const uint64_t> pages) {
    const Processor& own = Processor::current();
    const CpuMask active = active_cpus(table);
    if (active & own.bit) flush(pages);
    const CpuMask others = active & ~own.bit;
    if (others == 0) return;

    ASSERT(request_pending.load(std::memory_order_relaxed) == 0);
    request_pages = pages;
    request_pending.store(others, std::memory_order_release);
    for (CpuMask rest = others; rest != 0; rest &= rest - 1)
        local_apic::send_interrupt(Processor::at(static_cast<unsigned>(__builtin_ctz(rest))).apic_id, kVectorShootDown);
    while (request_pending.load(std::memory_order_acquire) != 0) pause_instruction();
}

void spin_pause() {
    if (request_pending.load(std::memory_order_relaxed) != 0) answer_shoot_down();
    pause_instruction();
}

void activate(CpuFrame& cpu, PageTable* table) {
    cpu.table = table;
    write_control3(table ? table->root() : kernel_root);
}

}  // namespace portico::kernel::arch
