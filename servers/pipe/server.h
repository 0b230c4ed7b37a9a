#pragma once

#include "runtime/ipc.h"
#include "servers/pipe/pipe_ends.h"

namespace portico::pipe_server {

/// Serves the part of protocols/file.h that pipes have; the rest is refused with NotSupported.
///
/// Locks:    none: one thread, one port, one loop. Handlers that wait are coroutines; each holds its end, so an end whose last
///           handle is closed while a call waits counts until that call ends.
/// Messages: bytes are consumed, or added for good, only after the reply was taken. A write of more than fits is taken piece by
///           piece as readers make room: what readers got before such a write is interrupted stays got, and its caller is not told
///           how much that was.
class Server {
public:
    explicit Server(abi::Handle port) : port_(port) {}

    ipc::Task on(ipc::Call call, file::Read request);
    ipc::Task on(ipc::Call call, file::Write request);
    ipc::Task on(ipc::Call call, file::Poll request);
    ipc::Task on(ipc::Call call, file::OpenFifo request);
    Result<file::Open::Reply> on(const ipc::Call& call, const file::Open& request);
    Result<file::MakePipe::Reply> on(const ipc::Call& call, const file::MakePipe& request);
    Result<file::Seek::Reply> on(const ipc::Call&, const file::Seek&) { return fail(Error::NotSeekable); }
    Result<protocols::Empty> on(const ipc::Call&, const file::Truncate&) { return fail(Error::InvalidArgument); }
    Result<protocols::Empty> on(const ipc::Call&, const file::Sync&) { return fail(Error::InvalidArgument); }
    Result<file::ReadDirectory::Reply> on(const ipc::Call&, const file::ReadDirectory&) { return fail(Error::NotDirectory); }
    Result<file::GetPath::Reply> on(const ipc::Call&, const file::GetPath&) { return fail(Error::NotFound); }
    Result<protocols::Empty> on(const ipc::Call& call, const file::GetAttributes& request);
    Result<file::GetFlags::Reply> on(const ipc::Call& call, const file::GetFlags& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::SetFlags& request);
    Result<file::Control::Reply> on(const ipc::Call& call, const file::Control& request);

    void on_notification(uint64_t badge, uint64_t bits);

private:
    /// A send handle to a new end. The end goes when the last handle does.
    Result<OwnedHandle> add_end(std::shared_ptr<PipeEnd> end);

    abi::Handle port_;
    PipeEnds ends_;
};

}  // namespace portico::pipe_server
