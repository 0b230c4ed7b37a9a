#include "posix/signal_frame.h"

#include <cstring>

namespace portico::posix {

namespace {

constexpr int32_t kCodeTimer = -2;
constexpr uint64_t kUserFlags = 0x4'0DD5;  // CF PF AF ZF SF TF DF OF AC
constexpr uint64_t kTrapFlag = 0x100;
constexpr uint16_t kUserCode = 0x33, kUserStack = 0x2B;  // what Linux programs see

}  // namespace

SignalDetails SignalDetails::of(const protocols::process::SignalInfo& info) {
    SignalDetails details;
    details.number = info.number;
    details.code = info.code;
    if (info.code == kCodeTimer) {
        details.timer.timer = info.timer;
        details.timer.value = info.value;
        return details;
    }
    details.sender.pid = info.pid;
    details.sender.uid = info.uid;
    if (info.number == kChild && info.code > 0)
        details.sender.status = info.status;
    else
        details.sender.value = info.value;
    return details;
}

SignalDetails SignalDetails::of_fault(int number, int code, uint64_t address) {
    SignalDetails details;
    details.number = number;
    details.code = code;
    details.fault.address = address;
    return details;
}

MachineContext MachineContext::of(const abi::Registers& from) {
    return {.r8 = from.r8,
            .r9 = from.r9,
            .r10 = from.r10,
            .r11 = from.r11,
            .r12 = from.r12,
            .r13 = from.r13,
            .r14 = from.r14,
            .r15 = from.r15,
            .rdi = from.rdi,
            .rsi = from.rsi,
            .rbp = from.rbp,
            .rbx = from.rbx,
            .rdx = from.rdx,
            .rax = from.rax,
            .rcx = from.rcx,
            .rsp = from.rsp,
            .rip = from.rip,
            .rflags = from.rflags,
            .cs = kUserCode,
            .gs = 0,
            .fs = 0,
            .ss = kUserStack,
            .error = 0,
            .trap = 0,
            .old_mask = 0,
            .cr2 = 0,
            .vector_state = 0,
            .reserved = {}};
}

abi::Registers MachineContext::registers() const {
    return {.rax = rax,
            .rbx = rbx,
            .rcx = rcx,
            .rdx = rdx,
            .rsi = rsi,
            .rdi = rdi,
            .rbp = rbp,
            .r8 = r8,
            .r9 = r9,
            .r10 = r10,
            .r11 = r11,
            .r12 = r12,
            .r13 = r13,
            .r14 = r14,
            .r15 = r15,
            .rip = rip,
            .rflags = (rflags & kUserFlags & ~kTrapFlag) | 0x202,
            .rsp = rsp};
}

void clean_vector_state(uint8_t* state, uint64_t features, uint32_t mxcsr_mask, bool has_header) {
    uint32_t mxcsr = 0;
    std::memcpy(&mxcsr, state + 24, sizeof(mxcsr));
    mxcsr &= mxcsr_mask;
    std::memcpy(state + 24, &mxcsr, sizeof(mxcsr));
    if (features == 0) return;  // fxrstor reads no header
    uint64_t header[8]{};
    if (has_header)
        std::memcpy(&header[0], state + 512, sizeof(header[0]));
    else
        header[0] = 3;
    header[0] &= features;
    std::memcpy(state + 512, header, sizeof(header));
}

}  // namespace portico::posix
