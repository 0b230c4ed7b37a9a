#include "drivers/virtio_9p/device.h"

#include <algorithm>
#include <array>

namespace portico::virtio_9p {

using namespace virtio;

namespace {

constexpr uint64_t kFeatureTag = 1 << 0;
constexpr uint32_t kTagBytesOffset = 0, kTagOffset = 2;
constexpr uint16_t kSizeMin = 2, kSizeMax = 8;  // an exchange needs two descriptors

}  // namespace

bool Device::start() {
    running_ = memory_.bytes.size() >= kMemoryBytes && reset(transport_) && set_up();
    if (!running_) (void)reset(transport_);
    return running_;
}

bool Device::set_up() {
    const std::optional<uint64_t> features = negotiate(transport_, kFeatureTag);
    if (!features) return false;
    queue_.reset();
    if ((*features & kFeatureTag) != 0 && read_tag())
        if (std::optional<Virtqueue> made = set_up_queue(transport_, 0, memory_, 0, kSizeMin, kSizeMax)) queue_.emplace(std::move(*made));
    if (!queue_) {
        give_up(transport_);
        return false;
    }
    go_on(transport_);
    return true;
}

/// A name that is too long, empty or has zeros in it is none.
bool Device::read_tag() {
    std::array<std::byte, 2> length{};
    transport_.read_configuration(kTagBytesOffset, length);
    const uint32_t bytes = static_cast<uint32_t>(length[0]) | static_cast<uint32_t>(length[1]) << 8;
    if (bytes == 0 || bytes > kTagBytesMax) return false;
    tag_.assign(bytes, '\0');
    transport_.read_configuration(kTagOffset, std::as_writable_bytes(std::span(tag_)));
    return tag_.find('\0') == std::string::npos;
}

Result<> Device::submit(uint32_t request_bytes, uint32_t answer_bytes_max, uint64_t now_ns) {
    if (!running_ || pending_) return fail(Error::NoDevice);
    if (request_bytes > kMessageBytesMax) return fail(Error::TooLarge);
    const uint64_t request = memory_.physical + kPageBytes, answer = request + kMessageBytesMax;
    const std::array<Virtqueue::Piece, 2> pieces{
        {{.physical = request, .length_bytes = request_bytes},
         {.physical = answer,
          .length_bytes = static_cast<uint32_t>(std::min<uint64_t>(answer_bytes_max, kMessageBytesMax)),
          .device_writes = true}}};
    TRY(queue_->add(pieces, 0));
    pending_ = true;
    submitted_ns_ = now_ns;
    if (queue_->publish()) transport_.notify(0);
    return {};
}

std::optional<Result<uint32_t>> Device::service(uint64_t now_ns) {
    if (!running_) return std::nullopt;
    const uint32_t causes = transport_.take_interrupts();
    const auto used = queue_->take();
    if (!used) return start_over();
    if (*used) {
        pending_ = false;
        return (*used)->length_bytes;
    }
    if ((causes & kInterruptConfiguration) != 0 && (transport_.status() & kStatusNeedsReset) != 0) return start_over();
    if (pending_ && now_ns - submitted_ns_ > timeout_ns_) return start_over();
    return std::nullopt;
}

/// Only after the reset has the device let go of the memory. If it does not reset, it is off.
std::optional<Result<uint32_t>> Device::start_over() {
    running_ = false;
    if (++resets_ <= kResetsMax) (void)start();
    if (!std::exchange(pending_, false)) return std::nullopt;
    return fail(running_ ? Error::IoError : Error::NoDevice);
}

}  // namespace portico::virtio_9p
