#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "abi/types.h"
#include "protocols/process.h"

/// The texts of /proc, in Linux's formats (proc(5)). Pure: numbers in, text out.
namespace portico::file_server {

/// What is known of a process: its Description, the program's path, the arguments (each with a zero).
struct ProcessView {
    protocols::process::Description description{};
    std::string path;
    std::string arguments;
};

/// What the CPU says of itself.
struct CpuView {
    std::string vendor, model_name, flags;
    uint32_t family = 0, model = 0, stepping = 0;
};

/// A moment, for the texts that need one.
struct SystemMoment {
    abi::SystemInfo info;
    int64_t realtime_ns = 0;
    uint64_t monotonic_ns = 0;
    uint64_t processes_running = 0;
    int64_t last_pid = 0;
    uint64_t cached_bytes = 0;     ///< in memory for files
    uint64_t kept_bytes = 0;       ///< free, but not for programs
    uint64_t kill_count = 0;       ///< of processes, for want of memory
    std::string_view swap_disk{};  ///< its name
};

inline constexpr uint64_t kTicksPerSecond = 100;  // USER_HZ

std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));

std::string cpu_text(const abi::SystemInfo& info, const CpuView& cpu);
std::string stat_text(const SystemMoment& moment);
std::string uptime_text(const SystemMoment& moment);
std::string load_text(const SystemMoment& moment);
std::string version_text();
std::string release_text();
std::string accounts_text(const abi::SystemInfo& info, const abi::AccountInfo& own);

/// A line a port, below one that names the columns. The name comes last and is the rest of its line, whatever bytes it was given.
std::string ports_text(const std::vector<abi::PortInfo>& ports);

std::string process_stat_text(const ProcessView& process);
/// `memory`: the lines about memory, none for one that has ended.
std::string process_status_text(const ProcessView& process, const std::string& memory);
std::string process_name(const ProcessView& process);

/// A version 4 UUID of 16 random bytes, with a newline.
std::string uuid_text(const uint8_t (&random)[16]);

}  // namespace portico::file_server
