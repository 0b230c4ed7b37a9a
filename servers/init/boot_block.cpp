#include "servers/init/boot_block.h"

#include <sys/random.h>

#include <cstring>

namespace portico::init {

namespace {

/// Appends things and tells where they went.
class Writer {
public:
    Writer() : bytes_(sizeof(abi::BootBlock)) {}

    template <class T>
    uint32_t append(std::span<const T> items) {
        const auto offset = static_cast<uint32_t>(bytes_.size());
        const auto added = std::as_bytes(items);
        bytes_.insert(bytes_.end(), added.begin(), added.end());
        return offset;
    }
    uint32_t append(const std::string& text) { return append(std::span(text.c_str(), text.size() + 1)); }
    uint32_t append_all(std::span<const std::string> texts) {
        const auto offset = static_cast<uint32_t>(bytes_.size());
        for (const std::string& text : texts) append(text);
        return offset;
    }
    std::vector<std::byte>& bytes() { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

}  // namespace

Result<std::vector<std::byte>> lay_out(const BootContents& contents) {
    uint64_t text_bytes = contents.program_path.size();
    for (const auto texts : {contents.arguments, contents.environment})
        for (const std::string& text : texts) text_bytes += text.size() + 1;
    if (text_bytes > abi::kBootBlockBytesMax / 2) return fail(Error::TooLarge);  // so that no offset can overflow

    Writer writer;
    abi::BootBlock block = contents.fixed;
    block.grant_count = static_cast<uint32_t>(contents.grants.size());
    block.grants = writer.append(contents.grants);
    block.descriptor_count = static_cast<uint32_t>(contents.descriptors.size());
    block.descriptors = writer.append(contents.descriptors);
    block.program_path = writer.append(contents.program_path);
    block.argument_count = static_cast<uint32_t>(contents.arguments.size());
    block.arguments = writer.append_all(contents.arguments);
    block.environment_count = static_cast<uint32_t>(contents.environment.size());
    block.environment = writer.append_all(contents.environment);
    if (getrandom(block.random, sizeof block.random, 0) != static_cast<ssize_t>(sizeof block.random)) return fail(Error::IoError);

    std::vector<std::byte>& bytes = writer.bytes();
    bytes.resize((bytes.size() + abi::kPageBytes - 1) / abi::kPageBytes * abi::kPageBytes);
    if (bytes.size() > abi::kBootBlockBytesMax) return fail(Error::TooLarge);
    block.block_bytes = bytes.size();
    std::memcpy(bytes.data(), &block, sizeof block);
    return std::move(bytes);
}

Result<OwnedHandle> memory_of(std::span<const std::byte> bytes) {
    OwnedHandle memory(TRY(native::call(abi::MemoryCreate{bytes.size()})).memory);
    TRY(native::call(abi::MemoryWrite{memory.get(), 0, reinterpret_cast<uint64_t>(bytes.data()), bytes.size()}));
    return memory;
}

}  // namespace portico::init
