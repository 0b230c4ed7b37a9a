#include <cstdio>

#include "abi/syscalls.h"

/// Prints docs/syscalls.md from the list of calls and the table of errors.
namespace {

using portico::abi::CallDoc;
using portico::abi::Error;

int width(std::string_view text) {
    return static_cast<int>(text.size());
}

void print_call(const CallDoc& doc) {
    std::printf("\n### %u %.*s\n\n%.*s\n", doc.number, width(doc.name), doc.name.data(), width(doc.summary), doc.summary.data());
    if (!doc.arguments[0].name.empty()) std::printf("\n| argument | meaning |\n|---|---|\n");
    for (const auto& argument : doc.arguments)
        if (!argument.name.empty())
            std::printf("| %.*s | %.*s |\n", width(argument.name), argument.name.data(), width(argument.meaning), argument.meaning.data());
    if (doc.errors[0] == Error::None) return;
    std::printf("\nErrors:");
    for (const Error error : doc.errors)
        if (error != Error::None) std::printf(" %s", name_of(error).data());
    std::printf("\n");
}

}  // namespace

int main() {
    std::printf(
        "# System calls\n\nMade from abi/calls/ by `document_syscalls`; do not edit. Number N in the list is %#lx + N in rax;\n"
        "abi/call_doc.h and abi/message.h tell the registers. The tables of rights, flags and structures are in abi/handle.h and "
        "abi/types.h.\n",
        portico::abi::kNativeBase);
    for (const CallDoc& doc : portico::abi::Syscalls::kDocs) print_call(doc);
    std::printf("\n## Errors\n\n| number | name | meaning |\n|---|---|---|\n");
    for (const auto& error : portico::abi::kErrors)
        std::printf("| %u | %.*s | %.*s |\n", static_cast<unsigned>(error.error), width(error.name), error.name.data(),
                    width(error.meaning), error.meaning.data());
}
