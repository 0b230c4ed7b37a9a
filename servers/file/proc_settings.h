#pragma once

#include "servers/file/proc_nodes.h"

/// /proc/sys: how the system is set. All of it is fixed, so what programs read there is told as it is.
namespace portico::file_server {

template <size_t kBytes>
struct FixedText {
    char text[kBytes];
    constexpr FixedText(const char (&given)[kBytes]) { std::copy_n(given, kBytes, text); }  // NOLINT: implicit, to be written as a literal
};

template <FixedText kText>
Result<std::string> fixed_text(ProcFileSystem&, int32_t) {
    return std::string(kText.text) + "\n";
}

inline constexpr ProcItem kRandomSettings[]{
    {.name = "entropy_avail", .text = fixed_text<"256">},
    {.name = "poolsize", .text = fixed_text<"256">},
    {.name = "uuid", .text = [](ProcFileSystem& proc, int32_t) -> Result<std::string> { return proc.system().uuid(); }},
};
inline constexpr ProcItem kKernelSettings[]{
    {.name = "cap_last_cap", .text = fixed_text<"40">},
    {.name = "hostname", .text = fixed_text<"portico">},
    {.name = "msgmax", .text = fixed_text<"8192">},
    {.name = "msgmnb", .text = fixed_text<"16384">},
    {.name = "msgmni", .text = fixed_text<"32000">},
    {.name = "ngroups_max", .text = fixed_text<"32">},
    {.name = "osrelease", .text = [](ProcFileSystem&, int32_t) -> Result<std::string> { return release_text() + "\n"; }},
    {.name = "ostype", .text = fixed_text<"Linux">},
    {.name = "overflowgid", .text = fixed_text<"65534">},
    {.name = "overflowuid", .text = fixed_text<"65534">},
    {.name = "pid_max", .text = fixed_text<"32768">},
    {.name = "random", .items = kRandomSettings},
    {.name = "sem", .text = fixed_text<"32000\t1024000000\t500\t32000">},
    {.name = "shm_rmid_forced", .text = fixed_text<"0">},
    {.name = "shmall", .text = fixed_text<"18446744073692774399">},
    {.name = "shmmax", .text = fixed_text<"18446744073692774399">},
    {.name = "shmmni", .text = fixed_text<"4096">},
};
inline constexpr ProcItem kMemorySettings[]{
    {.name = "overcommit_memory", .text = fixed_text<"1">},  // nothing is set aside before it is touched
    {.name = "overcommit_ratio", .text = fixed_text<"50">},
};
inline constexpr ProcItem kQueueSettings[]{
    {.name = "msg_default", .text = fixed_text<"10">},       {.name = "msg_max", .text = fixed_text<"10">},
    {.name = "msgsize_default", .text = fixed_text<"8192">}, {.name = "msgsize_max", .text = fixed_text<"8192">},
    {.name = "queues_max", .text = fixed_text<"256">},
};
inline constexpr ProcItem kFileSettings[]{
    {.name = "mqueue", .items = kQueueSettings},
    {.name = "nr_open", .text = fixed_text<"1048576">},
    {.name = "pipe-max-size", .text = fixed_text<"65536">},
};
inline constexpr ProcItem kProcSettings[]{
    {.name = "fs", .items = kFileSettings},
    {.name = "kernel", .items = kKernelSettings},
    {.name = "vm", .items = kMemorySettings},
};

}  // namespace portico::file_server
