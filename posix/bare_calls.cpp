#include <cerrno>
#include <cstring>

#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/process.h"
#include "posix/signals.h"
#include "posix/thread.h"
#include "posix/user_copy.h"

/// Calls as servers get them: no files, standard output and error go to the kernel log, signals only end the process.
namespace portico::posix {

namespace {

constexpr uint64_t kLogBytesMax = 1024;
constexpr uint64_t kVectorsMax = 1024;

struct IoVector {
    uint64_t address, length_bytes;
};

/// The part of struct stat that a character device has, in its place.
struct CharacterDeviceStat {
    uint64_t device = 0, inode = 0, links = 1;
    uint32_t mode = 0020620, uid = 0, gid = 0, zero = 0;
    uint64_t special_device = 0x501;  // /dev/console
    int64_t size = 0, block_bytes = 1024, blocks = 0;
    uint64_t times[6]{}, unused[3]{};
};
static_assert(sizeof(CharacterDeviceStat) == 144);

bool is_output(uint64_t number) {
    return number == 1 || number == 2;
}

/// The kernel copies by itself: a bad address is its BadAddress.
int64_t log(uint64_t address, uint64_t length_bytes) {
    for (uint64_t done = 0; done < length_bytes;) {
        const uint64_t part = length_bytes - done < kLogBytesMax ? length_bytes - done : kLogBytesMax;
        if (const auto result = native::call(abi::DebugLog{address + done, part}); !result) return to_errno(result.error());
        done += part;
    }
    return static_cast<int64_t>(length_bytes);
}

}  // namespace

int64_t bare_write(Thread&, const Arguments& arguments) {
    return is_output(arguments[0]) ? log(arguments[1], arguments[2]) : -EBADF;
}

/// Parts are joined, so that a line made of several stays one in the log.
int64_t bare_writev(Thread&, const Arguments& arguments) {
    if (!is_output(arguments[0])) return -EBADF;
    if (arguments[2] > kVectorsMax) return -EINVAL;
    char line[kLogBytesMax];
    uint64_t used = 0, total = 0;
    for (uint64_t i = 0; i < arguments[2]; ++i) {
        const auto vector = read_user<IoVector>(arguments[1] + i * sizeof(IoVector));
        if (!vector) return -EFAULT;
        for (uint64_t done = 0; done < vector->length_bytes;) {
            if (used == sizeof(line)) {
                native::log(line, used);
                used = 0;
            }
            const uint64_t room = sizeof(line) - used, left = vector->length_bytes - done;
            const uint64_t part = left < room ? left : room;
            if (!copy_from_user(line + used, vector->address + done, part)) return -EFAULT;
            used += part;
            done += part;
            total += part;
        }
    }
    if (used > 0) native::log(line, used);
    return static_cast<int64_t>(total);
}

int64_t bare_fstat(Thread&, const Arguments& arguments) {
    return arguments[0] > 2 ? -EBADF : to_errno(write_user(arguments[1], CharacterDeviceStat{}));
}

int64_t bare_newfstatat(Thread&, const Arguments& arguments) {
    constexpr uint64_t kEmptyPath = 0x1000;
    if ((arguments[3] & kEmptyPath) == 0) return -ENOENT;
    return arguments[0] > 2 ? -EBADF : to_errno(write_user(arguments[2], CharacterDeviceStat{}));
}

int64_t bare_ioctl(Thread&, const Arguments& arguments) {
    return arguments[0] > 2 ? -EBADF : -ENOTTY;
}

int64_t bare_readlink(Thread&, const Arguments&) {
    return -ENOENT;
}

/// A server only signals itself, to die (abort).
int64_t bare_tgkill(Thread& thread, const Arguments& arguments) {
    if (static_cast<int32_t>(arguments[0]) != thread.process->pid) return -ESRCH;
    if (arguments[2] == 0) return 0;
    if (arguments[2] > kSignalMax) return -EINVAL;
    die_by_signal(thread, static_cast<int>(arguments[2]));
}

}  // namespace portico::posix
