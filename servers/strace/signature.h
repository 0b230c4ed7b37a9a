#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "servers/strace/symbols.h"

namespace portico::strace {

/// What an argument is. Those from kFirstOut on are filled by the call, so they are shown when it returns.
enum class Kind : uint8_t {
    Hex,
    Int,       ///< 32 bits, signed
    Long,      ///< signed
    Unsigned,  ///< 64 bits
    Octal,
    Pointer,
    Fd,
    DirectoryFd,
    Path,
    Bytes,  ///< `other` has the length
    Flags,
    CreationMode,  ///< `other` has the open flags; shown only if the file may be created
    DeviceMode,    ///< type and permissions
    DeviceNumber,  ///< `other` has the mode; shown only for devices
    CloneFlags,    ///< with the exit signal
    CloneArguments,
    FcntlArgument,    ///< `other` has the command
    ControlArgument,  ///< `other` has the ioctl request
    OptionArgument,   ///< `other` has the prctl option
    Signal,
    SignalSet,
    SignalAction,
    Time,      ///< struct timespec
    TimePair,  ///< two of them
    IntervalTimer,
    Vectors,  ///< struct iovec; `other` has the count
    Strings,  ///< a null-terminated list
    Environment,
    PollList,  ///< `other` has the count
    DescriptorSet,
    Limits,
    AlternateStack,
    BytesOut,    ///< as many as the call returns
    TextOut,     ///< zero-terminated
    VectorsOut,  ///< as many bytes as the call returns
    Attributes,  ///< struct stat
    StatxOut,
    TimeOut,
    TimeValueOut,  ///< struct timeval
    IntervalTimerOut,
    SignalSetOut,
    SignalActionOut,
    Pair,  ///< of descriptors
    WaitStatus,
    LimitsOut,
    SystemName,
    DirectoryRecords,
    GroupList,
};
inline constexpr Kind kFirstOut = Kind::BytesOut;

/// How the result is shown if it is no error.
enum class Shown : uint8_t { Decimal, Hex, Octal };

/// What `-e trace=%CLASS` selects, besides what the arguments tell (file, desc).
enum class Family : uint8_t { Other, Process, Memory, Signal, Network };

struct Argument {
    Kind kind = Kind::Hex;
    uint8_t index = 0;                 ///< which of the six
    uint8_t other = 0;                 ///< which one tells more; see Kind
    const Symbols* symbols = nullptr;  ///< of Flags
    std::string_view label{};          ///< "flags="
    uint64_t only_with = 0;            ///< means something only if `other` has one of these bits
};

struct Signature {
    std::string_view name;
    std::array<Argument, 6> arguments{};
    unsigned count = 0;
    Shown shown = Shown::Decimal;
    Family family = Family::Other;
    bool returns = true;      ///< else it ends the thread, or goes elsewhere
    bool returns_fd = false;  ///< a new descriptor

    bool takes(Kind kind) const {
        for (unsigned i = 0; i < count; ++i)
            if (arguments[i].kind == kind) return true;
        return false;
    }
};

/// What is known of a Linux call: at least its name, if it is one. Unknown arguments are six hexadecimal numbers.
const Signature& signature_of(unsigned number);

/// How many calls' arguments are described.
unsigned described_calls();

}  // namespace portico::strace
