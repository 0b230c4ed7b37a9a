#include "posix/sysv_server.h"

#include "posix/interruptible.h"
#include "protocols/file.h"

namespace portico::posix {

Result<abi::Handle> sysv_server(Process& process) {
    {
        const MutexGuard guard(process.mutex);
        if (process.sysv_server) return process.sysv_server;
    }
    const auto reply = settled_call(process.root_directory, protocols::file::Connect{}, ipc::Lend::text("sysv"));
    if (!reply) return fail(reply.error() == Error::NotFound ? Error::NotSupported : reply.error());
    const MutexGuard guard(process.mutex);
    if (process.sysv_server)
        native::close(reply->server);  // another thread was faster
    else
        process.sysv_server = reply->server;
    return process.sysv_server;
}

int64_t trouble_errno(protocols::sysv::Trouble trouble) {
    using enum protocols::sysv::Trouble;
    switch (trouble) {
    case None:
        return 0;
    case Removed:
        return -EIDRM;
    case NoMessage:
        return -ENOMSG;
    case TooBig:
        return -E2BIG;
    case OutOfRange:
        return -ERANGE;
    case NoSemaphore:
        return -EFBIG;
    case TooLong:
        return -EMSGSIZE;
    }
    return -EIO;
}

int64_t outcome(const Result<protocols::sysv::Answer>& answer) {
    if (!answer) return to_errno_no_restart(answer.error());
    const int64_t error = trouble_errno(answer->trouble);
    return error != 0 ? error : answer->value;
}

}  // namespace portico::posix
