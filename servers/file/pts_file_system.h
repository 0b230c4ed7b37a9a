#pragma once

#include <array>

#include "servers/file/node.h"

namespace portico::file_server {

/// Which pseudo-terminals there are; the terminal server knows.
class PtyList {
public:
    virtual ~PtyList() = default;
    virtual std::array<uint64_t, 4> numbers() = 0;  ///< bit n: /dev/pts/n
};

/// /dev/pts: a name for each pseudo-terminal. Nodes are made at each lookup. What a node is told to be by stat is what an open
/// pseudo-terminal tells of itself, so that ttyname(3) finds it.
class PtsFileSystem final : public FileSystem {
public:
    PtsFileSystem(uint64_t device, PtyList& list);

    NodeRef root() override { return root_; }
    std::string_view type() const override { return "devpts"; }
    PtyList& list() const { return list_; }

private:
    PtyList& list_;
    NodeRef root_;
};

}  // namespace portico::file_server
