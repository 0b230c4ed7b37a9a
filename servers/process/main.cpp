#include <algorithm>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "runtime/boot.h"
#include "servers/process/server.h"

/// Grants: process.port (with Receive). Arguments: those of init; "processes=N" bounds the number of processes; "limit_memory=BYTES" and
/// "limit_tasks=N" bound what all programs together use.
namespace portico::process {
namespace {

/// The number in a word KEY=NUMBER, or `otherwise` if there is none.
uint64_t number_of(std::string_view key, int argument_count, char** arguments, uint64_t otherwise) {
    for (int i = 1; i < argument_count; ++i) {
        const std::string_view word = arguments[i];
        if (word.starts_with(key)) (void)std::from_chars(word.data() + key.size(), word.data() + word.size(), otherwise);
    }
    return otherwise;
}

/// Programs leave some memory free, so that servers, which work for all of them, do not run short when programs do.
Result<OwnedHandle> make_programs_account(uint64_t memory_bytes_max) {
    constexpr uint64_t kKeptMin = 1 << 20, kKeptMax = 8 << 20;
    abi::SystemInfo system;
    TRY(native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&system)}));
    const uint64_t kept = std::clamp(system.memory_bytes / 64, kKeptMin, kKeptMax);
    const uint64_t limit = std::min(memory_bytes_max, system.memory_bytes);
    return OwnedHandle(TRY(native::call(abi::AccountCreate{abi::kSelfAccount, limit, kept})).account);
}

/// The memory of what ProcessTable publishes, mapped here for good.
struct Identities {
    OwnedHandle memory;
    std::span<Identity> places;
};

Result<Identities> make_identities() {
    constexpr uint64_t bytes = ProcessTable::kIdMax * sizeof(Identity);
    OwnedHandle memory(TRY(native::call(abi::MemoryCreate{bytes, static_cast<uint64_t>(abi::MemoryFlags::GrowOnly)})).memory);
    constexpr auto flags = abi::MapFlags::Shared | abi::Access::ReadWrite;
    const uint64_t address =
        TRY(native::call(abi::SpaceMap{abi::kSelfSpace, memory.get(), 0, 0, bytes, static_cast<uint64_t>(flags)})).address;
    return Identities{std::move(memory), {reinterpret_cast<Identity*>(address), ProcessTable::kIdMax}};
}

int run(int argument_count, char** arguments) {
    const abi::Handle port = boot::grant("process.port");
    const uint64_t memory_bytes_max = number_of("limit_memory=", argument_count, arguments, Budget::kNoLimit);
    const uint64_t tasks_max = number_of("limit_tasks=", argument_count, arguments, Budget::kNoLimit);
    Result<OwnedHandle> account = make_programs_account(memory_bytes_max);
    Result<Identities> identities = make_identities();
    const auto& runtime = *reinterpret_cast<const abi::RuntimeHeader*>(abi::kRuntimeBase);
    if (!port || !account || !identities || runtime.magic != abi::RuntimeHeader::kMagic) {
        std::fprintf(stderr, "process: not started as a server: no port, account, memory or runtime library\n");
        return 1;
    }
    ProcessTable table(number_of("processes=", argument_count, arguments, ProcessTable::kIdMax), identities->places);
    Server server({.port = port,
                   .programs_account = std::move(*account),
                   .memory_bytes_max = memory_bytes_max,
                   .tasks_max = tasks_max,
                   .program_start = runtime.start,
                   .identities = std::move(identities->memory)},
                  table);
    ipc::run(server, port, protocol::Protocol{});
}

}  // namespace
}  // namespace portico::process

int main(int argument_count, char** arguments) {
    return portico::process::run(argument_count, arguments);
}
