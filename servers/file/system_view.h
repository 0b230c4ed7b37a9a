#pragma once

#include <cstdint>
#include <vector>

#include "libs/result.h"
#include "runtime/handle.h"
#include "servers/file/proc_text.h"

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
    virtual std::string uuid() = 0;
};

/// The running system. Ownership: borrows the process server's handle.
class RunningSystem final : public SystemView {
public:
    explicit RunningSystem(abi::Handle process_server) : process_server_(process_server) {}

    SystemMoment moment() override;
    abi::AccountInfo account() override;
    CpuView cpu() override;
    Result<std::vector<int32_t>> processes() override;
    Result<ProcessView> process(int32_t pid) override;
    std::string uuid() override;

private:
    abi::Handle process_server_;
};

}  // namespace portico::file_server
