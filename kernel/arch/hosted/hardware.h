#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel/arch/arch.h"
#include "kernel/arch/hosted/fiber_sanitizer.h"
#include "kernel/arch/hosted/seeded_random.h"

/// The simulated machine under arch/hosted: what arch.h describes, as ordinary memory of a Linux process.
namespace portico::kernel::hosted {

inline constexpr uint64_t kRamBase = 0x10'0000;
inline constexpr unsigned kWires = 24;          ///< interrupt lines
inline constexpr unsigned kLines = kWires + 2;  ///< and those that are raised by messages
inline constexpr uint32_t kVectorBytes = 64;

class Explorer;
}  // namespace portico::kernel::hosted
namespace portico::kernel::arch {
/// A CPU took the entry of a page into its TLB: what hardware does by itself.
void note_accessed(const PageTable& table, uint64_t address);
}  // namespace portico::kernel::arch
namespace portico::kernel::hosted {

/// Where a CPU of an explored machine may stop to let another go on, and what it was about to do or has done.
enum class Pause : uint8_t {
    Enter,      ///< about to make a system call: its number
    Leave,      ///< left the kernel: rax of the thread that runs now
    Access,     ///< about to access user memory: the address
    Fault,      ///< the access faulted
    KickSent,   ///< another CPU, which one
    KickTaken,  ///< about to enter the kernel for an interrupt
    TimerTaken,
    LineTaken,
    ShootDown,     ///< asks all CPUs to forget: the first page, 0 for all
    Forgotten,     ///< one of them has: which
    EntryChanged,  ///< of a page table: the address
    Copied,        ///< a page
    Spin,          ///< waits for the kernel lock
    Idle,          ///< begins to wait for an interrupt
    Awake,         ///< ended that
};

/// What one CPU has besides the kernel's Cpu. A CPU is whichever thread last said be_cpu().
struct Processor {
    /// Guards table and tlb. Held for one user access, so a shoot-down waits for the access under way, as in hardware.
    std::mutex access_mutex;
    arch::PageTable* table = nullptr;
    std::unordered_map<uint64_t, arch::PageEntry> tlb;  ///< translations in use, as stale as the kernel leaves them

    std::mutex wake_mutex;
    std::condition_variable wake;
    bool kicked = false;  ///< an inter-processor interrupt is pending
    std::atomic<uint64_t> timer_ns{abi::kForever};
    std::atomic<bool> pending{false};  ///< kicked, for a look without the mutex

    std::array<uint8_t, kVectorBytes> vector{};  ///< vector registers
    uint64_t fs_base = 0, gs_base = 0;
};

struct Line {
    bool masked = true;
    bool level = false;
    bool pending = false;  ///< raised while masked
};

/// All of it. Bound: one machine at a time, since the kernel core is one.
class Hardware {
public:
    Hardware(unsigned cpus, uint64_t ram_bytes);
    ~Hardware();
    Hardware(const Hardware&) = delete;
    Hardware& operator=(const Hardware&) = delete;
    static Hardware& get();
    static bool exists();

    /// The calling thread acts as this CPU from now on.
    static void be_cpu(unsigned index) __attribute__((no_sanitize("thread")));
    static unsigned cpu_index() __attribute__((no_sanitize("thread")));  // fibers share what threads have each
    Processor& own() { return processors[cpu_index()]; }

    uint64_t now_ns() const;
    void set_time(uint64_t now) { time_ns_.store(now); }
    void use_real_time() { real_time_ = true; }
    /// Back to a clock that the test sets.
    void stop_clock() {
        time_ns_.store(now_ns());
        real_time_ = false;
    }

    /// One user access to one page, through the TLB. False: a page fault.
    template <class Act>
    bool access_page(uint64_t address, abi::Access access, Act act) {
        pause(Pause::Access, address);
        Processor& cpu = own();
        std::lock_guard guard(cpu.access_mutex);
        const arch::PageEntry* entry = translate(cpu, address, access);
        if (entry == nullptr) return false;
        act(page_at(entry->page) + address % abi::kPageBytes);
        return true;
    }
    /// A cached translation that allows more than the page table, or shows another page; 0 if there is none.
    uint64_t find_stale(Processor& cpu);
    /// Panics if any CPU has one. While a CPU changes a page table they may.
    void demand_true_translations();

    const unsigned cpu_count;
    const uint64_t ram_bytes;
    uint8_t* const ram;
    std::array<Processor, kCpusMax> processors;
    std::array<Line, kLines> lines{};
    std::unordered_map<uint16_t, uint32_t> io_ports;
    std::vector<uint32_t> io_written;
    SeededRandom random;  ///< every machine's the same

    Explorer* explorer = nullptr;  ///< if the CPUs are or were fibers: who switches them
    void pause(Pause where, uint64_t detail) {
        if (explorer != nullptr) pause_explored(where, detail);
    }
    /// An entry into the kernel, by a CPU that may be explored: `act` calls one of the enter functions.
    template <class Act>
    void enter_kernel(Pause why, uint64_t detail, Act act) {
        pause(why, detail);
        {
            const sanitizer::Watched watched(explorer != nullptr);
            act(arch::this_cpu());
        }
        if (explorer != nullptr) leave_explored();
    }
    /// An interrupt line that is raised and routed to this CPU, or kLines.
    unsigned pending_line(unsigned cpu) const;
    /// The same, and its interrupt begins.
    unsigned take_line(unsigned cpu);

    void append_log(std::string_view text);
    std::string log_text();

private:
    void pause_explored(Pause where, uint64_t detail);
    void leave_explored();
    uint8_t* page_at(PhysicalAddress page);
    const arch::PageEntry* translate(Processor& cpu, uint64_t address, abi::Access access);

    std::atomic<uint64_t> time_ns_{1'000'000};
    bool real_time_ = false;
    uint8_t device_page_[abi::kPageBytes] = {};  ///< all device memory there is
    std::mutex log_mutex_;
    std::string log_;
};

}  // namespace portico::kernel::hosted
