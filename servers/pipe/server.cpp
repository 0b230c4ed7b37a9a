#include "servers/pipe/server.h"

namespace portico::pipe_server {

/// An answer goes with the next receive, unless something is to be told or ended first: that comes after the answer was taken.
void Server::run() {
    ipc::Answer answer;
    for (;;) {
        if (Object::anything_to_announce() || objects_.anything_to_sweep()) [[unlikely]] {
            (void)ipc::send(std::exchange(answer, {}));
            Object::announce_all();
            objects_.sweep();
            Object::announce_all();  // what ends tells its peers
        }
        const Result<native::Received> received =
            answer.call != 0 ? native::reply_receive(answer.call, answer.message, port_) : native::receive(port_);
        if (received) [[likely]] {
            answer = ipc::serve(*this, *received, few::Protocol{}, file::Protocol{}, event::Protocol{}, sockets::Protocol{});
            continue;
        }
        if (answer.call != 0) ipc::not_taken(answer.call, answer, received.error());
        answer = {};
    }
}

void Server::on_notification(uint64_t badge, uint64_t bits) {
    if ((badge & kTimerBadge) != 0) {
        if (const auto timer = objects_.find<Timer>(badge & ~kTimerBadge); timer && (bits & 1) != 0) (*timer)->expired();
        return;
    }
    if ((bits & abi::kNotifySendersGone) != 0) objects_.handle_gone(badge);
}

ipc::Answer Server::on(const ipc::Call& call, const few::Put& request) {
    Object* const object = objects_.find_or_null(call.badge());
    return object != nullptr ? object->put_few(call, request) : ipc::Answer::of_error(call.id(), Error::BadHandle);
}

ipc::Answer Server::on(const ipc::Call& call, const few::Take& request) {
    Object* const object = objects_.find_or_null(call.badge());
    return object != nullptr ? object->take_few(call, request) : ipc::Answer::of_error(call.id(), Error::BadHandle);
}

ipc::Answer Server::on(const ipc::Call& call, const file::Read& request) {
    Object* const object = objects_.find_or_null(call.badge());
    return object != nullptr ? object->read(call, request) : ipc::Answer::of_error(call.id(), Error::BadHandle);
}

ipc::Answer Server::on(const ipc::Call& call, const file::Write& request) {
    Object* const object = objects_.find_or_null(call.badge());
    return object != nullptr ? object->write(call, request) : ipc::Answer::of_error(call.id(), Error::BadHandle);
}

ipc::Task Server::on(const ipc::Call& call, const file::Poll& request) {
    const Result<Object*> object = objects_.find(call.badge());
    if (object) return (*object)->poll(call, request);
    (void)call.refuse(object.error());
    return {};
}

Result<file::Open::Reply> Server::on(const ipc::Call& call, const file::Open& request) {
    Object* const object = TRY(objects_.find(call.badge()));
    if (call.readable_bytes() != 0 || (request.flags & file::kDirectory) != 0) return fail(Error::NotDirectory);
    if ((request.flags & file::kPathOnly) != 0) return fail(Error::NotSupported);
    TRY(check_reserve());
    const uint32_t flags = request.flags & (file::kAccessMode | file::kNonBlocking | file::kAppend);
    const std::shared_ptr<Object> again = TRY(object->open_again(flags));
    OwnedHandle opened = TRY(objects_.give_handle(again));
    return file::Open::Reply{.kind = file::Kind::Fifo,
                             .mode = object->attributes().mode,
                             .size_bytes = 0,
                             .special_device = 0,
                             .zero = 0,
                             .file = opened.release()};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::GetAttributes&) {
    const file::Attributes attributes = TRY(objects_.find(call.badge()))->attributes();
    TRY(call.write(0, std::as_bytes(std::span(&attributes, 1))));
    return protocols::Empty{};
}

Result<file::GetFlags::Reply> Server::on(const ipc::Call& call, const file::GetFlags&) {
    return file::GetFlags::Reply{.flags = TRY(objects_.find(call.badge()))->flags()};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::SetFlags& request) {
    TRY(objects_.find(call.badge()))->set_changeable_flags(request.flags);
    return protocols::Empty{};
}

Result<file::Control::Reply> Server::on(const ipc::Call& call, const file::Control& request) {
    return TRY(objects_.find(call.badge()))->control(call, request);
}

Result<file::MakePipe::Reply> Server::on(const ipc::Call&, const file::MakePipe& request) {
    TRY(check_reserve());
    const uint32_t flags = static_cast<uint32_t>(request.flags) & file::kNonBlocking;
    const auto pipe = std::make_shared<Pipe>(PipeIdentity{.inode = ++last_inode_, .mode = 0600, .birth_ns = realtime_ns()});
    const auto read_end = std::make_shared<PipeEnd>(pipe, flags | file::kReadOnly);
    const auto write_end = std::make_shared<PipeEnd>(pipe, flags | file::kWriteOnly);
    OwnedHandle reader = TRY(objects_.give_handle(read_end));
    OwnedHandle writer = TRY(objects_.give_handle(write_end));
    return file::MakePipe::Reply{.zero = {}, .read_end = reader.release(), .write_end = writer.release()};
}

ipc::Task Server::on(ipc::Call call, file::OpenFifo request) {
    const auto flags = static_cast<uint32_t>(request.flags);
    const Result<> allowed = call.badge() == file::kControlBadge ? check_reserve() : fail(Error::AccessDenied);
    if (!allowed) {
        (void)call.refuse(allowed.error());
        co_return;
    }
    const std::shared_ptr<Pipe> pipe = fifos_.pipe({.device = request.device,
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
    const auto end = std::make_shared<PipeEnd>(pipe, flags);  // counts at once: two openers wait for each other
    // A partner that came and went meanwhile also counts: its bytes may be in the pipe.
    const auto has_partner = [&] {
        return reads ? pipe->has_writers() || pipe->writers_ever() != writers_before
                     : pipe->has_readers() || pipe->readers_ever() != readers_before;
    };
    while (waits && reads != writes && !has_partner()) {
        if (!co_await pipe->opened.wait(call.id())) co_return;
    }
    Result<OwnedHandle> opened = objects_.give_handle(end);
    if (!opened) {
        (void)call.refuse(opened.error());
        co_return;
    }
    call.finish<file::OpenFifo>(file::OpenFifo::Reply{.zero = {}, .file = opened->release()});
}

}  // namespace portico::pipe_server
