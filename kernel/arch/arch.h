#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

#include "abi/message.h"
#include "abi/types.h"
#include "kernel/arch/frames.h"
#include "kernel/object/steps.h"
#include "libs/result.h"

/// What the kernel core needs of a machine. kernel/arch/x86_64 and kernel/arch/hosted implement it; CMake picks one.
/// Unless said otherwise the functions are called with the kernel lock held and interrupts off, and do not fail.
namespace portico::kernel {

struct Cpu;
class Account;

struct PhysicalAddress {
    uint64_t value = 0;
    constexpr auto operator<=>(const PhysicalAddress&) const = default;
};

inline constexpr unsigned kCpusMax = 32;
using CpuMask = uint32_t;

struct MemoryRange {
    PhysicalAddress base;
    uint64_t length_bytes = 0;
};

/// What the boot code found out about the machine.
struct BootInfo {
    std::array<MemoryRange, 32> usable{};  ///< RAM without kernel image and what the boot code keeps; the archive is inside
    unsigned usable_count = 0;
    MemoryRange archive;  ///< the boot archive; page-aligned start
    std::string_view command_line;
    unsigned cpu_count = 1;
};

// ---- called by arch

/// Once, on the first CPU, with interrupts off and all RAM mapped at to_virtual(). Returns when there is a thread to run.
void kernel_main(const BootInfo& boot);
/// Once on every other CPU.
void cpu_main();

// Entries from user mode: the current thread's registers are in its frame. On return cpu.current is the thread to load (never
// null: the core waits inside when nothing is ready). The lock is not held before and after.
void enter_syscall(Cpu& cpu);  ///< whatever the number is
/// The two calls that servers and clients live on. The frame holds all registers as for enter_syscall; those of the message are passed on
/// besides, so that its words can stay where they are: the fast path goes on in exit_with_message and does not return. (The convention
/// takes the first from r12, r13, r14, r15, rdi, rsi, rdx, rcx, r8, r9: r14 is free for the frame to exit with, rcx stands for r10.)
extern "C" [[clang::preserve_none]] void enter_call(uint64_t word4, uint64_t deadline_ns, ThreadFrame*, Cpu* cpu, uint64_t handle,
                                                    uint64_t header, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3);
extern "C" [[clang::preserve_none]] void enter_reply_receive(uint64_t word4, uint64_t deadline_ns, ThreadFrame*, Cpu* cpu, uint64_t handle,
                                                             uint64_t header, uint64_t word0, uint64_t word1, uint64_t word2,
                                                             uint64_t word3);
extern "C" [[clang::preserve_none]] void enter_send(uint64_t word4, uint64_t deadline_ns, ThreadFrame*, Cpu* cpu, uint64_t handle,
                                                    uint64_t header, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3);
extern "C" [[clang::preserve_none]] void enter_receive(uint64_t word4, uint64_t deadline_ns, ThreadFrame*, Cpu* cpu, uint64_t handle,
                                                       uint64_t header, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3);
/// Implemented by arch: to user mode with these registers, rax 0, all others and the GS base from the frame. The lock is not held.
extern "C" [[clang::preserve_none]] void exit_with_message(uint64_t word4, uint64_t badge, ThreadFrame* frame, Cpu* cpu, uint64_t id,
                                                           uint64_t header, uint64_t word0, uint64_t word1, uint64_t word2, uint64_t word3);
/// The same for this CPU but for calls that have an entry of their own, from assembly that has saved every register and needs none kept.
extern "C" [[clang::preserve_none]] void enter_whole_syscall();
/// Bit N: calls whose number modulo 64 is N take enter_syscall. The others may take enter_quick_syscall.
extern "C" const uint64_t calls_with_all_registers;
/// A system call that uses argument registers only: the frame need not hold rbx, rbp and r12 to r15,
/// which the function keeps as any does. False: the thread goes on, load rip, rflags, rsp and the argument registers. True: save
/// the six, which no one has changed, and call leave_syscall; the lock is held in between.
[[nodiscard]] bool enter_quick_syscall(Cpu& cpu);
void leave_syscall(Cpu& cpu);
void enter_foreign_call(Cpu& cpu);  ///< a number below kNativeBase, by a thread without a foreign_entry
void enter_fault(Cpu& cpu, abi::FaultKind kind, uint32_t access_or_code, uint64_t address);
void enter_timer(Cpu& cpu);
void enter_kick(Cpu& cpu);
void enter_interrupt(Cpu& cpu, unsigned line);
/// The same interrupts while the core waits in arch::wait_for_interrupt: only notes them; timer and kick need nothing.
void idle_interrupt(Cpu& cpu, unsigned line);

/// The pages of one page table, the last one first.
struct TablePages {
    uint32_t last = 0;  ///< number of the page, plus one; 0: none
};
/// One more, zeroed, charged to `payer`.
Result<PhysicalAddress> allocate_table_page(TablePages& pages, Account& payer);
/// Frees as many as there are steps for, so that the table is of no use any more; true when none are left.
bool free_table_pages(TablePages& pages, Steps& steps);

/// A bug of ours: prints the evidence and stops the machine. printf-like formats as in kernel/debug/log.h.
[[noreturn]] void panic(const char* format, ...) __attribute__((format(printf, 1, 2)));

namespace arch {

enum class Cache : uint8_t { Normal, Device };

struct PageEntry {
    bool present = false;
    bool dirty = false;
    abi::Access access = abi::Access::None;
    PhysicalAddress page;
};

/// The hardware's page table of one address space, user half. Does not own the pages it maps, owns its table pages.
/// Changes reach other CPUs' TLBs by shoot_down, which the caller does before it lets go of a page.
class PageTable {
public:
    PageTable() = default;
    PageTable(const PageTable&) = delete;
    PageTable& operator=(const PageTable&) = delete;

    Result<> create(Account& payer);
    /// Frees table pages, as far as there are steps; true when none are left. The table must not be active on any CPU.
    [[nodiscard]] bool destroy_some(Steps& steps);

    /// Sets the entry of one page, also over another: true then. Fails with NoMemory only if a table page was missing.
    Result<bool> map(uint64_t address, PhysicalAddress page, abi::Access access, Cache cache = Cache::Normal);
    bool unmap(uint64_t address);                        ///< whether there was an entry
    void protect(uint64_t address, abi::Access access);  ///< of a present entry; else nothing
    PageEntry lookup(uint64_t address) const;
    /// Whether the page was used since this was last asked, or mapped. A TLB that has the entry does not tell of further use: shoot it
    /// down.
    bool take_accessed(uint64_t address);
    /// The page that a present entry with this access maps; 0 if there is none.
    PhysicalAddress translate(uint64_t address, abi::Access access) const;
    /// The first page at or above `address` with a present entry, or `end`; skips absent tables at once.
    uint64_t next_present(uint64_t address, uint64_t end) const;

    // A range of neighbouring pages at once. What they return is how many present entries they changed at most: if any, TLBs may hold them.

    /// Sees to it that map_range cannot fail there. Errors: NoMemory; some tables may have been made, which stay.
    Result<> reserve(uint64_t address, uint64_t page_count);
    /// Sets an entry for each page, none for those that are 0, over what is there. There must be tables: see reserve.
    uint64_t map_range(uint64_t address, std::span<const PhysicalAddress> pages, abi::Access access);
    /// Sets an entry for each page that has none yet, without Write, where there are tables already. `pages`: their addresses, 0 or odd:
    /// none.
    void map_absent(uint64_t address, std::span<const uint64_t> pages, abi::Access access);
    uint64_t unmap_range(uint64_t address, uint64_t page_count);
    uint64_t make_read_only(uint64_t address, uint64_t page_count);

    uint64_t root() const { return root_; }
    uint64_t present_pages() const { return present_pages_; }

private:
    uint64_t root_ = 0;
    uint64_t present_pages_ = 0;
    TablePages pages_;
    Account* payer_ = nullptr;
};

// ---- CPUs

Cpu& this_cpu();
unsigned cpu_count();
/// Starts the other CPUs; each runs cpu_main. Returns how many run now, this one included. Bounded time.
unsigned start_cpus();
/// Makes another CPU enter the kernel soon (enter_kick); harmless if it is there already.
void kick(Cpu& cpu);
/// In a loop that waits for the kernel lock (interrupts off): be kind to the sibling and answer shoot-downs.
void spin_pause();
/// Lock not held: waits until some interrupt came, handled by idle_interrupt where it matters.
void wait_for_interrupt();

// ---- threads

uint32_t vector_state_bytes();       ///< size of the save area, 64-aligned
void init_vector_state(void* area);  ///< what a new thread starts with
void save_vector_state(void* area);
void load_vector_state(const void* area);
void load_user_bases(const ThreadFrame& frame);  ///< FS and GS of the thread that runs next
void load_fs_base(const ThreadFrame& frame);     ///< FS alone: exit_with_message loads GS
void save_user_bases(ThreadFrame& frame);        ///< FS as the running thread set it
/// Loads another page table (null: only the kernel's) on this CPU, and remembers it for shoot_down.
void activate(CpuFrame& cpu, PageTable* table);

// ---- memory

/// Makes every CPU forget translations of these pages (count 0: of the whole table); returns when all have.
void shoot_down(PageTable& table, std::span<const uint64_t> pages);
void* to_virtual(PhysicalAddress address);  ///< all RAM is mapped
PhysicalAddress to_physical(const void* pointer);
void zero_page(void* page);
void copy_page(void* to, const void* from);
void copy(void* to, const void* from, uint64_t bytes);  ///< as memmove; worth the call from some hundred bytes on

// ---- time

uint64_t random();                           ///< what programs cannot guess, if the machine has a source of it; slow
uint64_t now_ns();                           ///< monotonic, equal on all CPUs; any context
uint64_t ticks();                            ///< the same clock in its own unit: the cheapest to read
uint64_t ticks_to_ns(uint64_t ticks);        ///< of a difference
void arm_timer(uint64_t deadline_ns);        ///< this CPU's one-shot timer; kForever turns it off
void describe_clock(abi::SystemInfo& info);  ///< fills the tsc_ fields

// ---- devices

bool interrupt_exists(unsigned line);
/// What a device writes where to raise an interrupt that has a number like a line but no wire.
struct InterruptMessage {
    uint64_t address = 0;
    uint32_t data = 0;
};
/// The message of such a number, for this CPU; no address if it is none.
InterruptMessage message_of_interrupt(unsigned line);
void unmask_interrupt(unsigned line, bool level_triggered);  ///< routes a wire to a CPU too
void mask_interrupt(unsigned line);
uint32_t io_read(uint16_t port, unsigned width_bytes);
void io_write(uint16_t port, unsigned width_bytes, uint32_t value);

// ---- debugging; any context, lock or not

void debug_write(std::string_view text);
/// Return addresses from here outwards, at most `addresses.size()`.
unsigned backtrace(std::span<uint64_t> addresses);
[[noreturn]] void stop_machine();  ///< all CPUs; powers off with a failure code where that can be done

}  // namespace arch
}  // namespace portico::kernel
