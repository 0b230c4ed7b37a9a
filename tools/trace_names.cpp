#include <cstdio>

#include "abi/names.h"
#include "abi/syscalls.h"
#include "kernel/debug/trace_entry.h"
#include "posix/linux_call_list.h"
#include "protocols/file.h"
#include "protocols/init.h"
#include "protocols/process.h"
#include "protocols/terminal.h"
#include "protocols/uart.h"
#include "servers/file/identify.h"

/// Prints the names of all numbers in a trace, a line each: what kind of number, the number, the name. host/trace_names.py reads it,
/// so there is no second list of them.
namespace {

using namespace portico;

void print(const char* kind, size_t number, std::string_view name) {
    std::printf("%s %zu %.*s\n", kind, number, static_cast<int>(name.size()), name.data());
}

template <class Names>
void print_all(const char* kind, const Names& names) {
    for (size_t number = 0; number < names.size(); ++number) print(kind, number, names[number]);
}

template <class... Methods>
void print_methods(protocols::MethodList<Methods...> list) {
    for (const protocols::Method& method : list.kMethods) print("method", method.ordinal, method.name);
}

}  // namespace

int main() {
    print_all("event", kernel::kTraceEventNames);
    print_all("fault", abi::kFaultNames);
    print_all("message", abi::kMessageKindNames);
    for (const abi::CallDoc& doc : abi::Syscalls::kDocs) print("call", doc.number, doc.name);
    for (const auto& call : posix::kLinuxCallList) print("linux", call.number, call.name);
    for (const auto& error : abi::kErrors) print("error", static_cast<size_t>(error.error), error.name);
    print_methods(protocols::file::Protocol{});
    print_methods(file_server::IdentifyProtocol{});
    print_methods(protocols::process::Protocol{});
    print_methods(protocols::terminal::Protocol{});
    print_methods(protocols::uart::Protocol{});
    print_methods(protocols::init::Protocol{});
}
