#include "servers/init/boot_archive.h"

namespace portico::init {

Result<BootArchive> BootArchive::map(abi::Handle memory) {
    abi::MemoryInfo info;
    TRY(native::call(abi::MemoryQuery{memory, reinterpret_cast<uint64_t>(&info)}));
    const auto mapped = TRY(native::call(
        abi::SpaceMap{abi::kSelfSpace, memory, 0, 0, info.size_bytes, static_cast<uint64_t>(abi::MapFlags::None | abi::Access::Read)}));
    return BootArchive(memory, {reinterpret_cast<const uint8_t*>(mapped.address), info.size_bytes});
}

Result<OwnedHandle> BootArchive::copy_of(const cpio::Entry& entry) const {
    if (entry.data_offset % abi::kPageBytes == 0)
        return OwnedHandle(TRY(native::call(abi::MemoryClone{memory_, entry.data_offset, entry.data.size()})).memory);
    OwnedHandle copy(TRY(native::call(abi::MemoryCreate{entry.data.size()})).memory);
    TRY(native::call(abi::MemoryWrite{copy.get(), 0, reinterpret_cast<uint64_t>(entry.data.data()), entry.data.size()}));
    return copy;
}

}  // namespace portico::init
