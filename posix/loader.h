#pragma once

#include <span>

#include "abi/handle.h"
#include "posix/elf_plan.h"

namespace portico::posix {

/// An ELF file in a memory object that the loader can map.
struct ElfImage {
    abi::Handle memory;
    uint64_t file_bytes = 0;
};

struct LoadedElf {
    uint64_t bias = 0;  ///< what was added to the file's addresses
    uint64_t entry = 0;
    uint64_t program_headers = 0;
    uint16_t program_header_count = 0;
    uint64_t end = 0;  ///< page-aligned, past the last segment
};

/// As much of a file's start as holds the headers of nearly all programs.
inline constexpr size_t kElfHeadBytes = 1024;

/// Checks the headers; what of them does not lie in `head`, the file's first bytes, is read. Errors: NotExecutable, and those of
/// memory_read.
Result<ElfPlan> read_elf(const ElfImage& image, std::span<const std::byte> head);
/// Reads them all.
Result<ElfPlan> read_elf(const ElfImage& image);

/// Maps the plan into the own address space: read-only segments from the file's memory, shared, writable ones from a
/// copy-on-write snapshot. A position-independent one goes to `base`. On error parts may be mapped: the caller ends.
Result<LoadedElf> load_elf(const ElfImage& image, const ElfPlan& plan, uint64_t base);

}  // namespace portico::posix
