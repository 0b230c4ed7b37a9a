#pragma once

#include "servers/ext4/file_system.h"

namespace portico::ext4 {

/// The file system on a driver's disk; what it is made of stays for good. Errors: as Volume::open; the log tells why.
Result<std::unique_ptr<FileSystem>> mount(abi::Handle driver, uint64_t device, PageSource& pages);

}  // namespace portico::ext4
