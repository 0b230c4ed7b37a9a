#include <charconv>
#include <cstdio>
#include <string_view>

#include "runtime/boot.h"
#include "servers/process/server.h"

/// Grants: process.port (with Receive). Arguments: those of init; "processes=N" bounds the number of processes.
namespace portico::process {
namespace {

size_t processes_max(int argument_count, char** arguments) {
    size_t result = ProcessTable::kIdMax;
    constexpr std::string_view key = "processes=";
    for (int i = 1; i < argument_count; ++i) {
        const std::string_view word = arguments[i];
        if (word.starts_with(key)) (void)std::from_chars(word.data() + key.size(), word.data() + word.size(), result);
    }
    return result;
}

Result<OwnedHandle> make_programs_account() {
    abi::SystemInfo system;
    TRY(native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&system)}));
    return OwnedHandle(TRY(native::call(abi::AccountCreate{abi::kSelfAccount, system.memory_bytes})).account);
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
    const Result<OwnedHandle> account = make_programs_account();
    Result<Identities> identities = make_identities();
    const auto& runtime = *reinterpret_cast<const abi::RuntimeHeader*>(abi::kRuntimeBase);
    if (!port || !account || !identities || runtime.magic != abi::RuntimeHeader::kMagic) {
        std::fprintf(stderr, "process: not started as a server: no port, account, memory or runtime library\n");
        return 1;
    }
    ProcessTable table(processes_max(argument_count, arguments), identities->places);
    Server server(
        {.port = port, .programs_account = account->get(), .program_start = runtime.start, .identities = std::move(identities->memory)},
        table);
    ipc::run(server, port, protocol::Protocol{});
}

}  // namespace
}  // namespace portico::process

int main(int argument_count, char** arguments) {
    return portico::process::run(argument_count, arguments);
}
