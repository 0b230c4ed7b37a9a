#pragma once

#include <string_view>

#include "posix/errno_map.h"
#include "posix/files/descriptor.h"
#include "posix/files/path_buffer.h"
#include "posix/files/path_rewrite.h"
#include "posix/interruptible.h"
#include "posix/process.h"
#include "posix/user_copy.h"
#include "protocols/file.h"
#include "runtime/handle.h"

/// What the handlers of file calls share: from numbers and user pointers to a handle, a path and a request.
namespace portico::posix {

namespace file = protocols::file;

enum class EmptyPath : uint8_t { Refuse, Allow };  ///< Allow: AT_EMPTY_PATH
enum class FinalLink : uint8_t { Follow, Keep };   ///< Keep: the name itself, for lstat, unlink, rename …

/// A path argument ready to send: `directory` is where the path starts, or, with an empty path, the object itself.
struct PathArgument {
    PathBuffer path;
    abi::Handle directory;           ///< borrowed, but for /dev/tty
    OwnedHandle terminal;            ///< owns `directory` then
    int32_t number = -1;             ///< the descriptor that the path means, or -1
    bool below_dev = false;          ///< may name a terminal
    bool lists_descriptors = false;  ///< it is /proc/self/fd

    ipc::Lend lend(std::span<std::byte> writable = {}) const {
        ipc::Lend lent = ipc::Lend::text(path.text());
        lent.writable = writable;
        return lent;
    }

    /// The same for a method that may hold a short path itself.
    template <class M>
    ipc::Lend lend_or_put(M& method, std::span<std::byte> writable = {}) const {
        return method.path.holds(path.text()) ? ipc::Lend{.writable = writable} : lend(writable);
    }
};

/// Copies and resolves a path argument. 0 or a negative errno.
int64_t load_path(Thread& thread, int32_t directory, uint64_t address, FinalLink final_link, PathArgument& to,
                  EmptyPath empty = EmptyPath::Refuse);

/// The program's memory as a window; the kernel checks it when the server copies. Errors: BadAddress (not user space).
Result<std::span<std::byte>> user_window(uint64_t address, uint64_t length_bytes);

/// A descriptor number argument; 32 bits of the register count.
inline int32_t number_argument(uint64_t argument) {
    return static_cast<int32_t>(argument);
}

/// A descriptor that is open for more than its path. Errors: BadHandle.
Result<Descriptor> open_descriptor(Thread& thread, uint64_t number);

Result<file::Attributes> attributes_of(abi::Handle object);

/// A request answered at once: 0 or a negative errno. An alert waits until it is done, as no caller expects EINTR of it.
template <class M>
int64_t request(abi::Handle to, const M& method, const ipc::Lend& lend = {}) {
    const auto reply = settled_call(to, method, lend);
    return reply ? 0 : to_errno(reply.error());
}

/// The same for a method on an object that may be none of its kind: such an object gives EINVAL.
template <class M>
int64_t request_or_invalid(abi::Handle to, const M& method) {
    const auto reply = settled_call(to, method);
    if (reply) return 0;
    return reply.error() == Error::NotSupported ? -EINVAL : to_errno(reply.error());
}

}  // namespace portico::posix
