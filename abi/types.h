#pragma once

#include <array>
#include <cstdint>

#include "abi/handle.h"
#include "abi/message.h"

/// Structures that system calls read and write in user memory, and the fixed addresses both sides know.
namespace portico::abi {

inline constexpr uint64_t kPageBytes = 4096;
inline constexpr uint64_t kUserAddressMin = 0x10000;           ///< below: never mapped
inline constexpr uint64_t kUserAddressMax = 0x7FFF'FFFF'F000;  ///< first address past user space

/// The runtime library (posix/), at the same place in every process: see RuntimeHeader.
inline constexpr uint64_t kRuntimeBase = 0x7FF0'0000'0000;  ///< text, shared and read-only
inline constexpr uint64_t kRuntimeTextBytesMax = 0x100'0000;
inline constexpr uint64_t kRuntimeEnd = 0x7FF8'0000'0000;        ///< end of the region that is the runtime's own
inline constexpr uint64_t kBootBlockAddress = 0x7FF7'0000'0000;  ///< see abi/boot_block.h
inline constexpr uint64_t kMapAnywhereMax = kRuntimeBase;        ///< addresses the kernel picks are below

enum class Access : uint32_t { None = 0, Read = 1, Write = 2, Execute = 4, ReadWrite = 3, ReadExecute = 5, All = 7 };
constexpr Access operator|(Access a, Access b) {
    return static_cast<Access>(static_cast<uint32_t>(a) | static_cast<uint32_t>(b));
}
constexpr Access operator&(Access a, Access b) {
    return static_cast<Access>(static_cast<uint32_t>(a) & static_cast<uint32_t>(b));
}
constexpr bool allows(Access held, Access wanted) {
    return (held & wanted) == wanted;
}

/// Flags of space_map; the low three bits are Access.
enum class MapFlags : uint64_t {
    None = 0,
    AccessMask = 7,
    Fixed = 1 << 3,      ///< exactly at `address`; what was mapped there is unmapped first
    NoReplace = 1 << 4,  ///< with Fixed: fail with Overlap instead of unmapping
    Shared = 1 << 5,     ///< space_clone shares the memory object instead of cloning it copy-on-write
    NoInherit = 1 << 6,  ///< a cloned address space does not get this mapping
    Heap = 1 << 7,       ///< what it is for, which the kernel only tells those who ask: the program's break
    Stack = 1 << 8,      ///< … the first thread's stack
};
constexpr MapFlags operator|(MapFlags a, MapFlags b) {
    return static_cast<MapFlags>(static_cast<uint64_t>(a) | static_cast<uint64_t>(b));
}
constexpr MapFlags operator&(MapFlags a, MapFlags b) {
    return static_cast<MapFlags>(static_cast<uint64_t>(a) & static_cast<uint64_t>(b));
}
constexpr MapFlags operator|(MapFlags a, Access b) {
    return static_cast<MapFlags>(static_cast<uint64_t>(a) | static_cast<uint64_t>(b));
}
constexpr bool has(MapFlags held, MapFlags wanted) {
    return (static_cast<uint64_t>(held) & static_cast<uint64_t>(wanted)) == static_cast<uint64_t>(wanted);
}
constexpr Access access_of(MapFlags flags) {
    return static_cast<Access>(static_cast<uint64_t>(flags) & 7);
}

/// All user registers of a thread but the vector state, in the order the kernel keeps them.
struct Registers {
    uint64_t rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0, rbp = 0;
    uint64_t r8 = 0, r9 = 0, r10 = 0, r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
    uint64_t rip = 0, rflags = 0, rsp = 0;
};
static_assert(sizeof(Registers) == 18 * 8);

struct ThreadStart {
    uint64_t instruction = 0;
    uint64_t stack = 0;
    uint64_t argument = 0;  ///< in rdi
    uint64_t fs_base = 0;
    uint64_t gs_base = 0;
    uint64_t priority = 0;  ///< 0 = the creator's; else 1 (lowest) to 31, at most the creator's
};

/// What upcall_query tells: why the thread was diverted and the registers it had. While a thread is in an upcall it gets
/// no other; upcall_return ends it.
struct UpcallState {
    Registers registers;
    FaultKind kind = FaultKind::None;
    uint32_t access = 0;  ///< Page, PageLost: Access bits that were tried; else the error code
    uint64_t address = 0;
};

enum class ProcessState : uint32_t { Running, Suspended, Exited };

struct ProcessInfo {
    ProcessState state = ProcessState::Running;
    uint32_t thread_count = 0;
    uint64_t exit_code = 0;       ///< as given to process_kill
    uint64_t cpu_time_ns = 0;     ///< of all threads, ended ones included
    uint64_t resident_bytes = 0;  ///< pages present in its page table
    uint64_t mapped_bytes = 0;
    uint64_t handle_count = 0;
};

struct MappingInfo {
    uint64_t address = 0;
    uint64_t length_bytes = 0;
    uint64_t offset_bytes = 0;         ///< in the memory object
    uint64_t memory_id = 0;            ///< equal for mappings of one object; 0 for none
    uint32_t access = 0;               ///< Access
    uint32_t shared = 0;               ///< 1 if MapFlags::Shared
    uint64_t flags = 0;                ///< MapFlags, without Fixed and NoReplace
    uint64_t origin_id = 0;            ///< of the memory object that memory_clone made this one of; 0: none
    uint64_t origin_offset_bytes = 0;  ///< where offset_bytes is in it
};

/// What process_inspect tells: a mapping, and its pages from `address` on as far as one kernel entry looked. Pages are counted that the
/// page table shows, but for the zero page. Shared ones are those that other mappings can show too; clean ones those whose contents can be
/// had again: of a pager, or of what they were cloned from and do not differ from.
struct MappingUsage {
    MappingInfo mapping;
    uint64_t counted_from = 0, counted_to = 0;  ///< addresses
    uint64_t shared_clean = 0, shared_dirty = 0, private_clean = 0, private_dirty = 0;
    uint64_t proportional_bytes = 0;  ///< each page divided by how many show it
    uint64_t present_bits = 0;        ///< bit N: the page table shows page N of those counted, of the first 64
    uint64_t swapped = 0;             ///< pages that are in the swap space
};

/// Flags of memory_create. Who is handed a memory object learns them from MemoryInfo, and cannot be deceived.
enum class MemoryFlags : uint64_t {
    None = 0,
    GrowOnly = 1 << 0,   ///< memory_resize never takes pages away: what is mapped below the size stays readable
    Paged = 1 << 1,      ///< told by memory_query only: its pages come from a pager, or those of what it is a clone of
    DeviceRam = 1 << 2,  ///< made by memory_physical: its pages keep their place; no resizing, no clones
};
constexpr bool has(MemoryFlags held, MemoryFlags wanted) {
    return (static_cast<uint64_t>(held) & static_cast<uint64_t>(wanted)) == static_cast<uint64_t>(wanted);
}

/// What memory_detach does with the pages of a range.
enum class DetachMode : uint64_t {
    Drop = 0,     ///< dirty ones land; all leave the object
    Keep = 1,     ///< dirty ones land; all stay, clean, to be copied when next written
    Copy = 2,     ///< dirty ones land; all stay, and dirty ones stay dirty: they are being written
    Written = 3,  ///< those being written, and not written to since, leave the object; what landed is freed
};

struct MemoryInfo {
    uint64_t size_bytes = 0;
    uint64_t resident_bytes = 0;
    uint64_t id = 0;
    MemoryFlags flags = MemoryFlags::None;
    uint64_t physical = 0;    ///< of DeviceRam: where it begins
    uint64_t references = 0;  ///< handles, mappings, clones that take pages from it: who else uses it
};

/// For memory_physical: RAM, wherever there is some.
inline constexpr uint64_t kAnyRam = ~uint64_t{0};
inline constexpr uint64_t kDeviceRamBytesMax = 2 << 20;
/// For interrupt_create: no line, but a message that a device writes (PCI's MSI).
inline constexpr uint64_t kMessageInterrupt = ~uint64_t{0};

struct AccountInfo {
    uint64_t limit_bytes = 0;
    uint64_t used_bytes = 0;  ///< of this account and those below it
    uint64_t peak_bytes = 0;
    uint64_t object_count = 0;   ///< kernel objects charged to it and those below it
    uint64_t refused_count = 0;  ///< charges that its limit refused, of it and those below it
    uint64_t kept_free_bytes = 0;
};

inline constexpr uint64_t kPortListMax = 56;  ///< ports in one port_list

/// One port, as port_list tells it. Its owner is the process that made it, or was the last to be given it by handle_install.
struct PortInfo {
    uint64_t id = 0;
    uint64_t owner = 0;           ///< the process's id in the kernel, never used again
    std::array<char, 16> name{};  ///< the owner's when it got the port, zero-padded
    uint64_t messages = 0;        ///< taken so far, of every kind
    uint32_t queued = 0;          ///< waiting now
    uint32_t queued_max = 0;      ///< the most that ever waited
    uint32_t senders = 0;         ///< badges
    uint32_t credits = 0;         ///< not in use, of all senders together
    uint32_t receivers = 0;       ///< threads that wait, up to 1000; those at its set if it is in one
    uint32_t zero = 0;
    uint64_t waits_for = 0;  ///< the port at which the thread that last received here waits in a call; 0: it does not
};
static_assert(sizeof(PortInfo) == 72);

struct SystemInfo {
    uint32_t cpu_count = 0;
    uint32_t zero = 0;
    uint64_t memory_bytes = 0;  ///< all usable memory
    uint64_t free_bytes = 0;
    uint64_t kernel_bytes = 0;  ///< frames that hold kernel objects and page tables
    uint64_t tsc_hz = 0;        ///< monotonic_ns = (rdtsc - tsc_at_zero) * 1e9 / tsc_hz, by tsc_multiplier:
    uint64_t tsc_at_zero = 0;   ///< ((rdtsc - tsc_at_zero) * tsc_multiplier) >> 32 in 128 bits
    uint64_t tsc_multiplier = 0;
    uint64_t context_switches = 0;
    uint64_t idle_ns = 0;  ///< of all CPUs together
    uint64_t page_faults = 0;
    uint64_t process_count = 0;
    uint64_t thread_count = 0;
    uint64_t port_count = 0;
    uint64_t swap_bytes = 0;  ///< size of the swap space
    uint64_t swap_free_bytes = 0;
    uint64_t swapped_in = 0, swapped_out = 0;  ///< pages, so far: supplied there by the pager, and written by it
};

/// First bytes of the runtime library's image (boot/runtime in the boot archive), a flat page-aligned binary:
/// [text: text_bytes][data: data_bytes], followed in memory by bss_bytes of zeros. Text is mapped read-execute at
/// kRuntimeBase, data (a copy-on-write clone) and bss read-write at kRuntimeBase + text_bytes. The first thread of a
/// process starts at `start` with rdi = kBootBlockAddress and no stack.
struct RuntimeHeader {
    static constexpr uint64_t kMagic = 0x454D'4954'4E55'5250;  // "PRUNTIME"
    uint64_t magic;
    uint64_t text_bytes, data_bytes, bss_bytes;  ///< multiples of kPageBytes
    uint64_t start;                              ///< absolute address
};

}  // namespace portico::abi
