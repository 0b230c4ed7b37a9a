#include "kernel/arch/x86_64/boot_memory.h"
#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/io_apic.h"
#include "kernel/arch/x86_64/kernel_map.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/local_apic.h"
#include "kernel/arch/x86_64/machine_tables.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/arch/x86_64/smp.h"
#include "kernel/debug/log.h"

/// From boot.S to kernel_main. QEMU must start the kernel by PVH (-kernel with machine microvm, pc or q35) on a CPU with
/// FSGSBASE, SMEP and SMAP (-cpu max); ACPI may be on or off. For output and an exit code of panics:
///   -device isa-debugcon,iobase=0xe9,chardev=… -device isa-debug-exit,iobase=0xf4,iosize=4
namespace portico::kernel::arch {
namespace {

BootInfo boot_info;

using Constructor = void (*)();
extern "C" const Constructor kernel_constructors[], kernel_constructors_end[];

}  // namespace

/// On the boot stack and the boot tables, which map the first GiB. Returns the top of CPU 0's stack.
extern "C" uint64_t boot_prepare(uint64_t start_info) {
    for (const Constructor* constructor = kernel_constructors; constructor < kernel_constructors_end; ++constructor) (*constructor)();
    Processor::set_cpu(0);
    fill_interrupt_table();
    Processor::check_features();

    BootMemory memory;
    memory.read(start_info);
    KernelMap map{memory};
    map.build();

    MachineTables tables;
    local_apic::find();
    read_machine_tables(tables, map, memory.rsdp(), local_apic::own_id());
    local_apic::use(map.map_device(tables.local_apic, kPageBytes));
    start_io_apics(tables, map);
    for (unsigned cpu = 0; cpu < tables.cpu_count; ++cpu) map.map_stacks(cpu);
    prepare_cpus(tables.apic_ids, tables.cpu_count, tables.cpu_count > 1 ? memory.take_low_page() : 0);
    local_apic::start();
    start_clock(tables.power_timer_port);
    log("boot: %u processors, %u IOAPICs (%s)", tables.cpu_count, tables.io_apic_count, tables.source);

    boot_info.cpu_count = tables.cpu_count;
    memory.describe(boot_info);
    return stack_top(0, kMainStack);
}

extern "C" void boot_run() {
    Processor::at(0).start();
    kernel_main(boot_info);
}

}  // namespace portico::kernel::arch
