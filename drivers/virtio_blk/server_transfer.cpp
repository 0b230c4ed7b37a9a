#include "drivers/virtio_blk/server.h"

namespace portico::virtio_blk {

ipc::Task Server::on(const ipc::Call& call, const block::Read& request) {
    if (call.writable_bytes() < request.length_bytes) return start(call, fail(Error::InvalidArgument));
    return start(call, Transfer{RequestType::Read, request.position_bytes, request.length_bytes});
}

ipc::Task Server::on(const ipc::Call& call, const block::Write& request) {
    if (call.readable_bytes() < request.length_bytes) return start(call, fail(Error::InvalidArgument));
    return start(call, Transfer{RequestType::Write, request.position_bytes, request.length_bytes});
}

ipc::Task Server::on(const ipc::Call& call, const block::ReadInto& request) {
    const Result<Memory> memory = attached(call.badge(), request.buffer);
    if (!memory) return start(call, fail(memory.error()));
    return start(call, Transfer{RequestType::Read, request.position_bytes, request.length_bytes, *memory, request.offset_bytes});
}

ipc::Task Server::on(const ipc::Call& call, const block::WriteFrom& request) {
    const Result<Memory> memory = attached(call.badge(), request.buffer);
    if (!memory) return start(call, fail(memory.error()));
    return start(call, Transfer{RequestType::Write, request.position_bytes, request.length_bytes, *memory, request.offset_bytes});
}

Result<> Server::check(const Transfer& transfer) const {
    if (!device_.running()) return fail(Error::NoDevice);
    const Device::Geometry& geometry = device_.geometry();
    const uint64_t whole = geometry.sector_bytes - 1;
    if (((transfer.position_bytes | transfer.length_bytes) & whole) != 0 || transfer.length_bytes == 0) return fail(Error::InvalidArgument);
    if (transfer.position_bytes > geometry.size_bytes || transfer.length_bytes > geometry.size_bytes - transfer.position_bytes)
        return fail(Error::InvalidArgument);
    if (transfer.type != RequestType::Read && geometry.read_only) return fail(Error::ReadOnly);
    if (transfer.type != RequestType::Discard && transfer.length_bytes > kTransferBytesMax) return fail(Error::TooLarge);
    return {};
}

ipc::Task Server::start(const ipc::Call& call, Result<Transfer> transfer) {
    Result<> sound = transfer ? check(*transfer) : fail(transfer.error());
    if (sound) return run(call, *transfer);
    (void)call.refuse(sound.error());
    return {};
}

/// Through slots, a piece after the other. A caller that gives up while its request waits is forgotten; what the device has is seen through
/// to its end, for its slot is the device's until then.
ipc::Task Server::run(ipc::Call call, Transfer transfer) {
    const RangeOrder::Turn turn(order_, transfer.position_bytes, transfer.length_bytes, transfer.type != RequestType::Read);
    while (ipc::WaitQueue* const earlier = turn.blocked_by())
        if (!co_await earlier->wait(call.id())) co_return;
    Result<> outcome;
    for (uint64_t done = 0; outcome && done < transfer.length_bytes;) {
        unsigned slot = 0;
        while (!take_slot(slot))
            if (!co_await free_slots_.wait(call.id())) co_return;
        const uint64_t length_bytes = std::min(transfer.length_bytes - done, Device::kSlotBytes);
        outcome = fill(call, transfer, slot, done, length_bytes);
        if (outcome)
            outcome = submit(slot, {.type = transfer.type, .position_bytes = transfer.position_bytes + done, .length_bytes = length_bytes});
        if (outcome) {
            (void)co_await slots_[slot].ended.wait(0);
            outcome = slots_[slot].outcome;
        }
        if (outcome) outcome = deliver(call, transfer, slot, done, length_bytes);
        give_back(slot);
        done += length_bytes;
    }
    if (outcome)
        (void)call.reply<block::Read>({});
    else
        (void)call.refuse(outcome.error());
}

Result<> Server::fill(const ipc::Call& call, const Transfer& transfer, unsigned slot, uint64_t done, uint64_t length_bytes) {
    if (transfer.type != RequestType::Write) return {};
    const std::span<std::byte> data = device_.data(slot).first(length_bytes);
    if (!transfer.memory) return call.read(done, data);
    return native::call(
        abi::MemoryRead{transfer.memory->get(), transfer.offset_bytes + done, reinterpret_cast<uint64_t>(data.data()), length_bytes});
}

Result<> Server::deliver(const ipc::Call& call, const Transfer& transfer, unsigned slot, uint64_t done, uint64_t length_bytes) {
    if (transfer.type != RequestType::Read) return {};
    const std::span<std::byte> data = device_.data(slot).first(length_bytes);
    if (!transfer.memory) return call.write(done, data);
    return native::call(
        abi::MemoryWrite{transfer.memory->get(), transfer.offset_bytes + done, reinterpret_cast<uint64_t>(data.data()), length_bytes});
}

ipc::Task Server::on(ipc::Call call, block::Flush) {
    if (!device_.running() || !device_.geometry().flush) {
        if (device_.running())
            (void)call.reply<block::Flush>({});  // the device says that what is written is safe
        else
            (void)call.refuse(Error::NoDevice);
        co_return;
    }
    unsigned slot = 0;
    while (!take_slot(slot))
        if (!co_await free_slots_.wait(call.id())) co_return;
    Result<> outcome = submit(slot, {.type = RequestType::Flush});
    if (outcome) {
        (void)co_await slots_[slot].ended.wait(0);
        outcome = slots_[slot].outcome;
    }
    give_back(slot);
    call.finish<block::Flush>(outcome ? Result<protocols::Empty>{} : fail(outcome.error()));
}

ipc::Task Server::on(ipc::Call call, block::Discard request) {
    const uint64_t at_once_max = device_.geometry().discard_bytes_max;
    Result<> outcome = check({RequestType::Discard, request.position_bytes, request.length_bytes});
    if (outcome && at_once_max == 0) outcome = fail(Error::NotSupported);
    if (!outcome) {
        (void)call.refuse(outcome.error());
        co_return;
    }
    const RangeOrder::Turn turn(order_, request.position_bytes, request.length_bytes, true);
    while (ipc::WaitQueue* const earlier = turn.blocked_by())
        if (!co_await earlier->wait(call.id())) co_return;
    for (uint64_t done = 0; outcome && done < request.length_bytes;) {
        unsigned slot = 0;
        while (!take_slot(slot))
            if (!co_await free_slots_.wait(call.id())) co_return;
        const uint64_t length_bytes = std::min(request.length_bytes - done, at_once_max);
        outcome =
            submit(slot, {.type = RequestType::Discard, .position_bytes = request.position_bytes + done, .length_bytes = length_bytes});
        if (outcome) {
            (void)co_await slots_[slot].ended.wait(0);
            outcome = slots_[slot].outcome;
        }
        give_back(slot);
        done += length_bytes;
    }
    call.finish<block::Discard>(outcome ? Result<protocols::Empty>{} : fail(outcome.error()));
}

}  // namespace portico::virtio_blk
