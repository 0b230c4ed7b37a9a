#include <cstdio>

#include "posix/linux_call_list.h"

/// Prints docs/posix.md from the same list that the runtime library is built with. Runs on the host.
int main() {
    using portico::posix::Support;
    unsigned counts[3]{};
    for (const auto& entry : portico::posix::kLinuxCallList) ++counts[static_cast<unsigned>(entry.support)];
    std::printf(
        "# Linux system calls\n\n"
        "Written by `posix/document_posix.cpp` from `posix/linux_call_list.h`; do not edit.\n\n"
        "%u calls are there in full, %u in part, %u answer ENOSYS (with their name in the log once a process).\n"
        "A server (Bare mode) has only what `kBareHandlers` in `posix/linux_table.cpp` lists.\n\n"
        "| number | call | support | missing |\n|---:|---|---|---|\n",
        counts[2], counts[1], counts[0]);
    constexpr const char* kNames[] = {"none", "partial", "full"};
    for (const auto& entry : portico::posix::kLinuxCallList)
        std::printf("| %u | `%s` | %s | %s |\n", entry.number, entry.name.data(), kNames[static_cast<unsigned>(entry.support)],
                    entry.missing.data());
    return 0;
}
