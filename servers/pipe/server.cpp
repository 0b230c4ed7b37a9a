#include "servers/pipe/server.h"

#include <algorithm>
#include <ctime>

namespace portico::pipe_server {
namespace {

constexpr uint64_t kCredits = 64;
constexpr uint64_t kReserveBytes = 1 << 20;  // what the server keeps for its heap before it makes more pipes
constexpr uint64_t kBytesToRead = 0x541B;    // FIONREAD
constexpr uint64_t kPipeDevice = 0x0D;       // st_dev of pipes without a name

/// Errors: NoMemory.
Result<> check_reserve() {
    abi::AccountInfo account;
    abi::SystemInfo system;
    TRY(native::call(abi::AccountQuery{abi::kSelfAccount, reinterpret_cast<uint64_t>(&account)}));
    TRY(native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&system)}));
    const uint64_t payable_bytes = account.limit_bytes - std::min(account.used_bytes, account.limit_bytes);
    if (std::min(payable_bytes, system.free_bytes) < kReserveBytes) return fail(Error::NoMemory);
    return {};
}

int64_t realtime_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Result<OwnedHandle> Server::add_end(std::shared_ptr<PipeEnd> end) {
    const uint64_t badge = ends_.add(std::move(end));
    const auto sender = native::call(abi::PortBadge{port_, badge, kCredits});
    if (!sender) {
        ends_.forget(badge);
        return fail(sender.error());
    }
    return OwnedHandle(sender->sender);
}

Result<file::MakePipe::Reply> Server::on(const ipc::Call&, const file::MakePipe& request) {
    TRY(check_reserve());
    const uint32_t flags = static_cast<uint32_t>(request.flags) & file::kNonBlocking;
    const auto pipe = std::make_shared<Pipe>(PipeIdentity{.inode = ends_.next_inode(), .mode = 0600, .birth_ns = realtime_ns()});
    auto read_end = std::make_shared<PipeEnd>(pipe, flags | file::kReadOnly);
    auto write_end = std::make_shared<PipeEnd>(pipe, flags | file::kWriteOnly);
    OwnedHandle reader = TRY(add_end(std::move(read_end)));
    OwnedHandle writer = TRY(add_end(std::move(write_end)));
    return file::MakePipe::Reply{.zero = {}, .read_end = reader.release(), .write_end = writer.release()};
}

Result<file::Open::Reply> Server::on(const ipc::Call& call, const file::Open& request) {
    const std::shared_ptr<PipeEnd> end = TRY(ends_.find(call.badge()));
    if (call.readable_bytes() != 0) return fail(Error::NotDirectory);
    if ((request.flags & file::kDirectory) != 0) return fail(Error::NotDirectory);
    if ((request.flags & file::kPathOnly) != 0) return fail(Error::NotSupported);
    TRY(check_reserve());
    const uint32_t flags = request.flags & (file::kAccessMode | file::kNonBlocking | file::kAppend);
    OwnedHandle opened = TRY(add_end(std::make_shared<PipeEnd>(end->shared_pipe(), flags)));
    return file::Open::Reply{.kind = file::Kind::Fifo,
                             .mode = 0010000 | end->pipe().identity.mode,
                             .size_bytes = 0,
                             .special_device = 0,
                             .zero = 0,
                             .file = opened.release()};
}

ipc::Task Server::on(ipc::Call call, file::OpenFifo request) {
    const auto flags = static_cast<uint32_t>(request.flags);
    const Result<> allowed = call.badge() == file::kControlBadge ? check_reserve() : fail(Error::AccessDenied);
    if (!allowed) {
        (void)call.refuse(allowed.error());
        co_return;
    }
    const std::shared_ptr<Pipe> pipe = ends_.fifo({.device = request.device,
                                                   .inode = request.inode,
                                                   .mode = request.mode & 07777,
                                                   .uid = request.uid,
                                                   .gid = request.gid,
                                                   .birth_ns = realtime_ns()});
    const bool reads = PipeEnd::reads(flags);
    const bool writes = PipeEnd::writes(flags);
    const bool waits = (flags & file::kNonBlocking) == 0;
    if (writes && !reads && !waits && !pipe->has_readers()) {
        (void)call.refuse(Error::NoDevice);
        co_return;
    }
    const uint64_t readers_before = pipe->readers_ever();
    const uint64_t writers_before = pipe->writers_ever();
    auto end = std::make_shared<PipeEnd>(pipe, flags);  // counts at once: two openers wait for each other
    // A partner that came and went meanwhile also counts: its bytes may be in the pipe.
    const auto has_partner = [&] {
        return reads ? pipe->has_writers() || pipe->writers_ever() != writers_before
                     : pipe->has_readers() || pipe->readers_ever() != readers_before;
    };
    while (waits && reads != writes && !has_partner()) {
        if (!co_await pipe->changed.wait(call.id())) co_return;
    }
    Result<OwnedHandle> opened = add_end(std::move(end));
    if (!opened) {
        (void)call.refuse(opened.error());
        co_return;
    }
    call.finish<file::OpenFifo>(file::OpenFifo::Reply{.zero = {}, .file = opened->release()});
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::GetAttributes&) {
    const std::shared_ptr<PipeEnd> end = TRY(ends_.find(call.badge()));
    const PipeIdentity& identity = end->pipe().identity;
    file::Attributes attributes;
    attributes.device = identity.device != 0 ? identity.device : kPipeDevice;
    attributes.inode = identity.inode;
    attributes.links = 1;
    attributes.mode = 0010000 | identity.mode;
    attributes.uid = identity.uid;
    attributes.gid = identity.gid;
    attributes.access_ns = attributes.modify_ns = attributes.change_ns = attributes.birth_ns = identity.birth_ns;
    TRY(call.write(0, std::as_bytes(std::span(&attributes, 1))));
    return protocols::Empty{};
}

Result<file::GetFlags::Reply> Server::on(const ipc::Call& call, const file::GetFlags&) {
    return file::GetFlags::Reply{.flags = TRY(ends_.find(call.badge()))->flags()};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::SetFlags& request) {
    TRY(ends_.find(call.badge()))->set_changeable_flags(request.flags);
    return protocols::Empty{};
}

Result<file::Control::Reply> Server::on(const ipc::Call& call, const file::Control& request) {
    const std::shared_ptr<PipeEnd> end = TRY(ends_.find(call.badge()));
    if (request.request != kBytesToRead) return fail(Error::NotTerminal);
    const auto bytes = static_cast<int32_t>(end->pipe().buffer.size());
    TRY(call.write(0, std::as_bytes(std::span(&bytes, 1))));
    return file::Control::Reply{.result = 0};
}

void Server::on_notification(uint64_t badge, uint64_t bits) {
    if ((bits & abi::kNotifySendersGone) != 0) ends_.forget(badge);
}

}  // namespace portico::pipe_server
