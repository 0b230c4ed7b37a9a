#pragma once

#include <cstdint>

#include "protocols/method.h"

/// What init and the file server ask of the terminal server beyond the file protocol (protocols/file.h). Its openable names, given as the
/// path of file::Open on its root handle: "console" and "tty0" (the terminal), "ptmx" (a new pseudo-terminal's outer side), "pts/N" (an
/// inner side), "stdin", "stdout", "stderr", "trace" (the host's streams).
///
/// Two more forms of file::Open on an open terminal, with an empty path: on an outer side it opens the inner one, and with kPathOnly it
/// gives a handle that keeps nothing open: to Poll the object behind it, and to open the terminal anew.
namespace portico::protocols::terminal {

/// Of the files that stand for pseudo-terminals: what stat(2) tells must be the same by name and by descriptor.
inline constexpr uint64_t kPseudoDevice = 0x1A, kFirstPseudoInode = 3;
inline constexpr uint32_t kPseudoMajor = 136, kPseudoGroup = 5;
inline constexpr uint32_t kPseudoMax = 256;  ///< pseudo-terminals at one time

constexpr uint64_t special_device(uint64_t major, uint64_t minor) {
    return major << 8 | (minor & 0xFF) | (minor & ~uint64_t{0xFF}) << 12;
}

struct Report {
    static constexpr Method method{0x310, "terminal.report",
                                   "Tell the host (control channel) that the command ended with a wait status, once all output is out. "
                                   "With a readable window: a system failure, in one line."};
    using Reply = Empty;
    uint64_t wait_status;
};

struct SetNode {
    static constexpr Method method{0x311, "terminal.set_node",
                                   "The name in the readable window has this file in /dev: what stat tells of it."};
    using Reply = Empty;
    uint64_t device, inode;
};

struct ListPseudo {
    static constexpr Method method{0x312, "terminal.list_pseudo",
                                   "Write the numbers (32 bits each, rising) of the pseudo-terminals there are to the writable window.",
                                   Repeat::Yes};
    struct Reply {
        uint64_t count;
    };
};

struct DescribePseudo {
    static constexpr Method method{0x313, "terminal.describe_pseudo",
                                   "Fill the writable window with the file::Attributes of a pseudo-terminal. NotFound if there is none.",
                                   Repeat::Yes};
    using Reply = Empty;
    uint64_t number;
};

struct ChangePseudo {
    static constexpr Method method{0x314, "terminal.change_pseudo", "file.set_attributes of a pseudo-terminal.", Repeat::Yes};
    using Reply = Empty;
    uint32_t number;
    uint32_t changes;  ///< bits of file::Change
    uint32_t mode, uid;
    uint64_t gid;
    int64_t access_ns, modify_ns;
};

using Protocol = MethodList<Report, SetNode, ListPseudo, DescribePseudo, ChangePseudo>;

}  // namespace portico::protocols::terminal
