#pragma once

#include <map>
#include <unordered_map>

#include "servers/pipe/pipe.h"

namespace portico::pipe_server {

/// All open ends by badge, and the pipes that stand for open fifos.
class PipeEnds {
public:
    /// Errors: BadHandle.
    Result<std::shared_ptr<PipeEnd>> find(uint64_t badge) const {
        const auto found = by_badge_.find(badge);
        if (found == by_badge_.end()) return fail(Error::BadHandle);
        return found->second;
    }
    uint64_t add(std::shared_ptr<PipeEnd> end) {
        const uint64_t badge = next_badge_++;
        by_badge_.emplace(badge, std::move(end));
        return badge;
    }
    /// Moves the end out before it goes: its going wakes others, which may look here.
    void forget(uint64_t badge) { const auto gone = by_badge_.extract(badge); }

    /// The pipe of a fifo, the same as long as it has an end.
    std::shared_ptr<Pipe> fifo(const PipeIdentity& identity) {
        std::erase_if(fifos_, [](const auto& entry) { return entry.second.expired(); });
        std::weak_ptr<Pipe>& known = fifos_[{identity.device, identity.inode}];
        std::shared_ptr<Pipe> pipe = known.lock();
        if (!pipe) known = pipe = std::make_shared<Pipe>(identity);
        return pipe;
    }

    uint64_t next_inode() { return ++last_inode_; }

private:
    std::unordered_map<uint64_t, std::shared_ptr<PipeEnd>> by_badge_;
    std::map<std::pair<uint64_t, uint64_t>, std::weak_ptr<Pipe>> fifos_;
    uint64_t next_badge_ = file::kFirstObjectBadge;
    uint64_t last_inode_ = 0;
};

}  // namespace portico::pipe_server
