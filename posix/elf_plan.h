#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "abi/types.h"
#include "libs/result.h"

/// Reading ELF headers (x86-64 executables) into a plan of mappings. Pure: no memory is mapped here, so it runs on the host.
namespace portico::posix {

struct ElfHeader {
    uint8_t identity[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_headers, section_headers;
    uint32_t flags;
    uint16_t header_bytes, program_header_bytes, program_header_count;
    uint16_t section_header_bytes, section_header_count, section_names;
};
static_assert(sizeof(ElfHeader) == 64);

struct ElfProgramHeader {
    uint32_t type, flags;
    uint64_t offset, address, physical;
    uint64_t file_bytes, memory_bytes, alignment;
};
static_assert(sizeof(ElfProgramHeader) == 56);

inline constexpr unsigned kProgramHeadersMax = 64;
inline constexpr unsigned kSegmentsMax = 16;
inline constexpr uint64_t kInterpreterPathBytesMax = 4096;

/// One PT_LOAD, in whole pages, at addresses before the load bias is added.
struct ElfSegment {
    uint64_t address = 0;           ///< page-aligned
    uint64_t file_offset = 0;       ///< page-aligned
    uint64_t file_pages_bytes = 0;  ///< mapped from the file, whole pages; 0 if none
    uint64_t file_end = 0;          ///< address where the file's bytes end
    uint64_t zero_end = 0;          ///< address where the segment's zeros, which follow, end; equal if there are none
    uint64_t memory_end = 0;        ///< address, page-aligned, where the segment ends
    abi::Access access = abi::Access::None;

    bool has_zeros() const { return zero_end > file_end; }
};

struct ElfPlan {
    bool position_independent = false;
    uint64_t entry = 0;
    uint64_t program_headers_address = 0;  ///< in memory, for AT_PHDR; 0 if no segment holds them
    uint16_t program_header_count = 0;
    uint64_t low = 0, high = 0;                              ///< all segments, page-aligned
    uint64_t alignment = abi::kPageBytes;                    ///< the load bias must be a multiple
    uint64_t interpreter_offset = 0, interpreter_bytes = 0;  ///< path in the file, with its zero; 0: none
    std::array<ElfSegment, kSegmentsMax> segments{};
    unsigned segment_count = 0;
};

/// Checks the header alone. Errors: NotExecutable.
Result<> check_elf_header(const ElfHeader& header, uint64_t file_bytes);

/// Errors: NotExecutable if the file breaks the format or asks for addresses that programs can not have.
Result<ElfPlan> plan_elf(const ElfHeader& header, std::span<const ElfProgramHeader> headers, uint64_t file_bytes);

}  // namespace portico::posix
