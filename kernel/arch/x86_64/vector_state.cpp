#include "kernel/arch/x86_64/vector_state.h"

#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/processor.h"

/// x87, SSE and AVX registers, which the kernel itself never uses, and the FS and GS bases.
namespace portico::kernel::arch {
namespace {

constexpr uint32_t kX87 = 1, kSse = 2, kAvx = 4;
constexpr uint32_t kEnabled = kX87 | kSse | kAvx;  ///< the processor leaves out what XCR0 leaves out
constexpr uint32_t kTellsInUse = 4;                ///< XGETBV of register 1
constexpr uint32_t kFxsaveBytes = 512, kHeaderBytes = 64;
constexpr uint32_t kInitialMxcsr = 0x1F80;  // all exceptions masked, round to nearest
constexpr uint16_t kInitialControl = 0x37F;

enum class Method : uint8_t { Fxsave, Xsave, Xsaveopt };
constinit Method method = Method::Fxsave;
uint32_t area_bytes = kFxsaveBytes;

}  // namespace

/// Whether pages are moved by AVX registers (page_contents.S): they must be enabled, and the processor tell which are in use.
extern "C" {
constinit bool arch_wide_moves = false;
}

void start_vector_state() {
    if (!(cpuid(1).ecx & 1u << 26)) return;  // no XSAVE
    const CpuidLeaf state = cpuid(0xD);
    const uint32_t enabled = kX87 | kSse | (state.eax & kAvx);
    asm volatile("xsetbv" ::"c"(0), "a"(enabled), "d"(0));
    area_bytes = (cpuid(0xD).ebx + 63) & ~63u;  // for what is enabled now
    const uint32_t features = cpuid(0xD, 1).eax;
    method = features & 1 ? Method::Xsaveopt : Method::Xsave;
    arch_wide_moves = (enabled & kAvx) != 0 && (features & kTellsInUse) != 0;
}

uint32_t vector_state_bytes() {
    return area_bytes;
}

void init_vector_state(void* area) {
    // A cleared header says: all components as after reset, whatever the rest of the area holds, but for MXCSR.
    auto* bytes = static_cast<uint8_t*>(area);
    __builtin_memset(bytes, 0, method == Method::Fxsave ? kFxsaveBytes : kFxsaveBytes + kHeaderBytes);
    __builtin_memcpy(bytes, &kInitialControl, sizeof(kInitialControl));
    __builtin_memcpy(bytes + 24, &kInitialMxcsr, sizeof(kInitialMxcsr));
}

// edx:eax says which components are meant, of those that XCR0 enables. Its upper half enables none, so edx may hold anything.

[[clang::preserve_most]] static __attribute__((noinline, cold)) void save_otherwise(void* area) {
    if (method == Method::Xsave)
        asm volatile("xsave64 (%0)" ::"r"(area), "a"(kEnabled) : "memory");
    else
        asm volatile("fxsave64 (%0)" ::"r"(area) : "memory");
}

[[clang::preserve_most]] static __attribute__((noinline, cold)) void load_otherwise(const void* area) {
    asm volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
}

void save_vector_state(void* area) {
    if (method != Method::Xsaveopt) [[unlikely]]
        return save_otherwise(area);
    asm volatile("xsaveopt64 (%0)" ::"r"(area), "a"(kEnabled) : "memory");
}

void load_vector_state(const void* area) {
    if (method == Method::Fxsave) [[unlikely]]
        return load_otherwise(area);
    asm volatile("xrstor64 (%0)" ::"r"(area), "a"(kEnabled) : "memory");
}

void load_fs_base(const ThreadFrame& frame) {
    write_fs_base(frame.fs_base);
}

void load_user_bases(const ThreadFrame& frame) {
    write_fs_base(frame.fs_base);
    // The user's GS is the hidden one while we are in the kernel. No NMI or machine check uses GS before it sets it.
    asm volatile("swapgs; wrgsbase %0; swapgs" ::"r"(frame.gs_base));
}

void save_user_bases(ThreadFrame& frame) {
    frame.fs_base = read_fs_base();
}

}  // namespace portico::kernel::arch
