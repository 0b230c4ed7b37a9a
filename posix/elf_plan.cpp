#include "posix/elf_plan.h"

#include <bit>

namespace portico::posix {

namespace {

constexpr uint16_t kExecutable = 2, kDynamic = 3, kMachineX86_64 = 62;
constexpr uint32_t kLoad = 1, kInterpreter = 3;
constexpr uint32_t kExecute = 1, kWrite = 2, kRead = 4;
constexpr uint64_t kPage = abi::kPageBytes;
constexpr uint64_t kAlignmentMax = uint64_t{1} << 30;

constexpr uint64_t page_down(uint64_t value) {
    return value & ~(kPage - 1);
}
constexpr uint64_t page_up(uint64_t value) {
    return page_down(value + kPage - 1);
}

abi::Access access_of(uint32_t flags) {
    abi::Access access = abi::Access::Read;  // x86 can not write or execute without
    if ((flags & kWrite) != 0) access = access | abi::Access::Write;
    if ((flags & kExecute) != 0) access = access | abi::Access::Execute;
    return (flags & (kRead | kWrite | kExecute)) == 0 ? abi::Access::None : access;
}

Result<ElfSegment> plan_segment(const ElfProgramHeader& header, uint64_t file_bytes) {
    if (header.file_bytes > header.memory_bytes || header.file_bytes > file_bytes || header.offset > file_bytes - header.file_bytes)
        return fail(Error::NotExecutable);
    if (header.address >= abi::kRuntimeBase || header.memory_bytes > abi::kRuntimeBase - header.address) return fail(Error::NotExecutable);
    if (header.address % kPage != header.offset % kPage) return fail(Error::NotExecutable);
    ElfSegment segment{.address = page_down(header.address), .file_offset = page_down(header.offset), .access = access_of(header.flags)};
    segment.file_end = header.address + header.file_bytes;
    segment.zero_end = header.address + header.memory_bytes;
    segment.memory_end = page_up(segment.zero_end);
    if (header.file_bytes != 0) segment.file_pages_bytes = page_up(segment.file_end) - segment.address;
    return segment;
}

}  // namespace

Result<> check_elf_header(const ElfHeader& header, uint64_t file_bytes) {
    constexpr uint8_t kIdentity[7] = {0x7F, 'E', 'L', 'F', 2, 1, 1};  // 64 bits, little-endian, version 1
    for (size_t i = 0; i < sizeof(kIdentity); ++i)
        if (header.identity[i] != kIdentity[i]) return fail(Error::NotExecutable);
    if (header.type != kExecutable && header.type != kDynamic) return fail(Error::NotExecutable);
    if (header.machine != kMachineX86_64 || header.program_header_bytes != sizeof(ElfProgramHeader)) return fail(Error::NotExecutable);
    if (header.program_header_count == 0 || header.program_header_count > kProgramHeadersMax) return fail(Error::NotExecutable);
    const uint64_t headers_bytes = header.program_header_count * sizeof(ElfProgramHeader);
    if (header.program_headers > file_bytes || headers_bytes > file_bytes - header.program_headers) return fail(Error::NotExecutable);
    return {};
}

Result<ElfPlan> plan_elf(const ElfHeader& header, std::span<const ElfProgramHeader> headers, uint64_t file_bytes) {
    ElfPlan plan{
        .position_independent = header.type == kDynamic, .entry = header.entry, .program_header_count = header.program_header_count};
    for (const ElfProgramHeader& current : headers) {
        if (current.type == kInterpreter) {
            if (current.file_bytes < 2 || current.file_bytes > kInterpreterPathBytesMax || current.file_bytes > file_bytes ||
                current.offset > file_bytes - current.file_bytes)
                return fail(Error::NotExecutable);
            plan.interpreter_offset = current.offset;
            plan.interpreter_bytes = current.file_bytes;
        }
        if (current.type != kLoad || current.memory_bytes == 0) continue;
        if (plan.segment_count == kSegmentsMax) return fail(Error::NotExecutable);
        const ElfSegment segment = TRY(plan_segment(current, file_bytes));
        if (plan.segment_count == 0)
            plan.low = segment.address;
        else if (segment.address < plan.high)
            return fail(Error::NotExecutable);  // the format wants them in order, without overlap
        plan.high = segment.memory_end;
        plan.segments[plan.segment_count++] = segment;
        if (std::has_single_bit(current.alignment) && current.alignment > plan.alignment && current.alignment <= kAlignmentMax)
            plan.alignment = current.alignment;
        if (header.program_headers >= current.offset && header.program_headers - current.offset < current.file_bytes)
            plan.program_headers_address = current.address + (header.program_headers - current.offset);
    }
    if (plan.segment_count == 0) return fail(Error::NotExecutable);
    if (!plan.position_independent && plan.low < abi::kUserAddressMin) return fail(Error::NotExecutable);
    if (plan.entry < plan.low || plan.entry >= plan.high) return fail(Error::NotExecutable);
    return plan;
}

}  // namespace portico::posix
