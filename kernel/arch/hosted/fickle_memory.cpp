#include "kernel/arch/hosted/fickle_memory.h"

#include <sys/mman.h>
#include <ucontext.h>

namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;
constexpr greg_t kTrapFlag = 0x100;
constexpr greg_t kWriteFault = 2;

extern "C" const char __executable_start, etext;  // the linker's: this program's own code

FickleMemory* current = nullptr;

/// How many bytes an instruction loads from memory, as far as compilers and libraries copy and compare with it.
uint64_t bytes_loaded(const uint8_t* code) {
    bool operand_size = false, wide = false;
    while (*code == 0x66 || *code == 0xF2 || *code == 0xF3 || *code == 0x2E || *code == 0x3E || *code == 0x64)
        operand_size |= *code++ == 0x66;
    if (*code == 0xC5) return (code[1] & 4) != 0 ? 32 : 16;  // VEX, two bytes
    if (*code == 0xC4) return (code[2] & 4) != 0 ? 32 : 16;  // VEX, three
    if (*code == 0x62) return 16u << (code[3] >> 5 & 3);     // EVEX
    if ((*code & 0xF0) == 0x40) wide = (*code++ & 8) != 0;   // REX
    if (*code == 0x0F) {
        const uint8_t second = code[1];
        if (second == 0xB6 || second == 0xBE) return 1;  // movzx, movsx
        if (second == 0xB7 || second == 0xBF) return 2;
        return second == 0x7E || second == 0x12 || second == 0x16 || second == 0xAF ? 8 : 16;
    }
    if ((*code & 1) == 0 && *code != 0xC8) return 1;  // the even opcodes have byte operands
    return wide ? 8 : operand_size ? 2 : 4;
}

}  // namespace

FickleMemory::FickleMemory(Machine& machine, Thread& thread, uint64_t address, uint64_t bytes) {
    if (current != nullptr) machine.broken("fickle memory twice");
    current = this;
    for (uint64_t at = address & ~(kPage - 1); at < address + bytes; at += kPage)
        machine.in_kernel([&] {
            const auto page = thread.process().space().resolve(at, abi::Access::Write);
            if (!page) machine.broken("fickle memory is not mapped");
            pages_.push_back(reinterpret_cast<uint64_t>(arch::to_virtual(*page)));
        });
    struct sigaction action{};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = on_fault;
    sigaction(SIGSEGV, &action, &old_fault_);
    action.sa_sigaction = on_trap;
    sigaction(SIGTRAP, &action, &old_trap_);
    reach(false);
}

FickleMemory::~FickleMemory() {
    reach(true);
    invert_loaded();
    sigaction(SIGSEGV, &old_fault_, nullptr);
    sigaction(SIGTRAP, &old_trap_, nullptr);
    current = nullptr;
}

bool FickleMemory::contains(uint64_t host_address) const {
    return std::find(pages_.begin(), pages_.end(), host_address & ~(kPage - 1)) != pages_.end();
}

void FickleMemory::reach(bool within) {
    for (const uint64_t page : pages_) mprotect(reinterpret_cast<void*>(page), kPage, within ? PROT_READ | PROT_WRITE : PROT_NONE);
}

void FickleMemory::on_fault(int, siginfo_t* info, void* context) {
    FickleMemory& own = *current;
    greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const auto address = reinterpret_cast<uint64_t>(info->si_addr);
    if (!own.contains(address)) {  // a bug: let it happen again, and whoever else handles it say so
        sigaction(SIGSEGV, &own.old_fault_, nullptr);
        return;
    }
    own.reach(true);
    if ((registers[REG_ERR] & kWriteFault) == 0) own.note_load(address, static_cast<uint64_t>(registers[REG_RIP]));
    registers[REG_EFL] |= kTrapFlag;
}

void FickleMemory::on_trap(int, siginfo_t*, void* context) {
    FickleMemory& own = *current;
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~kTrapFlag;
    if (own.loads_ != 0 && !own.load_[own.loads_ - 1].in_library) own.invert_loaded();
    own.reach(false);
}

/// The library's memcpy loads some bytes twice at most lengths. That is still one reading: it inverts them when it begins anew, which shows
/// by an instruction that comes again, or when other code loads.
void FickleMemory::note_load(uint64_t address, uint64_t instruction) {
    const auto within = [&](const char& first, const char& end) {
        return instruction >= reinterpret_cast<uint64_t>(&first) && instruction < reinterpret_cast<uint64_t>(&end);
    };
    const bool in_library = !within(__executable_start, etext);
    const auto comes_again = [&](const Load& load) { return load.instruction == instruction; };
    if (!in_library || loads_ == load_.size() || std::any_of(load_.begin(), load_.begin() + loads_, comes_again)) invert_loaded();
    load_[loads_++] = {instruction, address, bytes_loaded(reinterpret_cast<const uint8_t*>(instruction)), in_library};
    ++load_count_;
}

/// Each byte once, however many of the loads had it.
void FickleMemory::invert_loaded() {
    for (size_t i = 0; i < loads_; ++i)
        for (uint64_t at = load_[i].address; at < load_[i].end() && contains(at); ++at)
            if (std::none_of(load_.begin(), load_.begin() + i, [&](const Load& load) { return at >= load.address && at < load.end(); }))
                *reinterpret_cast<uint8_t*>(at) ^= 0xFF;
    loads_ = 0;
}

}  // namespace portico::kernel::hosted
