#pragma once

#include <list>
#include <string>

#include "runtime/task.h"
#include "servers/sysv/identified.h"

namespace portico::sysv_server {

/// struct msqid64_ds.
struct MessageStat {
    Permissions permissions;
    int64_t sent_s = 0, received_s = 0, changed_s = 0;
    uint64_t bytes = 0, messages = 0, bytes_max = 0;
    int32_t sender = 0, receiver = 0;
    uint64_t reserved[2]{};
};
static_assert(sizeof(MessageStat) == 120);

/// A System V message queue. Locks: none. Bound: bytes_max bytes, and as many messages.
class MessageQueue {
public:
    static constexpr uint64_t kBytesMax = 16384, kMessageBytesMax = 8192;

    struct Message {
        int64_t type;
        std::string text;
    };
    using Place = std::list<Message>::const_iterator;

    Permissions permissions;
    int32_t index = 0;
    bool removed = false;
    ipc::WaitQueue changed;
    MessageStat state{.bytes_max = kBytesMax};  ///< but for permissions, bytes and messages

    bool has_room(uint64_t length_bytes) const { return bytes_ + length_bytes <= state.bytes_max && messages_.size() < state.bytes_max; }
    void put(int64_t type, std::string text, int32_t pid);

    /// The message that msgrcv's type asks for: 0 the first; above, the first of that type, or (kExcept) of another; below, the first of
    /// the lowest type up to its absolute value. end() for none.
    Place find(int64_t type, uint32_t flags) const;
    Place end() const { return messages_.end(); }
    void take(Place place, int32_t pid);

    uint64_t bytes() const { return bytes_; }
    uint64_t count() const { return messages_.size(); }
    MessageStat stat() const {
        MessageStat told = state;
        told.permissions = permissions;
        told.bytes = bytes_;
        told.messages = messages_.size();
        return told;
    }

private:
    std::list<Message> messages_;
    uint64_t bytes_ = 0;
};

}  // namespace portico::sysv_server
