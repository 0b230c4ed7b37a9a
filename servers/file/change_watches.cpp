#include "servers/file/change_watches.h"

namespace portico::file_server {

void ChangeWatches::Watcher::add(ChangeEvent&& event) {
    if (!events_.empty() && events_.back() == event) return;  // as Linux: twice the same is once
    if (events_.size() >= kEventsMax) {
        if (events_.back().mask == change::kOverflow) return;
        event = {.mask = change::kOverflow};
    }
    events_.push_back(std::move(event));
    changed.wake_all();
}

ChangeWatches::File ChangeWatches::file_of(Node& node) {
    const Attributes attributes = node.attributes();
    return {.device = attributes.device, .inode = attributes.inode};
}

void ChangeWatches::forget_watcher(uint64_t badge) {
    if (watchers_.erase(badge) != 0) std::erase_if(watches_, [badge](const auto& entry) { return entry.second.badge == badge; });
}

Result<int32_t> ChangeWatches::watch(uint64_t badge, Node& node, uint32_t mask) {
    const auto watcher = watchers_.find(badge);
    if (watcher == watchers_.end()) return fail(Error::InvalidArgument);
    const uint32_t kept = mask & (change::kAllEvents | change::kOnce);
    const File file = file_of(node);
    for (auto [found, end] = watches_.equal_range(file); found != end; ++found) {
        if (found->second.badge != badge) continue;
        if ((mask & change::kMustBeNew) != 0) return fail(Error::Exists);
        found->second.mask = (mask & change::kAdd) != 0 ? found->second.mask | kept : kept;
        return found->second.number;
    }
    if (watches_.size() >= kWatchesMax) return fail(Error::NoSpace);
    const int32_t number = ++watcher->second->last_watch_;
    watches_.emplace(file, Watch{.badge = badge, .number = number, .mask = kept});
    return number;
}

Result<> ChangeWatches::unwatch(uint64_t badge, int32_t number) {
    const size_t gone =
        std::erase_if(watches_, [&](const auto& entry) { return entry.second.badge == badge && entry.second.number == number; });
    if (gone == 0) return fail(Error::InvalidArgument);
    find(badge)->add({.watch = number, .mask = change::kIgnored});
    return {};
}

void ChangeWatches::tell(const File& file, uint32_t event, std::string_view name, uint32_t cookie) {
    // Waking a reader runs its handler, which may change the map: the list comes first.
    std::vector<Watch> told;
    for (auto [found, end] = watches_.equal_range(file); found != end; ++found)
        if ((found->second.mask & event & change::kAllEvents) != 0) told.push_back(found->second);
    for (const Watch& watch : told) {
        const std::shared_ptr<Watcher> watcher = find(watch.badge);
        if (!watcher) continue;
        watcher->add({.watch = watch.number, .mask = event, .cookie = cookie, .name = std::string(name)});
        if ((watch.mask & change::kOnce) != 0) (void)unwatch(watch.badge, watch.number);
    }
}

void ChangeWatches::happened(Node& node, uint32_t event) {
    if (!any()) return;
    const uint32_t full = event | (node.is_directory() ? change::kIsDirectory : 0);
    const Result<Location> location = node.location();
    if (location && location->parent) tell(file_of(*location->parent), full, location->name, 0);
    tell(file_of(node), full, {}, 0);
}

void ChangeWatches::entry(Node& directory, std::string_view name, uint32_t event, bool is_directory, uint32_t cookie) {
    if (any()) tell(file_of(directory), event | (is_directory ? change::kIsDirectory : 0), name, cookie);
}

void ChangeWatches::moved(Node& node) {
    if (any()) tell(file_of(node), change::kMoveSelf, {}, 0);
}

void ChangeWatches::deleted(Node& node) {
    if (!any()) return;
    const File file = file_of(node);
    tell(file, change::kDeleteSelf, {}, 0);
    std::vector<Watch> ended;
    for (auto [found, end] = watches_.equal_range(file); found != end; ++found) ended.push_back(found->second);
    for (const Watch& watch : ended) (void)unwatch(watch.badge, watch.number);
}

}  // namespace portico::file_server
