#pragma once

#include <cstdint>

#include "abi/handle.h"
#include "protocols/file.h"

namespace portico::posix {

/// Whether an open character device is a terminal: requests to terminals carry the caller's process group.
enum class TerminalHint : uint8_t { Unknown, No, Yes };

/// What a descriptor number stands for. A value: the handle is the table's, a copy of it only borrows.
struct Descriptor {
    abi::Handle handle;
    protocols::file::Kind kind = protocols::file::Kind::None;
    uint32_t status = 0;  ///< O_ flags it was opened with; append and non-blocking may have changed since
    bool close_on_exec = false;
    TerminalHint terminal = TerminalHint::Unknown;

    /// A bit of `status` that no O_ flag has: listing this directory lists the process's descriptors.
    static constexpr uint32_t kListsDescriptors = 1u << 30;

    bool path_only() const { return (status & protocols::file::kPathOnly) != 0; }
    bool readable() const { return !path_only() && (status & protocols::file::kAccessMode) != protocols::file::kWriteOnly; }
    bool writable() const { return !path_only() && (status & protocols::file::kAccessMode) != protocols::file::kReadOnly; }
};

}  // namespace portico::posix
