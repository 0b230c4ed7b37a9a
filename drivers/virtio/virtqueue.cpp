#include "drivers/virtio/virtqueue.h"

namespace portico::virtio {

namespace {

constexpr uint16_t kNoNotify = 1;  // VIRTQ_USED_F_NO_NOTIFY, of the used ring

}  // namespace

Virtqueue::Virtqueue(std::span<std::byte> memory, uint16_t size)
    : memory_(memory), layout_(size), size_(size), free_count_(size), shadow_(size) {
    for (uint16_t i = 0; i < size; ++i) shadow_[i].next = static_cast<uint16_t>(i + 1);
}

Result<> Virtqueue::add(std::span<const Piece> pieces, uint64_t owner) {
    if (pieces.empty() || owner == kNobody) return fail(Error::InvalidArgument);
    if (pieces.size() > free_count_ || broken_) return fail(Error::WouldBlock);
    const uint16_t first = first_free_;
    uint32_t writable_bytes = 0;
    for (size_t i = 0; i < pieces.size(); ++i) {
        const uint16_t index = first_free_;
        first_free_ = shadow_[index].next;
        const bool more = i + 1 < pieces.size();
        if (pieces[i].device_writes) writable_bytes += pieces[i].length_bytes;
        // The ring's copy is for the device alone: it is written, never read.
        const Descriptor value{
            .address = pieces[i].physical,
            .length_bytes = pieces[i].length_bytes,
            .flags = static_cast<uint16_t>((more ? kDescriptorNext : 0) | (pieces[i].device_writes ? kDescriptorDeviceWrites : 0)),
            .next = more ? first_free_ : uint16_t{0}};
        std::memcpy(descriptor(index), &value, sizeof value);
    }
    free_count_ = static_cast<uint16_t>(free_count_ - pieces.size());
    shadow_[first].owner = owner;
    shadow_[first].writable_bytes = writable_bytes;
    shadow_[first].count = static_cast<uint16_t>(pieces.size());
    store<uint16_t>(memory_.data() + layout_.available + RingLayout::kEntriesOffset + 2u * (available_index_ & (size_ - 1)), first);
    ++available_index_;
    return {};
}

bool Virtqueue::publish() {
    if (available_index_ == published_index_) return false;
    // Descriptors and entries before the index; the index before the look at what the device wants.
    store<uint16_t>(memory_.data() + layout_.available + RingLayout::kIndexOffset, available_index_, std::memory_order_release);
    published_index_ = available_index_;
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return (load<uint16_t>(memory_.data() + layout_.used) & kNoNotify) == 0;
}

Result<std::optional<Virtqueue::Used>> Virtqueue::refuse() {
    broken_ = true;
    return fail(Error::BadProtocol);
}

Result<std::optional<Virtqueue::Used>> Virtqueue::take() {
    if (broken_) return fail(Error::BadProtocol);
    const auto there = load<uint16_t>(memory_.data() + layout_.used + RingLayout::kIndexOffset, std::memory_order_acquire);
    if (there == used_index_) return std::nullopt;
    if (static_cast<uint16_t>(there - used_index_) > pending()) return refuse();
    const std::byte* const element =
        memory_.data() + layout_.used + RingLayout::kEntriesOffset + sizeof(UsedElement) * (used_index_ & (size_ - 1));
    const auto id = load<uint32_t>(element);
    const auto length_bytes = load<uint32_t>(element + 4);
    if (id >= size_ || shadow_[id].owner == kNobody || length_bytes > shadow_[id].writable_bytes) return refuse();
    Shadow& chain = shadow_[id];
    const Used used{.owner = std::exchange(chain.owner, kNobody), .length_bytes = length_bytes};
    uint16_t last = static_cast<uint16_t>(id);
    for (uint16_t i = 1; i < chain.count; ++i) last = shadow_[last].next;
    shadow_[last].next = first_free_;
    first_free_ = static_cast<uint16_t>(id);
    free_count_ = static_cast<uint16_t>(free_count_ + chain.count);
    ++used_index_;
    return used;
}

}  // namespace portico::virtio
