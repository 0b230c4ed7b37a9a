#pragma once

#include "servers/pipe/epoll.h"

namespace portico::pipe_server {

/// The object of a remote entry, shared with the coroutine that watches it.
struct Epoll::Remote {
    OwnedHandle handle;
    Entry* entry = nullptr;  ///< null once it was deleted
    uint64_t name = 0;       ///< of the coroutine, while it waits
    uint64_t changes = 0;    ///< as its server counted when last told
    uint32_t events = 0;     ///< as last told
    bool armed = false;      ///< a Poll stays at its server
    bool fresh = false;      ///< told while somebody waited: need not be asked again
};

class Epoll::Entry final : public Watcher {
public:
    Entry(Epoll& epoll, const Key& entry_key) : key(entry_key), epoll_(epoll) {}
    ~Entry() {
        if (object != nullptr) object->remove_watcher(position);
        if (remote) {
            remote->entry = nullptr;
            if (remote->armed) ipc::Wait::cancel(remote->name);
        }
    }

    bool on_change() override {
        if (off || happened() == 0) return false;
        epoll_.list(*this);
        return !epoll_.waiters_.empty();
    }
    void on_gone() override {
        object = nullptr;
        epoll_.forget(*this);
    }
    bool exclusive() const override { return (wanted & kExclusive) != 0; }

    /// What there is of what is asked for.
    uint32_t happened() const {
        const uint32_t now = object != nullptr ? object->events() : remote->events;
        return with_normal(now) & (wanted | kPollError | kPollHangUp);
    }

    const Key key;
    Object* object = nullptr;  ///< or it is remote
    Object::Watchers::iterator position;
    std::shared_ptr<Remote> remote;
    uint32_t wanted = 0;
    uint64_t data = 0;
    bool off = false;  ///< one-shot, and told
    bool listed = false;
    std::list<Entry*>::iterator place;  ///< while listed

private:
    Epoll& epoll_;
};

}  // namespace portico::pipe_server
