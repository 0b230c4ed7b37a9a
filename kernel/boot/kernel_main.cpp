#include "abi/boot_block.h"
#include "kernel/boot/first_process.h"
#include "kernel/debug/log.h"
#include "kernel/object/process.h"
#include "kernel/sched/kernel_lock.h"
#include "kernel/sched/scheduler.h"
#include "libs/cpio.h"

namespace portico::kernel {
namespace {

alignas(Account) unsigned char root_account_storage[sizeof(Account)];

/// The usable ranges without the boot archive's pages.
unsigned cut_out(std::span<const MemoryRange> usable, MemoryRange archive, std::span<MemoryRange> result) {
    unsigned count = 0;
    const uint64_t cut_from = archive.base.value & ~(abi::kPageBytes - 1);
    const uint64_t cut_to = (archive.base.value + archive.length_bytes + abi::kPageBytes - 1) & ~(abi::kPageBytes - 1);
    for (const MemoryRange& range : usable) {
        const uint64_t from = range.base.value, to = range.base.value + range.length_bytes;
        if (archive.length_bytes == 0 || to <= cut_from || from >= cut_to) {
            if (count < result.size()) result[count++] = range;
            continue;
        }
        if (from < cut_from && count < result.size()) result[count++] = {{from}, cut_from - from};
        if (to > cut_to && count < result.size()) result[count++] = {{cut_to}, to - cut_to};
    }
    return count;
}

}  // namespace

void kernel_main(const BootInfo& boot) {
    kernel_lock.lock();
    std::array<MemoryRange, 34> free_ranges;
    const unsigned count = cut_out({boot.usable.data(), boot.usable_count}, boot.archive, free_ranges);
    trace_rings.reserve({free_ranges.data(), count}, boot.command_line, boot.cpu_count);
    frames.create({free_ranges.data(), count}, boot.archive);
    Account& root = *new (root_account_storage) Account(nullptr, ~uint64_t{0});
    root.add_reference();
    create_zero_page(root);
    const std::span<const uint8_t> archive(static_cast<const uint8_t*>(arch::to_virtual(boot.archive.base)), boot.archive.length_bytes);
    if (const auto symbols = cpio::find(archive, "boot/kernel.symbols"))
        set_symbols({reinterpret_cast<const char*>(symbols->data.data()), symbols->data.size()});
    call_ids.seed(arch::random(), arch::random());
    const unsigned cpus = arch::start_cpus();
    log("portico: %u CPUs, %lu MiB free, archive %lu KiB, %lu us since start", cpus, frames.free_pages() / 256,
        boot.archive.length_bytes / 1024, arch::now_ns() / 1000);
    start_first_process(root, boot, archive);
    Cpu& cpu = arch::this_cpu();
    scheduler.leave(cpu);
    kernel_lock.unlock();
}

void cpu_main() {
    kernel_lock.lock();
    scheduler.leave(arch::this_cpu());
    kernel_lock.unlock();
}

Result<PhysicalAddress> allocate_table_page(TablePages& pages, Account& payer) {
    const PhysicalAddress page = TRY(frames.allocate(payer));
    arch::zero_page(arch::to_virtual(page));
    frames.frame(page).next = std::exchange(pages.last, static_cast<uint32_t>(page.value / abi::kPageBytes + 1));
    return page;
}

bool free_table_pages(TablePages& pages, Steps& steps) {
    for (; !steps.spent() && pages.last != 0; steps.take(1)) {
        const PhysicalAddress page{uint64_t{pages.last - 1} * abi::kPageBytes};
        pages.last = frames.frame(page).next;
        frames.free(page);
    }
    return pages.last == 0;
}

}  // namespace portico::kernel
