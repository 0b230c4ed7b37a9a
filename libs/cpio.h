#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// Reader of cpio archives in the "newc" format (cpio(5)), as the boot archive is one, or several one behind the other.
/// Names may carry zero padding so that data starts on a page: what Linux's initramfs tools do too.
namespace portico::cpio {

struct Entry {
    std::string_view name;
    std::span<const uint8_t> data;
    uint64_t data_offset = 0;  ///< from the archive's start
    uint32_t inode = 0, mode = 0, uid = 0, gid = 0, links = 0, modify_seconds = 0;
    uint32_t device_major = 0, device_minor = 0;  ///< of a device node (rdev)
};

/// Iterates over the entries. A damaged archive ends the iteration; nothing outside `archive` is read.
class Reader {
public:
    explicit Reader(std::span<const uint8_t> archive) : archive_(archive) {}

    /// The next entry, trailers of joined archives skipped; nothing at the end.
    std::optional<Entry> next() {
        for (;;) {
            while (position_ + 4 <= archive_.size() && archive_[position_] == 0) position_ += 4;
            if (position_ + kHeaderBytes > archive_.size()) return std::nullopt;
            const uint64_t start = position_;
            if (std::string_view(reinterpret_cast<const char*>(&archive_[start]), 6) != "070701") return std::nullopt;
            const uint64_t name_bytes = field(start, 11);
            const uint64_t data_bytes = field(start, 6);
            const uint64_t data = align4(start + kHeaderBytes + name_bytes);
            if (name_bytes == 0 || data > archive_.size() || data_bytes > archive_.size() - data) return std::nullopt;
            position_ = align4(data + data_bytes);
            const char* name = reinterpret_cast<const char*>(&archive_[start + kHeaderBytes]);
            const std::string_view padded(name, name_bytes);
            Entry entry{.name = padded.substr(0, padded.find('\0')), .data = archive_.subspan(data, data_bytes), .data_offset = data};
            if (entry.name == "TRAILER!!!") continue;
            entry.inode = field(start, 0);
            entry.mode = field(start, 1);
            entry.uid = field(start, 2);
            entry.gid = field(start, 3);
            entry.links = field(start, 4);
            entry.modify_seconds = field(start, 5);
            entry.device_major = field(start, 9);
            entry.device_minor = field(start, 10);
            return entry;
        }
    }

private:
    static constexpr uint64_t kHeaderBytes = 110;
    static uint64_t align4(uint64_t value) { return (value + 3) & ~uint64_t{3}; }

    uint32_t field(uint64_t start, unsigned index) const {
        uint32_t value = 0;
        for (unsigned i = 0; i < 8; ++i) {
            const uint8_t c = archive_[start + 6 + 8 * index + i];
            const uint32_t digit = c >= '0' && c <= '9'   ? c - '0'
                                   : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                   : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                          : 0;
            value = value << 4 | digit;
        }
        return value;
    }

    std::span<const uint8_t> archive_;
    uint64_t position_ = 0;
};

/// The first entry with this name.
inline std::optional<Entry> find(std::span<const uint8_t> archive, std::string_view name) {
    Reader reader(archive);
    while (auto entry = reader.next())
        if (entry->name == name) return entry;
    return std::nullopt;
}

}  // namespace portico::cpio
