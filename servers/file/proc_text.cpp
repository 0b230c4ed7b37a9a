#include "servers/file/proc_text.h"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace portico::file_server {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t ticks(uint64_t ns) {
    return ns / (kSecond / kTicksPerSecond);
}
constexpr uint64_t hundredths(uint64_t ns) {
    return ns / (kSecond / 100) % 100;
}

}  // namespace

std::string format(const char* pattern, ...) {
    va_list arguments;
    va_start(arguments, pattern);
    va_list again;
    va_copy(again, arguments);
    const int length = vsnprintf(nullptr, 0, pattern, arguments);
    va_end(arguments);
    std::string text(length > 0 ? static_cast<size_t>(length) : 0, '\0');
    vsnprintf(text.data(), text.size() + 1, pattern, again);
    va_end(again);
    return text;
}

std::string cpu_text(const abi::SystemInfo& info, const CpuView& cpu) {
    std::string text;
    for (uint32_t i = 0; i < info.cpu_count; ++i)
        text += format(
            "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n"
            "cpu MHz\t\t: %" PRIu64 ".%03" PRIu64 "\nphysical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\nflags\t\t: %s\n\n",
            i, cpu.vendor.c_str(), cpu.family, cpu.model, cpu.model_name.c_str(), cpu.stepping, info.tsc_hz / 1'000'000,
            info.tsc_hz / 1000 % 1000, info.cpu_count, i, info.cpu_count, cpu.flags.c_str());
    return text;
}

std::string stat_text(const SystemMoment& moment) {
    const uint64_t all_ns = moment.monotonic_ns * moment.info.cpu_count;
    const uint64_t idle_ns = std::min(moment.info.idle_ns, all_ns);
    const uint64_t count = std::max(moment.info.cpu_count, 1u);
    std::string text = format("cpu  %" PRIu64 " 0 0 %" PRIu64 " 0 0 0 0 0 0\n", ticks(all_ns - idle_ns), ticks(idle_ns));
    for (uint32_t i = 0; i < moment.info.cpu_count; ++i)  // only the sum is counted
        text += format("cpu%u %" PRIu64 " 0 0 %" PRIu64 " 0 0 0 0 0 0\n", i, ticks((all_ns - idle_ns) / count), ticks(idle_ns / count));
    const int64_t boot_seconds = (moment.realtime_ns - static_cast<int64_t>(moment.monotonic_ns)) / static_cast<int64_t>(kSecond);
    text += format("intr 0\nctxt %" PRIu64 "\nbtime %" PRId64 "\nprocesses %" PRId64 "\nprocs_running %" PRIu64 "\nprocs_blocked 0\n",
                   moment.info.context_switches, boot_seconds, moment.last_pid, moment.processes_running);
    return text;
}

std::string uptime_text(const SystemMoment& moment) {
    return format("%" PRIu64 ".%02" PRIu64 " %" PRIu64 ".%02" PRIu64 "\n", moment.monotonic_ns / kSecond, hundredths(moment.monotonic_ns),
                  moment.info.idle_ns / kSecond, hundredths(moment.info.idle_ns));
}

std::string load_text(const SystemMoment& moment) {
    // The kernel keeps no average of waiting threads, so the averages are zero.
    return format("0.00 0.00 0.00 %" PRIu64 "/%" PRIu64 " %" PRId64 "\n", moment.processes_running, moment.info.thread_count,
                  moment.last_pid);
}

std::string release_text() {
    return "6.1.0-portico";
}

std::string version_text() {
    return "Linux version " + release_text() + " #1 Portico\n";
}

std::string accounts_text(const abi::SystemInfo& info, const abi::AccountInfo& own) {
    std::string text;
    const auto line = [&](const char* name, uint64_t value) { text += format("%s %" PRIu64 "\n", name, value); };
    line("memory_bytes", info.memory_bytes);
    line("free_bytes", info.free_bytes);
    line("used_bytes", info.memory_bytes - std::min(info.free_bytes, info.memory_bytes));
    line("kernel_bytes", info.kernel_bytes);
    line("processes", info.process_count);
    line("threads", info.thread_count);
    line("ports", info.port_count);
    line("context_switches", info.context_switches);
    line("account_limit_bytes", own.limit_bytes);
    line("account_used_bytes", own.used_bytes);
    line("account_peak_bytes", own.peak_bytes);
    line("account_objects", own.object_count);
    return text;
}

std::string ports_text(const std::vector<abi::PortInfo>& ports) {
    std::string text = "id owner queued queued_max credits senders receivers messages waits_for name\n";
    for (const abi::PortInfo& port : ports) {
        std::string name(port.name.data(), strnlen(port.name.data(), port.name.size()));
        for (char& c : name)
            if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) c = '?';
        text += format("%" PRIu64 " %" PRIu64 " %u %u %u %u %u %" PRIu64 " %" PRIu64 " %s\n", port.id, port.owner, port.queued,
                       port.queued_max, port.credits, port.senders, port.receivers, port.messages, port.waits_for, name.c_str());
    }
    return text;
}

std::string process_name(const ProcessView& process) {
    const char* const name = process.description.name;
    return {name, strnlen(name, sizeof process.description.name)};
}

std::string process_stat_text(const ProcessView& process) {
    const auto& d = process.description;
    const uint64_t terminal = d.special_device;
    std::string text = format("%d (%s) %c %d %d %d %" PRIu64 " -1 0 0 0 0 0 ", d.pid, process_name(process).c_str(), d.state, d.parent,
                              d.group, d.session, terminal);
    text += format("%" PRIu64 " 0 0 0 20 0 %u 0 %" PRIu64 " %" PRIu64 " %" PRIu64, ticks(d.cpu_time_ns), d.thread_count, ticks(d.start_ns),
                   d.mapped_bytes, d.resident_bytes / abi::kPageBytes);
    return text + " 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
}

std::string process_status_text(const ProcessView& process, const std::string& memory) {
    const auto& d = process.description;
    const char* const state = d.state == 'R'   ? "R (running)"
                              : d.state == 'T' ? "T (stopped)"
                              : d.state == 'Z' ? "Z (zombie)"
                                               : "S (sleeping)";
    return format(
        "Name:\t%s\nState:\t%s\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n"
        "%sThreads:\t%u\n",
        process_name(process).c_str(), state, d.pid, d.pid, d.parent, d.uid, d.uid, d.uid, d.uid, d.gid, d.gid, d.gid, d.gid,
        memory.c_str(), d.thread_count);
}

std::string uuid_text(const uint8_t (&random)[16]) {
    std::string text;
    for (unsigned i = 0; i < 16; ++i) {
        uint8_t byte = random[i];
        if (i == 6) byte = static_cast<uint8_t>((byte & 0x0F) | 0x40);
        if (i == 8) byte = static_cast<uint8_t>((byte & 0x3F) | 0x80);
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += format("%02x", byte);
    }
    return text + "\n";
}

}  // namespace portico::file_server
