#pragma once

#include <csignal>
#include <cstdint>
#include <vector>

#include "kernel/arch/hosted/machine.h"

namespace portico::kernel::hosted {

/// User memory that changes as soon as it is read: what an instruction has loaded from it is inverted right after, as by a thread of the
/// program on another CPU. So what the kernel reads for a second time is something else, and a check of the first tells nothing.
///
/// How: the pages of the host behind it are out of reach. The fault of a load lets this one instruction through, under the trap flag; then
/// its bytes are inverted and the pages out of reach again. Stores are only let through. While there is one, memory must not be mapped,
/// unmapped or moved there.
/// Bound: one at a time, on one host thread, on x86-64.
class FickleMemory {
public:
    /// Pages of a thread's space that are mapped and writable.
    FickleMemory(Machine& machine, Thread& thread, uint64_t address, uint64_t bytes);
    ~FickleMemory();
    FickleMemory(const FickleMemory&) = delete;

    uint64_t load_count() const { return load_count_; }

private:
    static void on_fault(int, siginfo_t* info, void* context);
    static void on_trap(int, siginfo_t*, void* context);
    bool contains(uint64_t host_address) const;
    void reach(bool within);
    void note_load(uint64_t address, uint64_t instruction);
    void invert_loaded();

    struct Load {
        uint64_t instruction, address, bytes;
        bool in_library;  ///< not in code of this program
        uint64_t end() const { return address + bytes; }
    };

    std::vector<uint64_t> pages_;  ///< of the host
    uint64_t load_count_ = 0;
    std::array<Load, 32> load_;  ///< whose bytes are still to be inverted
    size_t loads_ = 0;
    struct sigaction old_fault_{};
    struct sigaction old_trap_{};
};

}  // namespace portico::kernel::hosted
