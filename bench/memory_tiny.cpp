/// The smallest static program there is: what running it costs is what the system's part of running a program costs.
extern "C" [[noreturn]] void _start() {
    asm volatile("syscall" : : "a"(231L), "D"(0L) : "rcx", "r11", "memory");  // exit_group(0)
    __builtin_unreachable();
}
