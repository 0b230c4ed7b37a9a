#include "kernel/arch/hosted/hardware.h"

#include <sys/mman.h>

#include <chrono>

#include "kernel/arch/hosted/explorer.h"
#include "kernel/debug/log.h"
#include "kernel/memory/frame_allocator.h"
#include "kernel/memory/poison.h"

namespace portico::kernel::hosted {
namespace {

Hardware* hardware = nullptr;
thread_local unsigned current_cpu = 0;

/// The RAM of the last machine: touching fresh pages takes longer than all else that a small machine needs.
std::span<uint8_t> kept_ram;

uint8_t* reserve(uint64_t bytes) {
    if (kept_ram.size() == bytes) return std::exchange(kept_ram, {}).data();
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(memory != MAP_FAILED);
    return static_cast<uint8_t*>(memory);
}

}  // namespace

Hardware::Hardware(unsigned cpus, uint64_t bytes) : cpu_count(cpus), ram_bytes(bytes), ram(reserve(bytes)) {
    ASSERT(hardware == nullptr);
    ASSERT(cpus <= kCpusMax);
    hardware = this;
}

Hardware::~Hardware() {
    unpoison(ram, ram_bytes);
    if (!kept_ram.empty()) munmap(kept_ram.data(), kept_ram.size());
    kept_ram = {ram, ram_bytes};
    hardware = nullptr;
}

Hardware& Hardware::get() {
    ASSERT(hardware != nullptr);
    return *hardware;
}

bool Hardware::exists() {
    return hardware != nullptr;
}

void Hardware::be_cpu(unsigned index) {
    current_cpu = index;
}
unsigned Hardware::cpu_index() {
    return current_cpu;
}

uint64_t Hardware::now_ns() const {
    if (!real_time_) return time_ns_.load();
    return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

void Hardware::pause_explored(Pause where, uint64_t detail) {
    explorer->pause(where, detail);
}

void Hardware::leave_explored() {
    explorer->left_kernel();
}

void Hardware::demand_true_translations() {
    for (unsigned i = 0; i < cpu_count; ++i)
        if (const uint64_t page = find_stale(processors[i]); page != 0)
            panic("CPU %u caches a translation of %lx that its page table does not allow", i, page);
}

unsigned Hardware::pending_line(unsigned cpu) const {
    for (unsigned line = cpu; line < kLines; line += cpu_count)
        if (lines[line].pending && !lines[line].masked) return line;
    return kLines;
}

uint8_t* Hardware::page_at(PhysicalAddress page) {
    return frames.is_ram(page) ? static_cast<uint8_t*>(arch::to_virtual(page)) : device_page_;
}

const arch::PageEntry* Hardware::translate(Processor& cpu, uint64_t address, abi::Access access) {
    if (cpu.table == nullptr || address >= abi::kUserAddressMax) return nullptr;
    const uint64_t page = address & ~(abi::kPageBytes - 1);
    const auto cached = cpu.tlb.find(page);
    if (cached != cpu.tlb.end()) {
        if (allows(cached->second.access, access)) return &cached->second;
        cpu.tlb.erase(cached);  // a refused access is looked up again
    }
    const arch::PageEntry entry = cpu.table->lookup(page);
    if (!entry.present || !allows(entry.access, access)) return nullptr;
    arch::note_accessed(*cpu.table, page);
    return &(cpu.tlb[page] = entry);
}

uint64_t Hardware::find_stale(Processor& cpu) {
    std::lock_guard guard(cpu.access_mutex);
    for (const auto& [page, cached] : cpu.tlb) {
        const arch::PageEntry entry = cpu.table->lookup(page);
        if (!entry.present || entry.page != cached.page || !allows(entry.access, cached.access)) return page;
    }
    return 0;
}

unsigned Hardware::take_line(unsigned cpu) {
    const sanitizer::Unwatched unwatched;
    const unsigned line = pending_line(cpu);
    if (line < kLines) lines[line].pending = false;
    return line;
}

void Hardware::append_log(std::string_view text) {
    std::lock_guard guard(log_mutex_);
    log_ += text;
}

std::string Hardware::log_text() {
    std::lock_guard guard(log_mutex_);
    return log_;
}

}  // namespace portico::kernel::hosted
