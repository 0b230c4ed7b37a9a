#include <cpuid.h>
#include <sys/random.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "runtime/ipc.h"
#include "servers/file/node.h"
#include "servers/file/system_view.h"

namespace portico::file_server {
namespace {

namespace process = protocols::process;

constexpr size_t kDescriptionBytesMax = sizeof(process::Description) + 0x1'0000;

struct CpuFlag {
    unsigned leaf, output, bit;  // output: 1 ebx, 2 ecx, 3 edx
    const char* name;
};
constexpr CpuFlag kCpuFlags[]{
    {1, 3, 0, "fpu"},     {1, 3, 4, "tsc"},         {1, 3, 6, "pae"},     {1, 3, 8, "cx8"},  {1, 3, 15, "cmov"},  {1, 3, 23, "mmx"},
    {1, 3, 24, "fxsr"},   {1, 3, 25, "sse"},        {1, 3, 26, "sse2"},   {1, 2, 0, "pni"},  {1, 2, 9, "ssse3"},  {1, 2, 13, "cx16"},
    {1, 2, 19, "sse4_1"}, {1, 2, 20, "sse4_2"},     {1, 2, 23, "popcnt"}, {1, 2, 25, "aes"}, {1, 2, 26, "xsave"}, {1, 2, 28, "avx"},
    {1, 2, 30, "rdrand"}, {1, 2, 31, "hypervisor"}, {7, 1, 5, "avx2"},    {7, 1, 3, "bmi1"}, {7, 1, 8, "bmi2"},   {7, 1, 0, "fsgsbase"},
};

}  // namespace

SystemMoment RunningSystem::moment() {
    SystemMoment moment;
    (void)native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&moment.info)});
    moment.realtime_ns = realtime_ns();
    timespec monotonic{};
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    moment.monotonic_ns = static_cast<uint64_t>(monotonic.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(monotonic.tv_nsec);
    const Result<std::vector<int32_t>> pids = processes();
    moment.last_pid = pids && !pids->empty() ? pids->back() : 0;
    moment.processes_running = 1;  // the one that asks
    moment.cached_bytes = cached_bytes();
    moment.swap_disk = handles_.swap_disk;
    if (const auto all = budgets(); all && !all->empty()) {
        moment.kept_bytes = all->front().kept_free_bytes;
        moment.kill_count = all->front().kill_count;
    }
    return moment;
}

abi::AccountInfo RunningSystem::account() {
    abi::AccountInfo info;
    (void)native::call(abi::AccountQuery{abi::kSelfAccount, reinterpret_cast<uint64_t>(&info)});
    return info;
}

CpuView RunningSystem::cpu() {
    CpuView cpu;
    unsigned registers[4]{};
    if (__get_cpuid(0, &registers[0], &registers[1], &registers[2], &registers[3]) != 0)
        for (const unsigned part : {registers[1], registers[3], registers[2]}) cpu.vendor.append(reinterpret_cast<const char*>(&part), 4);
    if (__get_cpuid(1, &registers[0], &registers[1], &registers[2], &registers[3]) != 0) {
        const unsigned version = registers[0];
        cpu.family = (version >> 8) & 15;
        if (cpu.family == 15) cpu.family += (version >> 20) & 255;
        cpu.model = ((version >> 4) & 15) | ((version >> 12) & 0xF0);
        cpu.stepping = version & 15;
    }
    for (unsigned leaf = 0x8000'0002; leaf <= 0x8000'0004; ++leaf)
        if (__get_cpuid(leaf, &registers[0], &registers[1], &registers[2], &registers[3]) != 0)
            cpu.model_name.append(reinterpret_cast<const char*>(registers), sizeof registers);
    cpu.model_name.resize(strnlen(cpu.model_name.c_str(), cpu.model_name.size()));
    for (const CpuFlag& flag : kCpuFlags) {
        if (__get_cpuid_count(flag.leaf, 0, &registers[0], &registers[1], &registers[2], &registers[3]) == 0) continue;
        if (((registers[flag.output] >> flag.bit) & 1) == 0) continue;
        if (!cpu.flags.empty()) cpu.flags += ' ';
        cpu.flags += flag.name;
    }
    return cpu;
}

Result<std::vector<int32_t>> RunningSystem::processes() {
    std::vector<int32_t> all;
    int32_t part[512];
    for (;;) {
        const process::List request{.after = all.empty() ? 0 : all.back()};
        const uint64_t count =
            TRY(ipc::call(handles_.process_server, request, {.writable = std::as_writable_bytes(std::span(part))})).count;
        if (count == 0) return all;
        all.insert(all.end(), part, part + std::min<uint64_t>(count, std::size(part)));
        if (count < std::size(part)) return all;
    }
}

Result<ProcessView> RunningSystem::process(int32_t pid) {
    std::vector<std::byte> buffer(kDescriptionBytesMax);
    const Result<process::Describe::Reply> reply = ipc::call(handles_.process_server, process::Describe{.pid = pid}, {.writable = buffer});
    if (!reply) return fail(reply.error() == Error::NoProcess ? Error::NotFound : reply.error());
    const uint64_t length_bytes = std::min<uint64_t>(reply->length_bytes, buffer.size());
    if (length_bytes < sizeof(process::Description)) return fail(Error::BadProtocol);
    ProcessView view;
    std::memcpy(&view.description, buffer.data(), sizeof view.description);
    const char* const texts = reinterpret_cast<const char*>(buffer.data()) + sizeof view.description;
    const uint64_t texts_bytes = length_bytes - sizeof view.description;
    const uint64_t path_bytes = std::min<uint64_t>(view.description.path_bytes, texts_bytes);
    view.path.assign(texts, path_bytes);
    view.arguments.assign(texts + path_bytes, std::min<uint64_t>(view.description.arguments_bytes, texts_bytes - path_bytes));
    return view;
}

Result<std::vector<abi::MappingUsage>> RunningSystem::mappings(int32_t pid) {
    const auto reply = ipc::call(handles_.process_server, process::Inspect{.pid = pid});
    if (!reply) return fail(reply.error() == Error::NoProcess ? Error::NotFound : reply.error());
    const OwnedHandle looked_at(reply->process);
    std::vector<abi::MappingUsage> all;
    for (uint64_t address = 0;;) {
        abi::MappingUsage part;
        const auto found = native::call(abi::ProcessInspect{looked_at.get(), address, reinterpret_cast<uint64_t>(&part)});
        if (!found && found.error() == Error::WrongState) return fail(Error::NotFound);  // it has ended
        if (!found) return all;
        address = part.counted_to;
        if (!all.empty() && all.back().mapping.address == part.mapping.address)
            add_usage(all.back(), part);
        else
            all.push_back(part);
    }
}

Result<std::vector<process::BudgetInfo>> RunningSystem::budgets() {
    std::vector<process::BudgetInfo> all(256);
    const auto reply =
        TRY(ipc::call(handles_.process_server, process::ListBudgets{}, {.writable = std::as_writable_bytes(std::span(all))}));
    all.resize(std::min<uint64_t>(reply.count, all.size()));
    return all;
}

Result<std::vector<abi::PortInfo>> RunningSystem::ports() {
    std::vector<abi::PortInfo> all;
    std::array<abi::PortInfo, abi::kPortListMax> part;
    for (;;) {
        const uint64_t cursor = all.empty() ? 0 : all.back().id;
        const auto address = reinterpret_cast<uint64_t>(part.data());
        const uint64_t count = TRY(native::call(abi::PortList{handles_.inspection, cursor, address, part.size()})).count;
        all.insert(all.end(), part.begin(), part.begin() + static_cast<ptrdiff_t>(count));
        if (count < part.size()) return all;
    }
}

Result<std::string> RunningSystem::sysv(protocols::sysv::Kind kind) {
    constexpr uint64_t kAnswerNs = 2'000'000'000;  // a server that takes longer is none
    for (size_t room = 16384;;) {
        std::string text(room, '\0');
        const uint64_t deadline_ns = TRY(native::call(abi::ClockRead{})).now_ns + kAnswerNs;
        const uint64_t length = TRY(ipc::call(handles_.sysv, protocols::sysv::List{.kind = kind},
                                              {.writable = std::as_writable_bytes(std::span(text))}, deadline_ns))
                                    .length_bytes;
        if (length <= room) {
            text.resize(length);
            return text;
        }
        room = length + 4096;
    }
}

std::string RunningSystem::uuid() {
    uint8_t random[16]{};
    (void)getrandom(random, sizeof random, 0);
    return uuid_text(random);
}

Result<> RunningSystem::command_servers(std::string_view line) {
    return ipc::post(handles_.init, TRY(servers_.parse(line)));
}

}  // namespace portico::file_server
