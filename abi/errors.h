#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace portico::abi {

/// Every way a system call or a server request can fail. Not errno: posix/errno_map.cpp translates once, at the edge.
enum class Error : uint16_t {
    None = 0,
    BadCall,
    BadHandle,
    WrongType,
    AccessDenied,
    InvalidArgument,
    BadAddress,
    NoMemory,
    NoCredit,
    NoSpace,
    PeerClosed,
    TimedOut,
    Interrupted,
    NoSuchCall,
    WouldBlock,
    TooLarge,
    Overlap,
    NotFound,
    Exists,
    NotDirectory,
    IsDirectory,
    NotEmpty,
    CrossDevice,
    ReadOnly,
    TooManyLinks,
    NameTooLong,
    NotTerminal,
    BrokenPipe,
    NotSeekable,
    NoChild,
    NoProcess,
    NotExecutable,
    NotSupported,
    BadProtocol,
    Busy,
    IoError,
    NoDevice,
    WrongState,
    kCount,
};

struct ErrorInfo {
    Error error;
    std::string_view name;
    std::string_view meaning;
};

inline constexpr std::array<ErrorInfo, static_cast<size_t>(Error::kCount)> kErrors{{
    {Error::None, "None", "Success."},
    {Error::BadCall, "BadCall", "No system call or protocol method has this number."},
    {Error::BadHandle, "BadHandle", "The handle names nothing: never made, closed, or of an old generation."},
    {Error::WrongType, "WrongType", "The handle names an object of another type."},
    {Error::AccessDenied, "AccessDenied", "The handle lacks a right that the operation needs, or permission is refused."},
    {Error::InvalidArgument, "InvalidArgument", "An argument is out of range, misaligned or contradicts another."},
    {Error::BadAddress, "BadAddress", "A memory range is not mapped, or not for this access."},
    {Error::NoMemory, "NoMemory", "The account cannot pay, or the machine has no free memory."},
    {Error::NoCredit, "NoCredit", "The sender already has as many queued messages as it may."},
    {Error::NoSpace, "NoSpace", "A table, device or file system is full."},
    {Error::PeerClosed, "PeerClosed", "The other side is gone: no receive right is left, or it died with the call."},
    {Error::TimedOut, "TimedOut", "The deadline passed."},
    {Error::Interrupted, "Interrupted", "The thread was alerted while it waited; nothing was done."},
    {Error::NoSuchCall, "NoSuchCall", "No pending call has this id here: replied to, cancelled, or never received."},
    {Error::WouldBlock, "WouldBlock", "Nothing can be done without waiting, and the caller asked not to wait."},
    {Error::TooLarge, "TooLarge", "A length is beyond the bound of the operation."},
    {Error::Overlap, "Overlap", "The address range is taken."},
    {Error::NotFound, "NotFound", "No such name or entry."},
    {Error::Exists, "Exists", "The name is taken."},
    {Error::NotDirectory, "NotDirectory", "A path component is not a directory."},
    {Error::IsDirectory, "IsDirectory", "The operation is not for directories."},
    {Error::NotEmpty, "NotEmpty", "The directory has entries."},
    {Error::CrossDevice, "CrossDevice", "The names are on different file systems."},
    {Error::ReadOnly, "ReadOnly", "The file system is read-only."},
    {Error::TooManyLinks, "TooManyLinks", "Too many symbolic links on the way, or links to the file."},
    {Error::NameTooLong, "NameTooLong", "A name has over 255 bytes or a path over 4095."},
    {Error::NotTerminal, "NotTerminal", "The operation is for terminals."},
    {Error::BrokenPipe, "BrokenPipe", "No reader is left."},
    {Error::NotSeekable, "NotSeekable", "The object has no position."},
    {Error::NoChild, "NoChild", "The process has no such child."},
    {Error::NoProcess, "NoProcess", "No such process or group."},
    {Error::NotExecutable, "NotExecutable", "The file is not a program that can be run here."},
    {Error::NotSupported, "NotSupported", "This object does not do that."},
    {Error::BadProtocol, "BadProtocol", "The message does not follow the protocol."},
    {Error::Busy, "Busy", "The object is in use."},
    {Error::IoError, "IoError", "The device failed."},
    {Error::NoDevice, "NoDevice", "The device does not exist or its driver is gone."},
    {Error::WrongState, "WrongState", "The object is in a state in which this cannot be done."},
}};

static_assert([] {
    for (size_t i = 0; i < kErrors.size(); ++i)
        if (kErrors[i].error != static_cast<Error>(i)) return false;
    return true;
}());

constexpr std::string_view name_of(Error error) {
    const auto index = static_cast<size_t>(error);
    return index < kErrors.size() ? kErrors[index].name : "Unknown";
}

}  // namespace portico::abi
