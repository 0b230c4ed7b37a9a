#pragma once

#include "servers/ext4/file_system.h"
#include "servers/file/kernel_memory.h"
#include "servers/file/pager.h"

namespace portico::ext4 {

struct Mounted {
    std::unique_ptr<FileSystem> file_system;
    file_server::Pager& pager;
};

/// The file system on a driver's disk; what it is made of stays for good. Errors: as Volume::open; the log tells why.
Result<Mounted> mount(abi::Handle driver, abi::Handle port, uint64_t device, file_server::KernelMemorySource& mappings);

}  // namespace portico::ext4
