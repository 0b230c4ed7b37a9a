#include "bench/bare_thread.h"

#include "bench/service.h"

namespace portico::bench {
namespace {

constexpr uint64_t kStackBytes = 64 << 10;

struct Started {
    void (*body)(abi::Handle port);
    abi::Handle port;
    abi::Handle ended;  ///< told when the body has returned
};

uint64_t fs_base() {
    uint64_t base;
    asm("rdfsbase %0" : "=r"(base));
    return base;
}

void start(Started* started) {
    started->body(started->port);
    must(native::call(abi::PortNotify{started->ended, 1}));
    (void)native::call(abi::ThreadExit{});
    __builtin_trap();
}

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

void run_with_priority(uint64_t priority, void (*body)(abi::Handle port), abi::Handle port) {
    alignas(16) static std::byte stack[kStackBytes];
    const Channel end = Channel::create();
    Started started{body, port, end.sender};
    // Thread-local memory is that of this thread, which only waits meanwhile.
    const abi::ThreadStart first{
        .instruction = reinterpret_cast<uint64_t>(&start),
        .stack = reinterpret_cast<uint64_t>(stack) + kStackBytes - sizeof(uint64_t),  // as after a call instruction
        .argument = reinterpret_cast<uint64_t>(&started),
        .fs_base = fs_base(),
        .priority = priority};
    const abi::Handle thread = must(native::call(abi::ThreadCreate{abi::kSelfProcess, reinterpret_cast<uint64_t>(&first)})).thread;
    must(native::receive(end.port));
    native::close(thread);
    end.close();
}

void start_waiting_thread(abi::Handle port, abi::Handle sender) {
    const abi::ThreadStart first{.instruction = reinterpret_cast<uint64_t>(&wait_for_ever), .stack = sender.value, .argument = port.value};
    native::close(must(native::call(abi::ThreadCreate{abi::kSelfProcess, reinterpret_cast<uint64_t>(&first)})).thread);
}

}  // namespace portico::bench
