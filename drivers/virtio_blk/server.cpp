#include "drivers/virtio_blk/server.h"

namespace portico::virtio_blk {

namespace {

uint64_t now_ns() {
    const auto clock = native::call(abi::ClockRead{});
    return clock ? clock->now_ns : 0;
}

}  // namespace

void Server::service() {
    // Before the unmasking to lower the line, after it for what ended while it was masked.
    for (const bool unmask : {true, false}) {
        device_.service(now_ns(), ended_);
        // Handlers go on in here and may submit, so the list is taken along first.
        const std::vector<Device::Ended> ended = std::move(ended_);
        for (const Device::Ended& each : ended) {
            slots_[each.slot].outcome = each.outcome;
            slots_[each.slot].ended.wake_one();
        }
        if (unmask && handles_.interrupt) (void)native::call(abi::InterruptAck{handles_.interrupt});
    }
    watch_time();
}

void Server::watch_time() {
    const bool wanted = device_.pending() > 0;
    if (wanted == timer_runs_) return;
    timer_runs_ = wanted;
    (void)native::call(abi::TimerSet{handles_.timer, wanted ? now_ns() + kLookPeriodNs : abi::kForever, wanted ? kLookPeriodNs : 0});
}

void Server::on_notification(uint64_t badge, uint64_t bits) {
    if ((bits & abi::kNotifySendersGone) != 0) clients_.erase(badge);
    if ((bits & (kInterruptBits | kTimerBits)) != 0) service();
}

Result<block::Info::Reply> Server::on(const ipc::Call&, const block::Info&) {
    if (!device_.running()) return fail(Error::NoDevice);
    const Device::Geometry& geometry = device_.geometry();
    uint64_t flags = 0;
    if (geometry.read_only) flags |= block::kFlagReadOnly;
    if (geometry.flush) flags |= block::kFlagFlush;
    if (geometry.discard_bytes_max != 0 && !geometry.read_only) flags |= block::kFlagDiscard;
    return block::Info::Reply{
        .size_bytes = geometry.size_bytes, .sector_bytes = geometry.sector_bytes, .transfer_bytes_max = kTransferBytesMax, .flags = flags};
}

Result<block::Attach::Reply> Server::on(const ipc::Call& call, const block::Attach& request) {
    OwnedHandle memory(request.memory);
    abi::MemoryInfo info;
    TRY(native::call(abi::MemoryQuery{memory.get(), reinterpret_cast<uint64_t>(&info)}));  // it is a memory object, and readable
    if (has(info.flags, abi::MemoryFlags::Paged)) return fail(Error::InvalidArgument);     // its pager may wait for this disk
    Client& client = clients_[call.badge()];
    if (client.attached.size() >= block::kAttachedMax) return fail(Error::NoSpace);
    const uint64_t buffer = ++client.last_buffer;
    client.attached.emplace(buffer, std::make_shared<OwnedHandle>(std::move(memory)));
    return block::Attach::Reply{.buffer = buffer};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const block::Detach& request) {
    const auto client = clients_.find(call.badge());
    if (request.buffer == 0) {
        if (client != clients_.end()) client->second.attached.clear();
        return protocols::Empty{};
    }
    if (client == clients_.end() || client->second.attached.erase(request.buffer) == 0) return fail(Error::NotFound);
    return protocols::Empty{};
}

Result<Server::Memory> Server::attached(uint64_t badge, uint64_t buffer) {
    const auto client = clients_.find(badge);
    if (client == clients_.end()) return fail(Error::NotFound);
    const auto found = client->second.attached.find(buffer);
    if (found == client->second.attached.end()) return fail(Error::NotFound);
    return found->second;
}

bool Server::take_slot(unsigned& slot) {
    for (slot = 0; slot < Device::kSlots; ++slot)
        if (!std::exchange(slots_[slot].taken, true)) return true;
    return false;
}

void Server::give_back(unsigned slot) {
    slots_[slot].taken = false;
    free_slots_.wake_one();
}

Result<> Server::submit(unsigned slot, const Device::Request& request) {
    TRY(device_.submit(slot, request, now_ns()));
    watch_time();
    return {};
}

}  // namespace portico::virtio_blk
