#include "servers/file/node.h"

#include <ctime>

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

int64_t realtime_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace portico::file_server
