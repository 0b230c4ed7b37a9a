#include <cstdarg>
#include <cstddef>

#include "kernel/arch/x86_64/layout.h"

/// What compiled C++ expects of its surroundings.
extern "C" {

/// Set by boot.S before the first function that checks it; read-only afterwards.
BOOT_CONSTANT uintptr_t __stack_chk_guard;

[[noreturn]] void __stack_chk_fail() {
    portico::kernel::panic("a function overran its stack frame, called from %p", __builtin_return_address(0));
}

[[noreturn]] void __cxa_pure_virtual() {
    portico::kernel::panic("pure virtual function called from %p", __builtin_return_address(0));
}

[[noreturn]] void abort() {
    portico::kernel::panic("abort called from %p", __builtin_return_address(0));
}

void* __dso_handle = nullptr;

/// Objects with static storage are never destroyed: the kernel does not end.
int __cxa_atexit(void (*)(void*), void*, void*) {
    return 0;
}

}  // extern "C"

/// Deleting destructors refer to it, but objects are destroyed in place and freed by the heap that made them.
void operator delete(void*, size_t) noexcept {
    portico::kernel::panic("operator delete called from %p", __builtin_return_address(0));
}

/// Where libc++ would throw (substr past the end and the like).
namespace std {
inline namespace __1 {
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) {
    portico::kernel::panic("libc++: %s", format);
}
}  // namespace __1
}  // namespace std
