#include <__verbose_abort>

#include "posix/log_line.h"

/// Where libc++ ends when one of its preconditions is broken: our bug. The invalid instruction makes it a fault inside the
/// library, which upcall.cpp reports with its address.
void std::__libcpp_verbose_abort(const char* format, ...) {
    portico::posix::LogLine() << "runtime library: " << format;
    __builtin_trap();
}
