#include "servers/sysv/posix_queues.h"

namespace portico::sysv_server {

void PosixQueue::put(uint32_t priority, std::string text) {
    bytes_ += text.size();
    ++count_;
    ++changes;
    messages_[priority].push_back({.priority = priority, .text = std::move(text)});
}

void PosixQueue::take_first() {
    const auto highest = messages_.begin();
    bytes_ -= highest->second.front().text.size();
    --count_;
    ++changes;
    highest->second.pop_front();
    if (highest->second.empty()) messages_.erase(highest);
}

}  // namespace portico::sysv_server
