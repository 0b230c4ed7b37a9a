#include "kernel/arch/x86_64/boot_memory.h"

#include <algorithm>

#include "kernel/arch/x86_64/layout.h"
#include "kernel/debug/log.h"

namespace portico::kernel::arch {
namespace {

// Xen's public header arch-x86/hvm/start_info.h.
struct StartInfo {
    static constexpr uint32_t kMagic = 0x336E'C578;
    uint32_t magic, version, flags, module_count;
    uint64_t modules, command_line, rsdp;
    uint64_t memory_map;  // from version 1
    uint32_t memory_map_count, reserved;
};
struct Module {
    uint64_t base, length_bytes, command_line, reserved;
};
struct MapEntry {
    static constexpr uint32_t kRam = 1;
    uint64_t base, length_bytes;
    uint32_t type, reserved;
};

constexpr uint64_t kCommandLineBytesMax = 64 * 1024;

constexpr uint64_t round_down(uint64_t value) {
    return value & ~(kPageBytes - 1);
}
constexpr uint64_t round_up(uint64_t value) {
    return round_down(value + kPageBytes - 1);
}

/// Only the first GiB is mapped yet.
template <class T>
const T* low_pointer(uint64_t physical, uint64_t count, const char* what) {
    if (physical == 0 || physical >= kHugePageBytes || count > (kHugePageBytes - physical) / sizeof(T))
        panic("boot: %s at %lx is not in the first GiB", what, physical);
    return reinterpret_cast<const T*>(kDirectBase + physical);
}

}  // namespace

void BootMemory::read(uint64_t start_info) {
    const StartInfo& start = *low_pointer<StartInfo>(start_info, 1, "start info");
    if (start.magic != StartInfo::kMagic) panic("boot: not started by the PVH protocol");
    if (start.version < 1 || start.memory_map_count == 0) panic("boot: the boot loader gave no memory map");
    rsdp_ = start.rsdp;

    const auto* map = low_pointer<MapEntry>(start.memory_map, start.memory_map_count, "memory map");
    for (uint32_t i = 0; i < start.memory_map_count; ++i) {
        if (map[i].type != MapEntry::kRam || map[i].base >= kDirectBytesMax) continue;
        add_ram(round_up(map[i].base), round_down(std::min(map[i].base + map[i].length_bytes, kDirectBytesMax)));
    }

    reserve(0, kPageBytes);  // so that physical address 0 is never a page
    if (start.command_line != 0) {
        const char* text = low_pointer<char>(start.command_line, kCommandLineBytesMax, "command line");
        command_line_ = start.command_line;
        while (command_line_bytes_ < kCommandLineBytesMax && text[command_line_bytes_] != '\0') ++command_line_bytes_;
        if (command_line_bytes_ > 0) reserve(command_line_, command_line_bytes_);
    }
    if (start.module_count > 0) {
        const Module& module = *low_pointer<Module>(start.modules, 1, "module list");
        if (module.base % kPageBytes != 0) panic("boot: the boot archive at %lx is not page-aligned", module.base);
        archive_ = {{module.base}, module.length_bytes};
    }

    next_page_ = reinterpret_cast<uint64_t>(kernel_end) - kKernelBase;
    for (const MemoryRange& range : ram())
        if (range.base.value <= next_page_ && next_page_ < range.base.value + range.length_bytes)
            pages_end_ = range.base.value + range.length_bytes;
    if (archive_.length_bytes > 0 && archive_.base.value >= next_page_) pages_end_ = std::min(pages_end_, archive_.base.value);
    if (command_line_ >= next_page_) pages_end_ = std::min(pages_end_, round_down(command_line_));
    pages_end_ = std::min(pages_end_, kHugePageBytes);
}

void BootMemory::add_ram(uint64_t base, uint64_t end) {
    if (base >= end || ram_count_ == std::size(ram_)) return;
    unsigned at = ram_count_++;
    for (; at > 0 && ram_[at - 1].base.value > base; --at) ram_[at] = ram_[at - 1];
    ram_[at] = {{base}, end - base};
}

void BootMemory::reserve(uint64_t base, uint64_t length_bytes) {
    ASSERT(reserved_count_ < std::size(reserved_));
    const uint64_t first = round_down(base);
    reserved_[reserved_count_++] = {{first}, round_up(base + length_bytes) - first};
}

uint64_t BootMemory::take_page() {
    if (next_page_ >= pages_end_) panic("boot: no memory behind the kernel image");
    const uint64_t page = next_page_;
    next_page_ += kPageBytes;
    zero_page(table_at(page));
    return page;
}

uint64_t BootMemory::take_low_page() {
    constexpr uint64_t kLowest = 0x8000, kEnd = 0xA0000;
    for (const MemoryRange& range : ram()) {
        for (uint64_t page = std::max(range.base.value, kLowest);
             page + kPageBytes <= std::min(range.base.value + range.length_bytes, kEnd); page += kPageBytes) {
            if (reserved_in(page, page + kPageBytes)) continue;
            reserve(page, kPageBytes);
            return page;
        }
    }
    return 0;
}

/// The lowest reservation that overlaps the range.
const MemoryRange* BootMemory::reserved_in(uint64_t base, uint64_t end) const {
    const MemoryRange* found = nullptr;
    for (const MemoryRange& range : std::span{reserved_, reserved_count_}) {
        if (range.base.value >= end || range.base.value + range.length_bytes <= base) continue;
        if (!found || range.base < found->base) found = &range;
    }
    return found;
}

void BootMemory::describe(BootInfo& boot) {
    const uint64_t image = reinterpret_cast<uint64_t>(kernel_start) - kKernelBase;
    reserve(image, next_page_ - image);
    pages_end_ = 0;

    auto add = [&boot](uint64_t base, uint64_t end) {
        if (base < end && boot.usable_count < boot.usable.size()) boot.usable[boot.usable_count++] = {{base}, end - base};
    };
    for (const MemoryRange& range : ram()) {
        uint64_t base = range.base.value;
        const uint64_t end = base + range.length_bytes;
        while (const MemoryRange* reserved = base < end ? reserved_in(base, end) : nullptr) {
            add(base, reserved->base.value);
            base = reserved->base.value + reserved->length_bytes;
        }
        add(base, end);
    }
    boot.archive = archive_;
    if (command_line_bytes_ > 0) boot.command_line = {reinterpret_cast<const char*>(kDirectBase + command_line_), command_line_bytes_};
}

}  // namespace portico::kernel::arch
