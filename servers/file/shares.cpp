#include "servers/file/shares.h"

#include <cstdio>
#include <optional>

#include "abi/names.h"
#include "runtime/boot.h"
#include "servers/ninep/driver_channel.h"
#include "servers/ninep/file_system.h"

namespace portico::file_server {
namespace {

constexpr unsigned kSharesMax = 4;
constexpr uint64_t kFirstDevice = 0x30;  // st_dev: any that differ

struct Place {
    bool read_only = false;
    std::string path;
};

std::optional<Place> place_of(const std::string& tag) {
    const std::string key = "share=" + tag + ":";
    for (uint32_t i = 1;; ++i) {
        const auto argument = boot::argument(i);
        if (!argument) return std::nullopt;
        const std::string_view word = *argument;
        constexpr size_t kModeBytes = 3;  // "ro:" or "rw:"
        if (word.starts_with(key) && word.size() > key.size() + kModeBytes)
            return Place{.read_only = word.substr(key.size()).starts_with("ro:"),
                         .path = std::string(word.substr(key.size() + kModeBytes))};
    }
}

/// As mkdir -p.
Result<> make_directories(NameSpace& names, const std::string& path) {
    for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const Result<> made = names.make(names.root(), path.substr(0, end), {.kind = Kind::Directory, .mode = 0755});
        if (!made && made.error() != Error::Exists && made.error() != Error::Busy) return made;
        if (end == std::string::npos) return {};
    }
}

Result<> mount_share(NameSpace& names, Server& server, PageSource& pages, abi::Handle driver, uint64_t device) {
    std::unique_ptr<ninep::DriverChannel> channel = TRY(ninep::DriverChannel::open(driver));
    const std::optional<Place> place = place_of(channel->tag());
    if (!place) return {};  // nobody wants it
    auto share = std::make_unique<ninep::FileSystem>(
        ninep::FileSystem::Description{.device = device, .source = channel->tag(), .read_only = place->read_only}, *channel, pages);
    TRY(share->start());
    const Result<NodeRef> there = names.find(names.root(), place->path, FinalLink::Follow);
    if (!there) TRY(make_directories(names, place->path));
    TRY(names.mount(place->path, *share));
    TRY(server.add_stored(*share));
    fprintf(stderr, "file: %s is %s%s\n", place->path.c_str(), channel->tag().c_str(), place->read_only ? ", read-only" : "");
    (void)share.release();  // as long as the process, both
    (void)channel.release();
    return {};
}

}  // namespace

Result<> mount_shares(NameSpace& names, Server& server, PageSource& pages) {
    for (unsigned i = 0; i < kSharesMax; ++i) {
        const std::string name = "share" + std::to_string(i);
        const abi::Handle driver = boot::grant(name);
        if (!driver) continue;
        if (const Result<> mounted = mount_share(names, server, pages, driver, kFirstDevice + i); !mounted) {
            fprintf(stderr, "file: %s is not mounted: %s\n", name.c_str(), abi::name_of(mounted.error()).data());
            return mounted;
        }
    }
    return {};
}

}  // namespace portico::file_server
