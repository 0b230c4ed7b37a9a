#pragma once

#include <cstddef>
#include <vector>

#include "protocols/socket.h"
#include "servers/pipe/objects.h"

namespace portico::pipe_server {

/// An object of this server that a message carries, or a connection that nobody accepted yet: counted while this lives.
class Carried {
public:
    Carried(Objects& objects, std::shared_ptr<Object> object) : objects_(&objects), object_(std::move(object)) { objects.carry(*object_); }
    Carried(Carried&& other) noexcept : objects_(other.objects_), object_(std::move(other.object_)) {}
    Carried& operator=(Carried&& other) noexcept {
        std::swap(objects_, other.objects_);
        std::swap(object_, other.object_);
        return *this;
    }
    ~Carried() {
        if (object_) objects_->put_down(*object_);
    }
    const std::shared_ptr<Object>& object() const { return object_; }

private:
    Objects* objects_;
    std::shared_ptr<Object> object_;
};

/// A descriptor in a message: one of our objects, or a handle to another server's.
struct Right {
    std::optional<Carried> own;
    OwnedHandle foreign;
    uint32_t meta = 0;
};

struct SocketMessage {
    std::vector<std::byte> bytes;
    size_t begin = 0;  ///< of a stream: what was read already
    std::vector<Right> rights;
    protocols::socket::Credentials sender;
    std::string sender_name;

    /// Whether bytes that `from` sends to a stream may join it, so that many small ones cost little.
    bool takes(size_t more_bytes, const protocols::socket::Credentials& from) const {
        constexpr size_t kJoinedMax = 64 << 10;
        return rights.empty() && sender.pid == from.pid && sender.uid == from.uid && sender.gid == from.gid &&
               bytes.size() + more_bytes <= kJoinedMax;
    }
    size_t size() const { return bytes.size() - begin; }
    std::span<const std::byte> rest() const { return std::span(bytes).subspan(begin); }
};

}  // namespace portico::pipe_server
