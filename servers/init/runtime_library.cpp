#include "servers/init/runtime_library.h"

namespace portico::init {

namespace {

constexpr abi::MapFlags kFixed = abi::MapFlags::Fixed | abi::MapFlags::NoReplace;

Result<> map(const OwnedHandle& space, abi::Handle memory, uint64_t address, uint64_t length_bytes, abi::MapFlags flags) {
    if (length_bytes == 0) return {};
    TRY(native::call(abi::SpaceMap{space.get(), memory, 0, address, length_bytes, static_cast<uint64_t>(flags)}));
    return {};
}

}  // namespace

Result<RuntimeLibrary> RuntimeLibrary::open(abi::Handle image) {
    abi::RuntimeHeader header{};
    TRY(native::call(abi::MemoryRead{image, 0, reinterpret_cast<uint64_t>(&header), sizeof header}));
    const bool whole_pages = (header.text_bytes | header.data_bytes | header.bss_bytes) % abi::kPageBytes == 0;
    const bool starts_inside = header.start >= abi::kRuntimeBase && header.start - abi::kRuntimeBase < header.text_bytes;
    if (header.magic != abi::RuntimeHeader::kMagic || !whole_pages || !starts_inside) return fail(Error::NotExecutable);
    return RuntimeLibrary(image, header);
}

Result<OwnedHandle> RuntimeLibrary::make_space(abi::Handle boot_block, uint64_t boot_block_bytes, abi::Handle account) const {
    OwnedHandle space(TRY(native::call(abi::SpaceCreate{account})).space);
    uint64_t address = abi::kRuntimeBase;
    TRY(map(space, image_, address, header_.text_bytes, kFixed | abi::MapFlags::Shared | abi::Access::ReadExecute));
    address += header_.text_bytes;
    if (header_.data_bytes != 0) {
        const OwnedHandle data(TRY(native::call(abi::MemoryClone{image_, header_.text_bytes, header_.data_bytes})).memory);
        TRY(map(space, data.get(), address, header_.data_bytes, kFixed | abi::Access::ReadWrite));
        address += header_.data_bytes;
    }
    TRY(map(space, abi::kNoHandle, address, header_.bss_bytes, kFixed | abi::Access::ReadWrite));
    TRY(map(space, boot_block, abi::kBootBlockAddress, boot_block_bytes, kFixed | abi::Access::ReadWrite));
    return space;
}

}  // namespace portico::init
