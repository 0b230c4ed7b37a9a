#include "servers/sysv/messages.h"

namespace portico::sysv_server {

void MessageQueue::put(int64_t type, std::string text, int32_t pid) {
    bytes_ += text.size();
    messages_.push_back({.type = type, .text = std::move(text)});
    state.sender = pid;
    state.sent_s = now_s();
}

MessageQueue::Place MessageQueue::find(int64_t type, uint32_t flags) const {
    if (type == 0) return messages_.begin();
    if (type > 0) {
        const bool except = (flags & sysv::kExcept) != 0;
        for (Place place = messages_.begin(); place != messages_.end(); ++place)
            if ((place->type == type) != except) return place;
        return end();
    }
    const int64_t highest = type == INT64_MIN ? INT64_MAX : -type;
    Place lowest = end();
    for (Place place = messages_.begin(); place != messages_.end(); ++place)
        if (place->type <= highest && (lowest == end() || place->type < lowest->type)) lowest = place;
    return lowest;
}

void MessageQueue::take(Place place, int32_t pid) {
    bytes_ -= place->text.size();
    messages_.erase(place);
    state.receiver = pid;
    state.received_s = now_s();
}

}  // namespace portico::sysv_server
