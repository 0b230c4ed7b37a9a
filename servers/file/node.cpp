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
    case Kind::None:
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

int64_t realtime_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace portico::file_server
