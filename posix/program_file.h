#pragma once

#include <span>
#include <string_view>

#include "posix/loader.h"
#include "posix/thread.h"
#include "runtime/handle.h"

namespace portico::posix {

/// A file that is to be run: its memory, its first bytes, and its absolute path.
class ProgramFile {
public:
    static constexpr size_t kHeadBytes = 256;  ///< of a script

    /// 0 or a negative errno. `path_address` as in execveat(2); it may also be the library's own memory.
    int64_t open(Thread& thread, int32_t directory, uint64_t path_address, bool allow_empty_path);

    ElfImage image() const { return {.memory = memory_.get(), .file_bytes = file_bytes_}; }
    std::string_view head() const { return {head_, head_bytes_ < kHeadBytes ? head_bytes_ : kHeadBytes}; }
    Result<ElfPlan> plan() const { return read_elf(image(), std::as_bytes(std::span(head_, head_bytes_))); }
    std::string_view path() const { return {path_, path_bytes_}; }
    abi::Handle release_memory() { return memory_.release(); }

private:
    OwnedHandle memory_;
    uint64_t file_bytes_ = 0;
    size_t head_bytes_ = 0, path_bytes_ = 0;
    char head_[kElfHeadBytes];
    char path_[4096];  // neither is cleared: their lengths tell what of them means anything
};

}  // namespace portico::posix
