#pragma once

#include "servers/file/proc_file_system.h"

namespace portico::file_server {

/// /sys: what programs ask of the CPUs and of large pages.
class SysFileSystem final : public ProcFileSystem {
public:
    SysFileSystem(uint64_t device, SystemView& system, const NameSpace& name_space);
    std::string_view type() const override { return "sysfs"; }
};

}  // namespace portico::file_server
