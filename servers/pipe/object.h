#pragma once

#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "protocols/few_bytes.h"
#include "protocols/file.h"
#include "runtime/ipc.h"

namespace portico::pipe_server {

namespace file = protocols::file;
namespace few = protocols::few;

/// Readiness, as poll(2) and epoll(7) number it.
inline constexpr uint32_t kPollIn = 1, kPollPriority = 2, kPollOut = 4, kPollError = 8, kPollHangUp = 0x10, kPollReadNormal = 0x40,
                          kPollWriteNormal = 0x100, kPollReadHangUp = 0x2000;

/// What changed() tells besides the polls of an object: an epoll's entry for it.
class Watcher {
public:
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    /// The object is ready for something, perhaps again. Must not wait and must not end any object. Whether somebody will look at it
    /// now: an exclusive watcher that says so keeps it from the other exclusive ones.
    virtual bool on_change() = 0;
    /// The object is about to go.
    virtual void on_gone() = 0;
    virtual bool exclusive() const { return false; }

protected:
    Watcher() = default;
    ~Watcher() = default;
};

/// One open object (POSIX: open file description) of this server, whatever it is: what all of them have.
///
/// Ownership: Objects has it while a process holds a handle to it or a message carries it; handlers at work have it, too.
/// Waiting:   polls and watchers (epolls) learn of changes after the message that caused them was served (announce_all), so that
///            nothing ends or answers while something else is half changed.
class Object : public std::enable_shared_from_this<Object> {
public:
    enum class Type : uint8_t { PipeEnd, Counter, Timer, SignalSet, Epoll, Socket };

    Object(Type type, uint32_t flags) : type_(type), flags_(flags) {}
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;
    virtual ~Object();

    Type type() const { return type_; }
    uint32_t flags() const { return flags_; }
    bool waits() const { return (flags_ & file::kNonBlocking) == 0; }
    void set_changeable_flags(uint64_t flags) {
        constexpr uint32_t kChangeable = file::kAppend | file::kNonBlocking;
        flags_ = (flags_ & ~kChangeable) | (static_cast<uint32_t>(flags) & kChangeable);
    }

    virtual uint32_t events() const = 0;  ///< readiness as it is
    virtual file::Attributes attributes() const = 0;
    virtual ipc::Answer read(const ipc::Call& call, const file::Read& request);
    virtual ipc::Answer write(const ipc::Call& call, const file::Write& request);
    virtual ipc::Answer put_few(const ipc::Call& call, const few::Put& request);
    virtual ipc::Answer take_few(const ipc::Call& call, const few::Take& request);
    virtual Result<file::Control::Reply> control(const ipc::Call&, const file::Control&) { return fail(Error::NotTerminal); }
    /// The same thing opened anew.
    virtual Result<std::shared_ptr<Object>> open_again(uint32_t) { return fail(Error::NoDevice); }
    /// No handle is left, and none will come.
    virtual void closed() {}
    /// The objects in messages that wait here.
    virtual void visit_carried(const std::function<void(Object&)>&) {}
    virtual void drop_carried() {}

    /// Replies at once, or when one of the events holds.
    ipc::Task poll(const ipc::Call& call, const file::Poll& request);

    /// What events() tells may be more than before: polls and watchers are to look.
    void changed();
    /// Tells those who wait for what changed since the last time.
    static void announce_all();
    static bool anything_to_announce() { return !to_announce_.empty(); }

protected:
    void request_announcement();
    virtual void announced() {}  ///< for those who wait in a way of the object's own; may end it

public:
    using Watchers = std::list<Watcher*>;
    Watchers::iterator add_watcher(Watcher& watcher) { return watchers_.insert(watchers_.end(), &watcher); }
    void remove_watcher(Watchers::iterator position) { watchers_.erase(position); }

    // Kept by Objects.
    uint64_t badge = 0;     ///< 0: never had a handle
    unsigned handles = 0;   ///< senders of it that exist
    unsigned carriers = 0;  ///< messages that carry it
    bool marked = false;    ///< by the search for what only messages hold

private:
    ipc::Task poll_later(ipc::Call call, file::Poll request);
    uint64_t events_now(uint64_t asked) const;
    void announce();

    inline static constinit std::vector<std::shared_ptr<Object>> to_announce_{};

    Type type_;
    uint32_t flags_;
    bool announced_ = false;  // it is in the list of those to announce
    ipc::WaitQueue polls_;
    Watchers watchers_;
};

/// Events with the other names that data without priorities has.
constexpr uint32_t with_normal(uint32_t events) {
    if ((events & kPollIn) != 0) events |= kPollReadNormal;
    if ((events & kPollOut) != 0) events |= kPollWriteNormal;
    return events;
}

int64_t realtime_ns();

/// The memory that the server keeps for its heap before it makes more objects. Errors: NoMemory.
Result<> check_reserve();

}  // namespace portico::pipe_server
