#include "posix/files/directory_records.h"

#include <cstring>

#include "protocols/file.h"

namespace portico::posix {
namespace {

namespace file = protocols::file;

/// struct linux_dirent64: inode, offset, length, type, name with its zero. struct linux_dirent has the type in its last byte.
constexpr uint64_t kInodeAt = 0, kOffsetAt = 8, kLengthAt = 16, kTypeAt64 = 18, kNameAt64 = 19, kNameAt = 18;
constexpr uint64_t kFixedBytes = 20;  // both: all but the name, its zero included

constexpr uint64_t align8(uint64_t value) {
    return (value + 7) & ~uint64_t{7};
}
constexpr uint64_t source_bytes(uint64_t name_bytes) {
    return sizeof(file::DirectoryEntry) + align8(name_bytes);
}
constexpr uint64_t target_bytes(uint64_t name_bytes) {
    return align8(kFixedBytes + name_bytes);
}

static_assert(
    [] {
        for (uint64_t name_bytes = 0; name_bytes <= file::kNameBytesMax; ++name_bytes)
            if (target_bytes(name_bytes) > source_bytes(name_bytes)) return false;
        return true;
    }(),
    "translation never needs more room");

/// DT_ values.
uint8_t dirent_type(uint32_t kind) {
    switch (static_cast<file::Kind>(kind)) {
    case file::Kind::File:
        return 8;
    case file::Kind::Directory:
        return 4;
    case file::Kind::SymbolicLink:
        return 10;
    case file::Kind::CharacterDevice:
        return 2;
    case file::Kind::BlockDevice:
        return 6;
    case file::Kind::Fifo:
        return 1;
    case file::Kind::Socket:
        return 12;
    default:
        return 0;
    }
}

void write_entry(std::byte* to, const file::DirectoryEntry& entry, const std::byte* name, DirentFormat format) {
    const auto length = static_cast<uint16_t>(target_bytes(entry.name_bytes));
    const auto type = static_cast<std::byte>(dirent_type(entry.kind));
    const bool wide = format == DirentFormat::Dirent64;
    std::memset(to, 0, length);
    std::memcpy(to + kInodeAt, &entry.inode, sizeof(entry.inode));
    std::memcpy(to + kOffsetAt, &entry.next_cookie, sizeof(entry.next_cookie));
    std::memcpy(to + kLengthAt, &length, sizeof(length));
    std::memcpy(to + (wide ? kNameAt64 : kNameAt), name, entry.name_bytes);
    to[wide ? kTypeAt64 : length - 1u] = type;
}

}  // namespace

TranslatedEntries translate_entries(std::span<const std::byte> records, std::span<std::byte> output, DirentFormat format) {
    TranslatedEntries done;
    while (records.size() - done.input_bytes >= sizeof(file::DirectoryEntry)) {
        const uint64_t left = records.size() - done.input_bytes;
        file::DirectoryEntry entry;
        std::memcpy(&entry, &records[done.input_bytes], sizeof(entry));
        if (entry.name_bytes > file::kNameBytesMax || source_bytes(entry.name_bytes) > left) break;
        if (target_bytes(entry.name_bytes) > output.size() - done.output_bytes) break;
        write_entry(&output[done.output_bytes], entry, records.data() + done.input_bytes + sizeof(entry), format);
        done.input_bytes += source_bytes(entry.name_bytes);
        done.output_bytes += target_bytes(entry.name_bytes);
        done.next_cookie = entry.next_cookie;
    }
    return done;
}

}  // namespace portico::posix
