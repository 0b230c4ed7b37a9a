#include <algorithm>
#include <bit>

#include "runtime/async_call.h"
#include "servers/file/server.h"

/// What is different about a file that is a disk: it is read and written by its driver, asynchronously (disk.h).
namespace portico::file_server {
namespace {

// Linux's requests to a block device.
constexpr uint64_t kReadOnlyRequest = 0x125E, kSectorsRequest = 0x1260, kFlushRequest = 0x1261, kSectorBytesRequest = 0x1268,
                   kSizeRequest = 0x8008'1272, kMinimumBytesRequest = 0x1278, kOptimalBytesRequest = 0x1279, kPhysicalBytesRequest = 0x127B;

template <class T>
Result<> put(const ipc::Call& call, T value) {
    return call.write(0, std::as_bytes(std::span(&value, 1)));
}

}  // namespace

Result<> Server::add_disk(std::string_view name, uint64_t special_device, abi::Handle driver) {
    TRY(devices_.root()->create(name, {.kind = Kind::BlockDevice, .mode = 0660, .special_device = special_device}));
    disks_.emplace(special_device, std::make_shared<Disk>(driver, port_));
    return {};
}

Disk* Server::disk_of(uint64_t badge) {
    const Result<OpenFile*> open = files_.find(badge);
    return open && (*open)->content ? (*open)->content->disk() : nullptr;
}

ipc::Task Server::open_disk(ipc::Call call, NodeRef node, uint32_t flags) {
    const auto found = disks_.find(node->attributes().special_device);
    if (found == disks_.end()) {
        (void)call.refuse(Error::NoDevice);
        co_return;
    }
    const std::shared_ptr<Disk> disk = found->second;
    Result<block::Info::Reply> info = fail(Error::PeerClosed);
    for (unsigned tries = 0; tries < 2 && !info && info.error() == Error::PeerClosed; ++tries)
        info = co_await ipc::async_call(disk->driver(), block::Info{});
    const bool is_sound = info && info->sector_bytes >= 512 && info->sector_bytes <= (64 << 10) &&
                          std::has_single_bit(info->sector_bytes) && info->transfer_bytes_max >= info->sector_bytes;
    if (!is_sound) {
        (void)call.refuse(!info && info.error() == Error::Interrupted ? Error::Interrupted : Error::NoDevice);
        co_return;
    }
    disk->set_info(*info);
    const bool writes = (flags & file::kAccessMode) != file::kReadOnly;
    if (writes && disk->read_only())
        (void)call.refuse(Error::AccessDenied);  // as Linux says it
    else
        call.finish<file::Open>(open_here(node, flags, disk));
}

ipc::Task Server::read_disk(const ipc::Call& call, Disk& disk, const file::Read& request) {
    OpenFile* const open = *files_.find(call.badge());
    if (!open->readable()) {
        (void)call.refuse(Error::BadHandle);
        return {};
    }
    const uint64_t offset = request.offset == file::kCurrentOffset ? open->offset : request.offset;
    return disk.run({.call = call,
                     .writes = false,
                     .offset = offset,
                     .length_bytes = std::min<uint64_t>(request.length_bytes, call.writable_bytes()),
                     .end = [this, call, offset, moves = request.offset == file::kCurrentOffset](const Result<uint64_t>& moved) {
                         if (!moved)
                             (void)call.refuse(moved.error());
                         else if (call.reply<file::Read>({.length_bytes = *moved}) && moves)
                             advance(call.badge(), offset + *moved);
                     }});
}

ipc::Task Server::write_disk(const ipc::Call& call, Disk& disk, const file::Write& request) {
    OpenFile* const open = *files_.find(call.badge());
    if (!open->writable()) {
        (void)call.refuse(Error::BadHandle);
        return {};
    }
    const bool appends = (open->flags & file::kAppend) != 0;
    const uint64_t offset = appends ? disk.size_bytes() : request.offset == file::kCurrentOffset ? open->offset : request.offset;
    return disk.run({.call = call,
                     .writes = true,
                     .offset = offset,
                     .length_bytes = std::min<uint64_t>(request.length_bytes, call.readable_bytes()),
                     .end = [this, call, offset, moves = request.offset == file::kCurrentOffset](const Result<uint64_t>& moved) {
                         if (!moved)
                             (void)call.refuse(moved.error());
                         else if (call.reply<file::Write>({.length_bytes = *moved}) && moves)
                             advance(call.badge(), offset + *moved);
                     }});
}

void Server::advance(uint64_t badge, uint64_t offset) {
    if (const Result<OpenFile*> open = files_.find(badge)) (*open)->offset = offset;
}

ipc::Task Server::on(const ipc::Call& call, const file::Sync&) {
    if (Disk* const disk = disk_of(call.badge()))
        return disk->flush(
            [call](const Result<>& outcome) { call.finish<file::Sync>(outcome ? Result<protocols::Empty>{} : fail(outcome.error())); });
    call.finish<file::Sync>([&]() -> Result<protocols::Empty> {
        const OpenFile* const open = TRY(files_.find(call.badge()));
        TRY(open->content ? open->content->sync() : open->node->file_system().sync());
        return protocols::Empty{};
    }());
    return {};
}

Result<file::Control::Reply> Server::control_disk(const ipc::Call& call, const Disk& disk, uint64_t request) {
    switch (request) {
    case kSizeRequest:
        TRY(put<uint64_t>(call, disk.size_bytes()));
        break;
    case kSectorsRequest:
        TRY(put<uint64_t>(call, disk.size_bytes() / 512));
        break;
    case kSectorBytesRequest:
    case kPhysicalBytesRequest:
    case kMinimumBytesRequest:
        TRY(put<uint32_t>(call, static_cast<uint32_t>(disk.sector_bytes())));
        break;
    case kOptimalBytesRequest:
        TRY(put<uint32_t>(call, 0));
        break;
    case kReadOnlyRequest:
        TRY(put<uint32_t>(call, disk.read_only() ? 1 : 0));
        break;
    case kFlushRequest:  // of the cache for reading, which there is not
        break;
    default:
        return fail(Error::NotTerminal);
    }
    return file::Control::Reply{.result = 0};
}

}  // namespace portico::file_server
