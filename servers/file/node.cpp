#include "servers/file/node.h"

#include <ctime>

#include "runtime/native.h"

namespace portico::file_server {

uint32_t type_bits(Kind kind) {
    switch (kind) {
    case Kind::File:
        return 0100000;
    case Kind::Directory:
        return 0040000;
    case Kind::SymbolicLink:
        return 0120000;
    case Kind::CharacterDevice:
        return 0020000;
    case Kind::BlockDevice:
        return 0060000;
    case Kind::Fifo:
        return 0010000;
    case Kind::Socket:
        return 0140000;
    default:
        break;
    }
    return 0;
}

Kind kind_of_mode(uint32_t mode) {
    for (const Kind kind :
         {Kind::File, Kind::Directory, Kind::SymbolicLink, Kind::CharacterDevice, Kind::BlockDevice, Kind::Fifo, Kind::Socket})
        if (type_bits(kind) == (mode & kTypeBits)) return kind;
    return Kind::None;
}

void apply(const AttributeChange& change, Kind kind, Attributes& attributes) {
    using enum file::Change;
    const auto has = [&](file::Change one) { return (change.changes & static_cast<uint32_t>(one)) != 0; };
    const int64_t now_ns = realtime_ns();
    if (has(Mode)) attributes.mode = (attributes.mode & kTypeBits) | (change.mode & kPermissionBits);
    if (has(Owner)) attributes.uid = change.uid;
    if (has(Group)) attributes.gid = change.gid;
    // As chown(2) does for executable files; set-group-id without group execution means locking and stays.
    if ((has(Owner) || has(Group)) && kind == Kind::File && !has(Mode)) {
        attributes.mode &= ~04000u;
        if ((attributes.mode & 010) != 0) attributes.mode &= ~02000u;
    }
    if (has(AccessTime)) attributes.access_ns = change.access_ns;
    if (has(ModifyTime)) attributes.modify_ns = change.modify_ns;
    if (has(AccessNow)) attributes.access_ns = now_ns;
    if (has(ModifyNow)) attributes.modify_ns = now_ns;
    attributes.change_ns = now_ns;
}

namespace {

int64_t asked_realtime_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// The time by the time-stamp counter, as the runtime library computes it, without a call: every change of a file asks for it.
class Clock {
public:
    Clock() {
        if (native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&system_)})) offset_ns_ = asked_realtime_ns() - since_boot_ns();
    }
    int64_t now_ns() const { return offset_ns_ != 0 ? offset_ns_ + since_boot_ns() : asked_realtime_ns(); }  // 0: in a test on the host

private:
    int64_t since_boot_ns() const {
        const uint64_t ticks = __builtin_ia32_rdtsc() - system_.tsc_at_zero;
        return static_cast<int64_t>((static_cast<unsigned __int128>(ticks) * system_.tsc_multiplier) >> 32);
    }
    abi::SystemInfo system_{};
    int64_t offset_ns_ = 0;
};

}  // namespace

int64_t realtime_ns() {
    static const Clock clock;
    return clock.now_ns();
}

}  // namespace portico::file_server
