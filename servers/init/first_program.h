#pragma once

#include "servers/init/boot_block.h"
#include "servers/init/run_request.h"
#include "servers/init/supervisor.h"

namespace portico::init {

/// Launches what boot/run asks for as process 1: finds the program, opens its streams and directories, makes its address
/// space, and has the process server make and start it.
///
/// Ownership: owns the handles it opens until the process has its own. Locks: none. Bound: one launch.
class FirstProgram {
public:
    static constexpr int64_t kPid = 1;  ///< the first that the process server gives

    FirstProgram(Supervisor& supervisor, const BootResources& boot, const RunRequest& request)
        : supervisor_(supervisor), boot_(boot), request_(request) {}

    /// Success: it runs. Else the wait status to report, after a line on its standard error, or, if the system is at fault,
    /// 0 and the supervisor's failure.
    Result<> launch(uint32_t& refused_status);

private:
    struct Opened {
        OwnedHandle handle;
        uint32_t kind = 0;
        uint32_t flags = 0;
        uint64_t special_device = 0;
    };

    Result<Opened> open(const OwnedHandle& directory, std::string_view path, uint32_t flags);
    Result<> open_streams();
    /// The program's path; else the status to report, after the line on standard error.
    Result<std::string> find_program(uint32_t& refused_status);
    Result<uint32_t> mode_of(const std::string& path);
    void tell_user(std::string_view line);
    Result<> give_terminal();
    Result<> run(const std::string& path);
    Result<> give_handles(abi::Handle process, abi::Handle block, uint64_t descriptors_offset);

    Supervisor& supervisor_;
    const BootResources& boot_;
    const RunRequest& request_;
    Opened streams_[3];
    OwnedHandle working_directory_;
};

}  // namespace portico::init
