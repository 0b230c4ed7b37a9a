#include "kernel/arch/x86_64/kvm_clock.h"

#include "kernel/arch/arch.h"
#include "kernel/arch/x86_64/instructions.h"

namespace portico::kernel::arch {
namespace {

/// What the hypervisor writes (Linux, Documentation/virt/kvm/x86/msr.rst, MSR_KVM_SYSTEM_TIME_NEW).
struct TimeInfo {
    uint32_t version;  ///< odd while it is being written
    uint32_t zero;
    uint64_t tsc_timestamp;
    uint64_t system_time_ns;
    uint32_t tsc_to_system_multiplier;  ///< ns = (ticks shifted by tsc_shift) * multiplier / 2^32
    int8_t tsc_shift;
    uint8_t flags;
    uint8_t padding[2];
};
static_assert(sizeof(TimeInfo) == 32);

alignas(64) volatile TimeInfo time_info;

constexpr uint32_t kSystemTime = 0x4B56'4D01;
constexpr uint32_t kReadsMax = 1000;

}  // namespace

uint64_t kvm_clock_tsc_hz() {
    constexpr uint32_t kSignature = 0x4000'0000, kFeatures = 0x4000'0001;
    constexpr uint32_t kClockSource2 = 1u << 3;
    const CpuidLeaf signature = cpuid(kSignature);
    const bool is_kvm = signature.ebx == 0x4B4D'564B && signature.ecx == 0x564B'4D56 && signature.edx == 0x4D;  // "KVMKVMKVM"
    if (!is_kvm || (cpuid(kFeatures).eax & kClockSource2) == 0) return 0;
    const uint64_t address = to_physical(const_cast<TimeInfo*>(&time_info)).value;
    write_msr(kSystemTime, address | 1);
    uint32_t multiplier = 0;
    int shift = 0;
    for (uint32_t reads = 0; reads < kReadsMax; ++reads) {
        const uint32_t version = time_info.version;
        multiplier = time_info.tsc_to_system_multiplier;
        shift = time_info.tsc_shift;
        if (version != 0 && version % 2 == 0 && time_info.version == version) break;
        multiplier = 0;
    }
    write_msr(kSystemTime, 0);
    if (multiplier == 0 || shift < -31 || shift > 31) return 0;
    const uint64_t khz = (uint64_t{1'000'000} << 32) / multiplier;
    return 1000 * (shift < 0 ? khz << -shift : khz >> shift);
}

}  // namespace portico::kernel::arch
