#pragma once

#include "servers/file/pages.h"
#include "servers/file/server.h"

namespace portico::file_server {

/// Mounts the host's folders that have drivers (share0, …) where boot/run says: share=TAG:rw:/PATH or share=TAG:ro:/PATH. What is missing
/// of a path is made. Errors: what kept one from being mounted; the log tells which.
Result<> mount_shares(NameSpace& names, Server& server, PageSource& pages);

}  // namespace portico::file_server
