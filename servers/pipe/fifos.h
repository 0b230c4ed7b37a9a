#pragma once

#include <map>

#include "servers/pipe/pipe.h"

namespace portico::pipe_server {

/// The pipes that stand for open fifos, by device and inode.
class Fifos {
public:
    /// The pipe of a fifo, the same as long as it has an end.
    std::shared_ptr<Pipe> pipe(const PipeIdentity& identity) {
        std::erase_if(fifos_, [](const auto& entry) { return entry.second.expired(); });
        std::weak_ptr<Pipe>& known = fifos_[{identity.device, identity.inode}];
        std::shared_ptr<Pipe> pipe = known.lock();
        if (!pipe) known = pipe = std::make_shared<Pipe>(identity);
        return pipe;
    }

private:
    std::map<std::pair<uint64_t, uint64_t>, std::weak_ptr<Pipe>> fifos_;
};

}  // namespace portico::pipe_server
