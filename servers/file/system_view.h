#pragma once

#include <cstdint>
#include <vector>

#include "libs/result.h"
#include "protocols/sysv.h"
#include "runtime/handle.h"
#include "servers/file/file_memory.h"
#include "servers/file/proc_memory.h"
#include "servers/file/proc_text.h"
#include "servers/file/server_list.h"

namespace portico::file_server {

/// Where /proc gets its numbers: the kernel and the process server, or a test's.
class SystemView {
public:
    virtual ~SystemView() = default;
    virtual SystemMoment moment() = 0;
    virtual abi::AccountInfo account() = 0;
    virtual CpuView cpu() = 0;
    virtual Result<std::vector<int32_t>> processes() = 0;
    virtual Result<ProcessView> process(int32_t pid) = 0;  ///< NotFound if there is none
    /// What it has mapped, lowest first. Errors: NotFound if there is no such process or it has no memory any more.
    virtual Result<std::vector<abi::MappingUsage>> mappings(int32_t pid) = 0;
    /// The file behind a memory object; null if it is none that is known.
    virtual std::shared_ptr<Node> owner_of(uint64_t memory_id) = 0;
    virtual uint64_t cached_bytes() = 0;  ///< what is in memory for files
    virtual Result<std::vector<protocols::process::BudgetInfo>> budgets() = 0;
    virtual Result<std::string> sysv(protocols::sysv::Kind kind) = 0;  ///< what its server tells of System V's things
    virtual std::string uuid() = 0;
    virtual Result<std::vector<abi::PortInfo>> ports() = 0;
    virtual std::string servers() = 0;                            ///< ServerList::text
    virtual Result<> command_servers(std::string_view line) = 0;  ///< what ServerList::parse understands
};

/// The running system. Ownership: borrows the handles (`inspection`: the hardware resource, to look at only), the list and the memory.
class RunningSystem final : public SystemView {
public:
    struct Handles {
        abi::Handle process_server, init, sysv, inspection;
        std::string_view swap_disk{};  ///< its name
    };
    RunningSystem(const Handles& handles, const ServerList& servers, const MemorySource& memory)
        : handles_(handles), servers_(servers), memory_(memory) {}

    SystemMoment moment() override;
    abi::AccountInfo account() override;
    CpuView cpu() override;
    Result<std::vector<int32_t>> processes() override;
    Result<ProcessView> process(int32_t pid) override;
    Result<std::vector<abi::MappingUsage>> mappings(int32_t pid) override;
    std::shared_ptr<Node> owner_of(uint64_t memory_id) override { return memory_.owner_of(memory_id); }
    uint64_t cached_bytes() override { return memory_.cached_bytes(); }
    Result<std::vector<protocols::process::BudgetInfo>> budgets() override;
    Result<std::string> sysv(protocols::sysv::Kind kind) override;
    std::string uuid() override;
    Result<std::vector<abi::PortInfo>> ports() override;
    std::string servers() override { return servers_.text(); }
    Result<> command_servers(std::string_view line) override;

private:
    Handles handles_;
    const ServerList& servers_;
    const MemorySource& memory_;
};

}  // namespace portico::file_server
