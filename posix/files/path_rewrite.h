#pragma once

#include <cstdint>

#include "libs/result.h"
#include "posix/files/path_buffer.h"

namespace portico::posix {

/// Names that mean something else in every process, which the file server cannot know: they are resolved here. Pure.
struct SpecialPath {
    enum class Kind : uint8_t {
        Ordinary,             ///< for the server
        Descriptor,           ///< /dev/fd/N, /proc/self/fd/N, /dev/stdin …: followed, it means descriptor `number`
        Terminal,             ///< /dev/tty: the controlling terminal
        DescriptorDirectory,  ///< /dev/fd, /proc/self/fd: for the server, but who lists it lists this process's descriptors
    };
    Kind kind = Kind::Ordinary;
    int32_t number = -1;
};

/// Recognizes, and rewrites /proc/self to /proc/PID and /dev/fd to /proc/PID/fd. Only what is written in the path counts, symbolic links to
/// such names are the server's. Errors: NameTooLong.
Result<SpecialPath> rewrite_path(PathBuffer& path, int32_t pid);

}  // namespace portico::posix
