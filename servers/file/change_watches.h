#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/task.h"
#include "servers/file/node.h"

namespace portico::file_server {

/// Bits of inotify(7)'s events and of what a watch asks for; numbers are Linux's.
namespace change {
inline constexpr uint32_t kAccess = 1, kModify = 2, kAttributes = 4, kCloseWritten = 8, kCloseUnwritten = 0x10, kOpen = 0x20,
                          kMovedFrom = 0x40, kMovedTo = 0x80, kCreate = 0x100, kDelete = 0x200, kDeleteSelf = 0x400, kMoveSelf = 0x800,
                          kAllEvents = 0xFFF;
inline constexpr uint32_t kOverflow = 0x4000, kIgnored = 0x8000;
inline constexpr uint32_t kOnlyDirectory = 0x0100'0000, kDontFollow = 0x0200'0000, kMustBeNew = 0x1000'0000, kAdd = 0x2000'0000,
                          kIsDirectory = 0x4000'0000, kOnce = 0x8000'0000;
}  // namespace change

struct ChangeEvent {
    int32_t watch = -1;
    uint32_t mask = 0, cookie = 0;
    std::string name{};
    bool operator==(const ChangeEvent&) const = default;
};

/// Change notification: watchers (inotify instances), each with watches on files and a queue of what happened to them. Pure but for the
/// queues in which readers wait. While nobody watches anything, telling a change costs one comparison.
///
/// Locks: none, the server is one thread.
/// Bound: kEventsMax events queued at a watcher, then one that says that some were lost; kWatchesMax watches in all.
class ChangeWatches {
public:
    static constexpr size_t kEventsMax = 16384, kWatchesMax = 65536;

    class Watcher {
    public:
        const std::deque<ChangeEvent>& events() const { return events_; }
        void consume(size_t count) { events_.erase(events_.begin(), events_.begin() + static_cast<ptrdiff_t>(count)); }
        ipc::WaitQueue changed;

    private:
        friend class ChangeWatches;
        void add(ChangeEvent&& event);

        std::deque<ChangeEvent> events_;
        int32_t last_watch_ = 0;
    };

    std::shared_ptr<Watcher> find(uint64_t badge) const {
        const auto found = watchers_.find(badge);
        return found == watchers_.end() ? nullptr : found->second;
    }
    void add_watcher(uint64_t badge) { watchers_.emplace(badge, std::make_shared<Watcher>()); }
    void forget_watcher(uint64_t badge);

    /// Watches a node, or changes what the watcher is told of it. Returns the watch's number. Errors: NoSpace, Exists (kMustBeNew).
    Result<int32_t> watch(uint64_t badge, Node& node, uint32_t mask);
    Result<> unwatch(uint64_t badge, int32_t number);  ///< Errors: InvalidArgument

    /// Something happened to a node: its own watches hear of it, and those of its directory, by name.
    void happened(Node& node, uint32_t event);
    /// An entry of a directory came, went or moved.
    void entry(Node& directory, std::string_view name, uint32_t event, bool is_directory, uint32_t cookie = 0);
    void moved(Node& node);
    void deleted(Node& node);  ///< its last name has gone: its watches end

    uint32_t next_cookie() { return ++last_cookie_; }
    bool any() const { return !watches_.empty(); }

private:
    struct File {
        uint64_t device, inode;
        auto operator<=>(const File&) const = default;
    };
    struct Watch {
        uint64_t badge;
        int32_t number;
        uint32_t mask;
    };
    static File file_of(Node& node);
    void tell(const File& file, uint32_t event, std::string_view name, uint32_t cookie);

    std::unordered_map<uint64_t, std::shared_ptr<Watcher>> watchers_;
    std::multimap<File, Watch> watches_;
    uint32_t last_cookie_ = 0;
};

}  // namespace portico::file_server
