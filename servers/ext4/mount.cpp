#include "servers/ext4/mount.h"

#include <cstdio>

#include "servers/block_store/driver_store.h"

namespace portico::ext4 {

Result<std::unique_ptr<FileSystem>> mount(abi::Handle driver, uint64_t device, PageSource& pages) {
    auto store = std::make_unique<block_store::DriverStore>(TRY(block_store::DriverStore::open(driver)));
    std::string why;
    Result<std::unique_ptr<Volume>> volume = Volume::open(*store, why);
    if (!volume) {
        fprintf(stderr, "file: the root disk is not used: %s\n", why.empty() ? "it cannot be read" : why.c_str());
        return fail(volume.error());
    }
    auto file_system = std::make_unique<FileSystem>(device, std::move(*volume), pages);
    TRY(file_system->start());
    (void)store.release();  // as long as the process
    return file_system;
}

}  // namespace portico::ext4
