#include "posix/errno_map.h"

namespace portico::posix {

int64_t to_errno(Error error) {
    switch (error) {
    case Error::None:
        return 0;
    case Error::BadCall:
        return -ENOSYS;
    case Error::BadHandle:
        return -EBADF;
    case Error::WrongType:
        return -EINVAL;
    case Error::AccessDenied:
        return -EACCES;
    case Error::InvalidArgument:
        return -EINVAL;
    case Error::BadAddress:
        return -EFAULT;
    case Error::NoMemory:
        return -ENOMEM;
    case Error::NoCredit:
        return -EAGAIN;
    case Error::NoSpace:
        return -ENOSPC;
    case Error::PeerClosed:
        return -EIO;
    case Error::TimedOut:
        return -ETIMEDOUT;
    case Error::Interrupted:
        return -kRestart;
    case Error::NoSuchCall:
        return -EIO;
    case Error::WouldBlock:
        return -EAGAIN;
    case Error::TooLarge:
        return -EFBIG;
    case Error::Overlap:
        return -EEXIST;
    case Error::NotFound:
        return -ENOENT;
    case Error::Exists:
        return -EEXIST;
    case Error::NotDirectory:
        return -ENOTDIR;
    case Error::IsDirectory:
        return -EISDIR;
    case Error::NotEmpty:
        return -ENOTEMPTY;
    case Error::CrossDevice:
        return -EXDEV;
    case Error::ReadOnly:
        return -EROFS;
    case Error::TooManyLinks:
        return -ELOOP;
    case Error::NameTooLong:
        return -ENAMETOOLONG;
    case Error::NotTerminal:
        return -ENOTTY;
    case Error::BrokenPipe:
        return -EPIPE;
    case Error::NotSeekable:
        return -ESPIPE;
    case Error::NoChild:
        return -ECHILD;
    case Error::NoProcess:
        return -ESRCH;
    case Error::NotExecutable:
        return -ENOEXEC;
    case Error::NotSupported:
        return -EOPNOTSUPP;
    case Error::BadProtocol:
        return -EPROTO;
    case Error::Busy:
        return -EBUSY;
    case Error::IoError:
        return -EIO;
    case Error::NoDevice:
        return -ENXIO;
    case Error::WrongState:
        return -EINVAL;
    case Error::kCount:
        break;
    }
    return -EIO;
}

}  // namespace portico::posix
