#pragma once

#include <map>
#include <optional>

#include "protocols/event.h"
#include "servers/pipe/object.h"

namespace portico::pipe_server {

namespace event = protocols::event;

inline constexpr uint32_t kExclusive = 1u << 28, kWakeUp = 1u << 29, kOneShot = 1u << 30, kEdge = 1u << 31;

/// An epoll: entries that watch objects, and the list of those that became ready. Waiting looks at that list only, so it costs by what is
/// ready and not by what is watched. What is listed is asked again before it is told, as it may have been read meanwhile.
///
///     idle ──on_change()──▶ listed ──told──▶ level: listed, at the end │ edge: idle │ one-shot: idle and off, until Modify
///       ▲                     └──asked again: not ready any more──┐
///       └──────────────────────────────────────────────────────────┘
///
/// An object at another server is a *remote* entry: an asynchronous file.Poll stays there while the entry is idle, and it is asked again
/// by another before it is told.
///
/// Ownership: owns its entries, which are in their objects' lists of watchers and leave with them. A remote entry owns a handle, so its
///            object stays until the entry is deleted.
/// Bound:     kEntriesMax entries; epolls in epolls kDepthMax deep and never in a circle.
class Epoll final : public Object {
public:
    static constexpr Type kType = Type::Epoll;
    static constexpr size_t kEntriesMax = 1 << 16;
    static constexpr unsigned kDepthMax = 5;

    explicit Epoll(abi::Handle reply_port);
    ~Epoll() override;

    uint32_t events() const override;
    file::Attributes attributes() const override;

    /// epoll_ctl. `target` is the object if it is one of ours; else `handle` is taken for it. Errors: see event::Watch.
    Result<> watch(const event::Watch& request, const std::shared_ptr<Object>& target, OwnedHandle handle);
    /// epoll_wait.
    ipc::Answer wait(const ipc::Call& call, const event::Wait& request);

private:
    class Entry;
    struct Remote;
    /// Two entries differ in number or object; `object` is its address, or the name of a remote one.
    struct Key {
        int32_t number;
        bool remote;
        uint64_t object;
        auto operator<=>(const Key&) const = default;
    };
    /// Names a coroutine of a remote entry, so that it can be ended (ipc::Wait::cancel) as those that handle calls can.
    struct WatchName {
        uint64_t value;
        abi::Handle reply_port;
        uint64_t id() const { return value; }
        abi::Handle port() const { return reply_port; }
    };

    Result<> add(const Key& key, const event::Watch& request, const std::shared_ptr<Object>& target, OwnedHandle handle);
    void forget(Entry& entry);
    void list(Entry& entry);
    void unlist(Entry& entry);
    bool reaches(const Epoll& other, unsigned depth) const;
    unsigned height() const;
    void announced() override;
    std::optional<ipc::Answer> answer_few_levels(const ipc::Call& call, uint32_t count_max);
    bool answer(const ipc::Call& call, uint32_t count_max);
    ipc::Task wait_later(ipc::Call call, event::Wait request);
    ipc::Task arm(WatchName name, std::shared_ptr<Remote> remote);
    void arm_again(Entry& entry);

    abi::Handle port_;
    std::map<Key, std::unique_ptr<Entry>> entries_;
    std::list<Entry*> ready_;
    unsigned remote_listed_ = 0;
    ipc::WaitQueue waiters_;
    int64_t birth_ns_ = realtime_ns();
};

}  // namespace portico::pipe_server
