#include "servers/ninep/host_error.h"

#include <cerrno>

namespace portico::ninep {

Error error_of(uint32_t host_errno) {
    switch (host_errno) {
    case EPERM:
    case EACCES:
        return Error::AccessDenied;
    case ENOENT:
        return Error::NotFound;
    case ENOMEM:
        return Error::NoMemory;
    case EBUSY:
    case ETXTBSY:
        return Error::Busy;
    case EEXIST:
        return Error::Exists;
    case EXDEV:
        return Error::CrossDevice;
    case ENODEV:
    case ENXIO:
        return Error::NoDevice;
    case ENOTDIR:
        return Error::NotDirectory;
    case EISDIR:
        return Error::IsDirectory;
    case EINVAL:
        return Error::InvalidArgument;
    case EFBIG:
        return Error::TooLarge;
    case ENOSPC:
    case EDQUOT:
        return Error::NoSpace;
    case EROFS:
        return Error::ReadOnly;
    case EMLINK:
    case ELOOP:
        return Error::TooManyLinks;
    case ENAMETOOLONG:
        return Error::NameTooLong;
    case ENOTEMPTY:
        return Error::NotEmpty;
    case EOPNOTSUPP:
    case ENOSYS:
        return Error::NotSupported;
    default:
        return Error::IoError;
    }
}

}  // namespace portico::ninep
