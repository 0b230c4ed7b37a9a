#include "servers/init/boot_block.h"

#include <sys/random.h>

#include "posix/boot_block_builder.h"

namespace portico::init {

namespace {

uint64_t bytes_needed(const BootContents& contents) {
    uint64_t bytes = sizeof(abi::BootBlock) + contents.grants.size_bytes() + contents.descriptors.size_bytes();
    bytes += contents.program_path.size() + 1;
    for (const auto texts : {contents.arguments, contents.environment})
        for (const std::string& text : texts) bytes += text.size() + 1;
    return (bytes + abi::kPageBytes - 1) / abi::kPageBytes * abi::kPageBytes;
}

}  // namespace

Result<std::vector<std::byte>> lay_out(const BootContents& contents) {
    const uint64_t bytes_max = bytes_needed(contents);
    if (bytes_max > abi::kBootBlockBytesMax) return fail(Error::TooLarge);
    std::vector<std::byte> bytes(bytes_max);
    posix::BootBlockBuilder builder(bytes, static_cast<uint32_t>(contents.grants.size()),
                                    static_cast<uint32_t>(contents.descriptors.size()));
    abi::BootBlock& block = builder.block();
    block.mode = contents.mode;
    block.program_image = contents.program_image;
    block.program_bytes = contents.program_bytes;
    block.realtime_offset_ns = contents.realtime_offset_ns;
    if (getrandom(block.random, sizeof block.random, 0) != static_cast<ssize_t>(sizeof block.random)) return fail(Error::IoError);
    builder.set_path(contents.program_path);
    for (const std::string& text : contents.arguments) builder.add_argument(text);
    for (const std::string& text : contents.environment) builder.add_environment(text);
    for (const abi::Grant& grant : contents.grants) builder.add_grant(grant.name, grant.handle);
    for (const abi::BootDescriptor& descriptor : contents.descriptors) builder.add_descriptor(descriptor);
    if (!builder.finish()) return fail(Error::TooLarge);
    return bytes;
}

Result<OwnedHandle> memory_of(std::span<const std::byte> bytes) {
    OwnedHandle memory(TRY(native::call(abi::MemoryCreate{bytes.size()})).memory);
    TRY(native::call(abi::MemoryWrite{memory.get(), 0, reinterpret_cast<uint64_t>(bytes.data()), bytes.size()}));
    return memory;
}

}  // namespace portico::init
