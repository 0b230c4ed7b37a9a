#include "posix/next_image.h"

#include "abi/boot_block.h"
#include "posix/thread_memory.h"

namespace portico::posix {

namespace {

using abi::Access;
using abi::MapFlags;

Result<> map(abi::Handle space, abi::Handle memory, uint64_t offset_bytes, uint64_t address, uint64_t length_bytes, MapFlags flags) {
    if (length_bytes == 0) return {};
    TRY(native::call(abi::SpaceMap{space, memory, offset_bytes, address, length_bytes, static_cast<uint64_t>(flags | MapFlags::Fixed)}));
    return {};
}

Result<> map_runtime(abi::Handle space, abi::Handle image, const abi::RuntimeHeader& header) {
    const uint64_t data = abi::kRuntimeBase + header.text_bytes;
    TRY(map(space, image, 0, abi::kRuntimeBase, header.text_bytes, MapFlags::Shared | Access::ReadExecute));
    if (header.data_bytes != 0) {
        const OwnedHandle copy(TRY(native::call(abi::MemoryClone{image, header.text_bytes, header.data_bytes})).memory);
        TRY(map(space, copy.get(), 0, data, header.data_bytes, MapFlags::None | Access::ReadWrite));
    }
    return map(space, {}, 0, data + header.data_bytes, header.bss_bytes, MapFlags::None | Access::ReadWrite);
}

}  // namespace

Result<NextImage> NextImage::create(abi::Handle runtime_image, std::span<const std::byte> boot_block) {
    const abi::RuntimeHeader header = *reinterpret_cast<const abi::RuntimeHeader*>(abi::kRuntimeBase);  // the image is this very library's
    if (header.magic != abi::RuntimeHeader::kMagic) return fail(Error::NotExecutable);
    NextImage image;
    image.space_.reset(TRY(native::call(abi::SpaceCreate{})).space);
    image.start_ = header.start;
    TRY(map_runtime(image.space_.get(), runtime_image, header));
    const OwnedHandle block(TRY(native::call(abi::MemoryCreate{boot_block.size()})).memory);
    TRY(native::call(abi::MemoryWrite{block.get(), 0, reinterpret_cast<uint64_t>(boot_block.data()), boot_block.size()}));
    TRY(map(image.space_.get(), block.get(), 0, abi::kBootBlockAddress, boot_block.size(), MapFlags::None | Access::ReadWrite));
    return image;
}

void NextImage::enter() {
    const abi::ThreadStart start{.instruction = start_, .argument = abi::kBootBlockAddress, .gs_base = first_thread_address()};
    (void)native::call(abi::ProcessExec{space_.get(), reinterpret_cast<uint64_t>(&start)});
}

}  // namespace portico::posix
