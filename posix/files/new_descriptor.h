#pragma once

#include "posix/files/linux_files.h"
#include "posix/files/requests.h"

namespace portico::posix {

/// A number for an object that `make` makes: Result<abi::Handle> make(). The number comes first, so that nothing was made if there is none.
/// Returns the number or a negative errno.
template <class Make>
int64_t new_descriptor(Thread& thread, file::Kind kind, uint32_t status, bool close_on_exec, Make&& make) {
    DescriptorTable& table = thread.process->descriptors;
    const Result<int32_t> number = table.reserve(0, thread.process->file_limit());
    if (!number) return number.error() == Error::NoSpace ? -EMFILE : to_errno(number.error());
    const Result<abi::Handle> handle = make();
    if (!handle) {
        table.cancel(*number);
        return to_errno(handle.error());
    }
    table.fill(*number, {.handle = *handle, .kind = kind, .status = status, .close_on_exec = close_on_exec});
    return *number;
}

}  // namespace portico::posix
