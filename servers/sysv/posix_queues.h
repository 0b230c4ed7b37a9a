#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "protocols/file.h"
#include "protocols/sysv.h"
#include "runtime/task.h"

namespace portico::sysv_server {

/// A POSIX message queue: the highest priority first, and the oldest of it.
///
/// Ownership: its name and its open objects share it. Locks: none. Bound: messages_max of message_bytes_max bytes.
class PosixQueue {
public:
    static constexpr int64_t kMessagesUsual = 10, kMessageBytesUsual = 8192, kMessagesMax = 65536, kMessageBytesMax = 1 << 24;
    static constexpr uint32_t kPriorities = 32768;

    PosixQueue(int64_t messages_max, int64_t message_bytes_max) : messages_max_(messages_max), message_bytes_max_(message_bytes_max) {}

    struct Message {
        uint32_t priority;
        std::string text;
    };
    bool full() const { return count_ >= messages_max_; }
    bool empty() const { return count_ == 0; }
    int64_t count() const { return count_; }
    int64_t messages_max() const { return messages_max_; }
    int64_t message_bytes_max() const { return message_bytes_max_; }
    uint64_t bytes() const { return bytes_; }
    void put(uint32_t priority, std::string text);
    const Message& first() const { return messages_.begin()->second.front(); }
    void take_first();

    protocols::file::Attributes attributes;
    std::string name;
    ipc::WaitQueue changed;
    unsigned receivers = 0;  ///< that wait: while there are some, nobody is notified
    uint64_t changes = 1;

    /// Who is to be told of a message to the empty queue. pid 0: nobody.
    struct Notification {
        protocols::sysv::NotifyQueued::How how{};
        int32_t signal = 0;
        uint64_t value = 0;
        int32_t pid = 0;
    } notification;

private:
    int64_t messages_max_, message_bytes_max_;
    int64_t count_ = 0;
    uint64_t bytes_ = 0;
    std::map<uint32_t, std::list<Message>, std::greater<>> messages_;  // by priority; none is empty
};

}  // namespace portico::sysv_server
