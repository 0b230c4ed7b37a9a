#include "posix/loader.h"

#include <cstring>

#include "runtime/handle.h"
#include "runtime/native.h"

namespace portico::posix {

namespace {

using abi::Access;
using abi::MapFlags;

Result<> map_at(abi::Handle memory, uint64_t offset_bytes, uint64_t address, uint64_t length_bytes, MapFlags flags) {
    TRY(native::call(abi::SpaceMap{abi::kSelfSpace, memory, offset_bytes, address, length_bytes,
                                   static_cast<uint64_t>(flags | MapFlags::Fixed | MapFlags::NoReplace)}));
    return {};
}

/// The file's pages of a segment that is written to, now or by zeroing the rest of its last page.
Result<> map_private(const ElfImage& image, const ElfSegment& segment, uint64_t bias) {
    const OwnedHandle snapshot(TRY(native::call(abi::MemoryClone{image.memory, segment.file_offset, segment.file_pages_bytes})).memory);
    const uint64_t address = segment.address + bias;
    TRY(map_at(snapshot.get(), 0, address, segment.file_pages_bytes, MapFlags::None | Access::ReadWrite));
    const uint64_t pages_end = segment.address + segment.file_pages_bytes;
    if (segment.has_zeros()) std::memset(reinterpret_cast<void*>(segment.file_end + bias), 0, pages_end - segment.file_end);
    if (segment.access == Access::ReadWrite) return {};
    return native::call(abi::SpaceProtect{abi::kSelfSpace, address, segment.file_pages_bytes, static_cast<uint64_t>(segment.access)});
}

Result<> load_segment(const ElfImage& image, const ElfSegment& segment, uint64_t bias) {
    const bool writes = allows(segment.access, Access::Write) || segment.has_zeros();
    if (segment.file_pages_bytes != 0) {
        if (writes)
            TRY(map_private(image, segment, bias));
        else
            TRY(map_at(image.memory, segment.file_offset, segment.address + bias, segment.file_pages_bytes,
                       MapFlags::Shared | segment.access));
    }
    const uint64_t zeros = segment.address + segment.file_pages_bytes;
    if (zeros < segment.memory_end) TRY(map_at({}, 0, zeros + bias, segment.memory_end - zeros, MapFlags::None | segment.access));
    return {};
}

Result<> read_memory(abi::Handle memory, uint64_t offset_bytes, void* to, uint64_t length_bytes) {
    return native::call(abi::MemoryRead{memory, offset_bytes, reinterpret_cast<uint64_t>(to), length_bytes});
}

}  // namespace

Result<ElfPlan> read_elf(const ElfImage& image, std::span<const std::byte> head) {
    ElfHeader header;
    if (head.size() < sizeof(header)) return fail(Error::NotExecutable);
    std::memcpy(&header, head.data(), sizeof(header));
    TRY(check_elf_header(header, image.file_bytes));
    ElfProgramHeader headers[kProgramHeadersMax];
    const uint64_t headers_bytes = header.program_header_count * sizeof(ElfProgramHeader);
    if (header.program_headers <= head.size() && headers_bytes <= head.size() - header.program_headers)
        std::memcpy(headers, head.data() + header.program_headers, headers_bytes);
    else
        TRY(read_memory(image.memory, header.program_headers, headers, headers_bytes));
    return plan_elf(header, std::span(headers, header.program_header_count), image.file_bytes);
}

Result<ElfPlan> read_elf(const ElfImage& image) {
    std::byte head[kElfHeadBytes];
    const uint64_t head_bytes = image.file_bytes < sizeof(head) ? image.file_bytes : sizeof(head);
    TRY(read_memory(image.memory, 0, head, head_bytes));
    return read_elf(image, std::span(head, head_bytes));
}

Result<LoadedElf> load_elf(const ElfImage& image, const ElfPlan& plan, uint64_t base) {
    uint64_t bias = 0;
    if (plan.position_independent) bias = ((base + plan.alignment - 1) & ~(plan.alignment - 1)) - (plan.low & ~(plan.alignment - 1));
    for (unsigned i = 0; i < plan.segment_count; ++i) TRY(load_segment(image, plan.segments[i], bias));
    return LoadedElf{.bias = bias,
                     .entry = plan.entry + bias,
                     .program_headers = plan.program_headers_address == 0 ? 0 : plan.program_headers_address + bias,
                     .program_header_count = plan.program_header_count,
                     .end = plan.high + bias};
}

}  // namespace portico::posix
