#include "servers/strace/call_text.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <optional>

#include "servers/strace/structures.h"
#include "servers/strace/text.h"

namespace portico::strace {

struct CallText::Seen {
    const LinuxCall& call;
    const CallerMemory& memory;
    std::optional<int64_t> result;  ///< once it has returned

    uint64_t value(const Argument& argument) const { return call.arguments[argument.index]; }
    uint64_t other(const Argument& argument) const { return call.arguments[argument.other]; }
    bool failed() const { return result && is_error(*result); }
};

namespace {

constexpr size_t kPathMax = 4095, kListMax = 32, kThreadNameMax = 15;

int32_t as_int(uint64_t value) {
    return static_cast<int32_t>(value);
}

bool is_queried_control(uint64_t request) {
    return request == TIOCGWINSZ || request == TIOCGPGRP || request == TIOCGSID || request == FIONREAD;
}

bool shown_at_return(const Argument& argument, const LinuxCall& call) {
    if (argument.kind == Kind::OptionArgument) return call.arguments[argument.other] == PR_GET_NAME;
    if (argument.kind == Kind::ControlArgument) return is_queried_control(call.arguments[argument.other] & 0xFFFF'FFFF);
    return argument.kind >= kFirstOut;
}

/// Arguments that mean nothing in this call.
bool is_hidden(const Argument& argument, const LinuxCall& call) {
    const uint64_t other = call.arguments[argument.other];
    if (argument.only_with != 0 && (other & argument.only_with) == 0) return true;
    switch (argument.kind) {
    case Kind::CreationMode:
        return (other & O_CREAT) == 0 && (other & O_TMPFILE) != O_TMPFILE;
    case Kind::DeviceNumber:
        return !S_ISCHR(other) && !S_ISBLK(other);
    case Kind::FcntlArgument:
        return other == F_GETFD || other == F_GETFL || other == F_GETOWN || other == F_GETPIPE_SZ;
    default:
        return false;
    }
}

std::string descriptor(uint64_t value) {
    return as_int(value) == AT_FDCWD ? "AT_FDCWD" : std::to_string(as_int(value));
}

template <class T>
std::string structure(uint64_t address, const CallerMemory& memory) {
    const auto value = address == 0 ? std::nullopt : memory.value<T>(address);
    return value ? text_of(*value) : pointer(address);
}

std::string set_of_signals(uint64_t address, const CallerMemory& memory) {
    const auto bits = address == 0 ? std::nullopt : memory.value<uint64_t>(address);
    return bits ? signal_set(*bits) : pointer(address);
}

std::string set_of_descriptors(uint64_t address, uint64_t count, const CallerMemory& memory) {
    const size_t words = (std::min<uint64_t>(count, 1024) + 63) / 64;
    const auto bits = address == 0 ? std::nullopt : memory.values<uint64_t>(address, words);
    if (!bits) return pointer(address);
    std::string text;
    for (size_t i = 0; i < words * 64; ++i)
        if (((*bits)[i / 64] >> (i % 64) & 1) != 0) text += (text.empty() ? "" : " ") + std::to_string(i);
    return "[" + text + "]";
}

template <class T>
std::string list_of(uint64_t address, uint64_t count, const CallerMemory& memory, auto text_of_one) {
    const size_t shown = std::min<uint64_t>(count, kListMax);
    const auto values = address == 0 ? std::nullopt : memory.values<T>(address, shown);
    if (!values) return pointer(address);
    std::string text = "[";
    for (size_t i = 0; i < shown; ++i) text += (i == 0 ? "" : ", ") + text_of_one((*values)[i]);
    return text + (shown < count ? ", ...]" : "]");
}

std::string clone_flags(uint64_t value) {
    constexpr uint64_t kSignal = 0xFF;
    const uint64_t flags = value & 0xFFFF'FFFF & ~kSignal;
    std::string text = flags != 0 ? named(flags, kCloneFlags) : "";
    if ((value & kSignal) != 0) text += (text.empty() ? "" : "|") + signal_name(value & kSignal);
    return text.empty() ? "0" : text;
}

/// How many pointers there are before the null.
std::optional<size_t> length_of_list(uint64_t address, const CallerMemory& memory) {
    constexpr size_t kCountMax = 4096;
    for (size_t count = 0; count < kCountMax; ++count) {
        const auto each = memory.value<uint64_t>(address + 8 * count);
        if (!each) return std::nullopt;
        if (*each == 0) return count;
    }
    return kCountMax;
}

std::string environment(uint64_t address, const CallerMemory& memory) {
    const auto count = address == 0 ? std::nullopt : length_of_list(address, memory);
    if (!count) return pointer(address);
    return pointer(address) + " /* " + std::to_string(*count) + (*count == 1 ? " var */" : " vars */");
}

std::string fcntl_argument(uint64_t command, uint64_t value) {
    if (command == F_SETFD) return named(value, kDescriptorFlags);
    if (command == F_SETFL) return named(value, kOpenFlags);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC || command == F_SETPIPE_SZ) return std::to_string(as_int(value));
    return hexadecimal(value);
}

}  // namespace

std::string CallText::name(unsigned number) {
    const std::string_view known = signature_of(number).name;
    return known.empty() ? "syscall_" + hexadecimal(number) : std::string(known);
}

std::string CallText::string(uint64_t address, size_t bytes_max, const Seen& seen) const {
    const auto text = address == 0 ? std::nullopt : seen.memory.text(address, bytes_max);
    return text ? quoted(text->text, text->ended) : pointer(address);
}

std::string CallText::bytes(uint64_t address, uint64_t length, const Seen& seen) const {
    const size_t shown = std::min<uint64_t>(length, string_max_);
    const auto bytes = address == 0 ? std::nullopt : seen.memory.bytes(address, shown);
    return bytes ? quoted(*bytes, shown == length) : pointer(address);
}

std::string CallText::strings(uint64_t address, const Seen& seen) const {
    const auto count = address == 0 ? std::nullopt : length_of_list(address, seen.memory);
    if (!count) return pointer(address);
    return list_of<uint64_t>(address, *count, seen.memory, [&](uint64_t each) { return string(each, string_max_, seen); });
}

std::string CallText::vectors(uint64_t address, uint64_t count, uint64_t bytes_max, const Seen& seen) const {
    return list_of<iovec>(address, count, seen.memory, [&](const iovec& vector) {
        const uint64_t length = std::min<uint64_t>(vector.iov_len, bytes_max);
        bytes_max -= length;
        return "{iov_base=" + bytes(reinterpret_cast<uint64_t>(vector.iov_base), length, seen) +
               ", iov_len=" + std::to_string(vector.iov_len) + "}";
    });
}

std::string CallText::control_argument(const Argument& argument, const Seen& seen) const {
    const uint64_t address = seen.value(argument), request = seen.other(argument) & 0xFFFF'FFFF;
    if (seen.failed()) return pointer(address);
    if (request == TIOCGWINSZ || request == TIOCSWINSZ) {
        const auto size = seen.memory.value<winsize>(address);
        if (!size) return pointer(address);
        return "{ws_row=" + std::to_string(size->ws_row) + ", ws_col=" + std::to_string(size->ws_col) + ", ...}";
    }
    if (is_queried_control(request) || request == TIOCSPGRP) {
        const auto number = seen.memory.value<int32_t>(address);
        return number ? "[" + std::to_string(*number) + "]" : pointer(address);
    }
    return pointer(address);
}

std::string CallText::text(const Argument& argument, const Seen& seen) const {
    const uint64_t value = seen.value(argument);
    switch (argument.kind) {
    case Kind::Hex:
        return hexadecimal(value);
    case Kind::Int:
        return std::to_string(as_int(value));
    case Kind::Long:
        return std::to_string(static_cast<int64_t>(value));
    case Kind::Unsigned:
        return std::to_string(value);
    case Kind::Octal:
    case Kind::CreationMode:
        return octal(value & 0xFFFF'FFFF);
    case Kind::Pointer:
        return pointer(value);
    case Kind::Fd:
        return std::to_string(as_int(value));
    case Kind::DirectoryFd:
        return descriptor(value);
    case Kind::Path:
        return string(value, kPathMax, seen);
    case Kind::Bytes:
        return bytes(value, seen.other(argument), seen);
    case Kind::Flags:
        return named(value & 0xFFFF'FFFF, *argument.symbols);
    case Kind::DeviceMode:
        return mode_text(static_cast<uint32_t>(value));
    case Kind::DeviceNumber:
        return device_text(value);
    case Kind::CloneFlags:
        return clone_flags(value);
    case Kind::CloneArguments:
        return structure<CloneArguments>(value, seen.memory);
    case Kind::FcntlArgument:
        return fcntl_argument(seen.other(argument), value);
    case Kind::ControlArgument:
        return control_argument(argument, seen);
    case Kind::OptionArgument:
        if (seen.other(argument) == PR_SET_NAME || seen.other(argument) == PR_GET_NAME) return string(value, kThreadNameMax, seen);
        return hexadecimal(value);
    case Kind::Signal:
        return signal_name(value & 0xFFFF'FFFF);
    case Kind::SignalSet:
        return set_of_signals(value, seen.memory);
    case Kind::SignalAction:
        return structure<KernelSignalAction>(value, seen.memory);
    case Kind::Time:
        return structure<timespec>(value, seen.memory);
    case Kind::TimePair:
        return list_of<timespec>(value, 2, seen.memory, [](const timespec& time) { return text_of(time); });
    case Kind::IntervalTimer:
        return structure<itimerval>(value, seen.memory);
    case Kind::Vectors:
        return vectors(value, seen.other(argument), ~uint64_t{0}, seen);
    case Kind::Strings:
        return strings(value, seen);
    case Kind::Environment:
        return environment(value, seen.memory);
    case Kind::PollList:
        return list_of<pollfd>(value, seen.other(argument), seen.memory, [](const pollfd& polled) { return text_of(polled); });
    case Kind::DescriptorSet:
        return set_of_descriptors(value, seen.other(argument), seen.memory);
    case Kind::Limits:
        return structure<rlimit>(value, seen.memory);
    case Kind::AlternateStack:
        return structure<stack_t>(value, seen.memory);
    default:
        return out_text(argument, seen);
    }
}

std::string CallText::out_text(const Argument& argument, const Seen& seen) const {
    const uint64_t value = seen.value(argument);
    if (!seen.result || seen.failed() || value == 0) return pointer(value);
    const auto count = static_cast<uint64_t>(*seen.result);
    switch (argument.kind) {
    case Kind::BytesOut:
        return bytes(value, count, seen);
    case Kind::TextOut:
        return string(value, kPathMax, seen);
    case Kind::VectorsOut:
        return vectors(value, seen.other(argument), count, seen);
    case Kind::Attributes:
        return structure<struct stat>(value, seen.memory);
    case Kind::StatxOut:
        return structure<struct statx>(value, seen.memory);
    case Kind::TimeOut:
        return structure<timespec>(value, seen.memory);
    case Kind::TimeValueOut:
        return structure<timeval>(value, seen.memory);
    case Kind::IntervalTimerOut:
        return structure<itimerval>(value, seen.memory);
    case Kind::SignalSetOut:
        return set_of_signals(value, seen.memory);
    case Kind::SignalActionOut:
        return structure<KernelSignalAction>(value, seen.memory);
    case Kind::Pair:
        return list_of<int32_t>(value, 2, seen.memory, [](int32_t number) { return std::to_string(number); });
    case Kind::WaitStatus: {
        const auto status = count == 0 ? std::nullopt : seen.memory.value<uint32_t>(value);
        return status ? wait_status_text(*status) : pointer(value);
    }
    case Kind::LimitsOut:
        return structure<rlimit>(value, seen.memory);
    case Kind::SystemName:
        return structure<utsname>(value, seen.memory);
    case Kind::DirectoryRecords: {
        const auto records = seen.memory.bytes(value, count);
        return records ? pointer(value) + " /* " + std::to_string(count_directory_records(*records)) + " entries */" : pointer(value);
    }
    case Kind::GroupList:
        return list_of<uint32_t>(value, count, seen.memory, [](uint32_t group) { return std::to_string(group); });
    default:
        return hexadecimal(value);
    }
}

std::string CallText::at_entry(const LinuxCall& call, const CallerMemory& memory) const {
    const Signature& signature = signature_of(call.number);
    const Seen seen{.call = call, .memory = memory, .result = std::nullopt};
    std::string line = name(call.number) + "(";
    for (unsigned i = 0; i < signature.count; ++i) {
        const Argument& argument = signature.arguments[i];
        if (is_hidden(argument, call)) continue;
        if (i != 0) line += ", ";
        if (shown_at_return(argument, call)) break;
        line += std::string(argument.label) + text(argument, seen);
    }
    return line;
}

std::string CallText::at_return(const LinuxCall& call, const CallerMemory& memory, int64_t returned) const {
    const Signature& signature = signature_of(call.number);
    const Seen seen{.call = call, .memory = memory, .result = returned};
    std::string line;
    bool begun = false;
    for (unsigned i = 0; i < signature.count; ++i) {
        const Argument& argument = signature.arguments[i];
        const bool first = !begun && shown_at_return(argument, call);
        begun = begun || first;
        if (!begun || is_hidden(argument, call)) continue;
        if (!first) line += ", ";
        line += std::string(argument.label) + text(argument, seen);
    }
    return line + ")";
}

std::string CallText::result(const LinuxCall& call, int64_t returned) {
    const Signature& signature = signature_of(call.number);
    if (is_error(returned)) {
        const int error = static_cast<int>(-returned);
        if (error_name(error).empty()) return "-1 " + std::to_string(error);
        const std::string named_error = std::string(error_name(error)) + " (" + std::string(error_meaning(error)) + ")";
        return (error >= 512 ? "? " : "-1 ") + named_error;  // a call to be made again has no result yet
    }
    const auto value = static_cast<uint64_t>(returned);
    if (signature.name == "fcntl" && call.arguments[1] == F_GETFD && value != 0)
        return hexadecimal(value) + " (flags " + named(value, kDescriptorFlags) + ")";
    if (signature.name == "fcntl" && call.arguments[1] == F_GETFL) return hexadecimal(value) + " (flags " + named(value, kOpenFlags) + ")";
    switch (signature.shown) {
    case Shown::Hex:
        return hexadecimal(value);
    case Shown::Octal:
        return octal(value);
    default:
        return std::to_string(returned);
    }
}

}  // namespace portico::strace
