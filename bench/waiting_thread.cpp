#include "bench/waiting_thread.h"

#include "bench/service.h"

namespace portico::bench {
namespace {

/// Starts with the port in rdi and the sender, or zero, in the stack pointer: it has no memory of its own.
[[gnu::naked]] void wait_for_ever() {
    asm volatile(
        "mov %%rdi, %%rbp\n"
        "mov %%rsp, %%rdi\n"
        "test %%rdi, %%rdi\n"
        "jz 1f\n"
        "xor %%esi, %%esi\n"
        "xor %%r13d, %%r13d\n"
        "mov %[call], %%eax\n"
        "syscall\n"
        "1: mov %%rbp, %%rdi\n"
        "mov $-1, %%r13\n"
        "mov %[receive], %%eax\n"
        "syscall\n"
        "jmp 1b\n"
        :
        : [call] "i"(abi::kNativeBase + abi::PortCall::doc.number), [receive] "i"(abi::kNativeBase + abi::PortReceive::doc.number));
}

}  // namespace

void start_waiting_thread(abi::Handle port, abi::Handle sender) {
    const abi::ThreadStart first{.instruction = reinterpret_cast<uint64_t>(&wait_for_ever), .stack = sender.value, .argument = port.value};
    native::close(must(native::call(abi::ThreadCreate{abi::kSelfProcess, reinterpret_cast<uint64_t>(&first)})).thread);
}

}  // namespace portico::bench
