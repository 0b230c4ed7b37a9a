#pragma once

#include "libs/result.h"
#include "servers/ext4/block_cache.h"

#include <ext2fs/ext2fs.h>

/// What libext2fs is given to read and write through, and its errors as ours.
namespace portico::ext4 {

/// The manager whose next channel goes through `cache`, which must outlive it.
io_manager manager_for(BlockCache& cache);

Error error_of(errcode_t code);

inline Result<> check(errcode_t code) {
    if (code == 0) return {};
    return fail(error_of(code));
}

}  // namespace portico::ext4
