#pragma once

#include "kernel/object/object.h"
#include "kernel/sched/thread.h"
#include "libs/result.h"

namespace portico::kernel {

/// What threads receive from and wait at: a port, or a set of ports.
///
/// Ownership: threads that wait are linked here; when the last handle goes they fail with PeerClosed, so none outlives it.
class MessageSource : public Object {
public:
    /// Delivers the oldest message into `receiver`'s registers. False if there is none.
    /// Errors: NoMemory, NoSpace: the receiver's table could not grow; the message stays.
    virtual Result<bool> take(Thread& receiver) = 0;
    virtual bool empty() const = 0;
    bool closed() const { return closed_; }

    void park(Thread& receiver);
    void unpark(Thread& receiver);
    /// The same for one of which it is known that FastPath may wake it; who calls these says so in its registers.
    void link_receiver(Thread& receiver) {
        receiver.waits_at = this;
        receivers_.push_back(receiver.link);
    }
    void unlink_receiver(Thread& receiver) { receivers_.erase(receivers_.iterator_to(receiver.link)); }
    bool has_receivers() const { return receivers_.begin() != receivers_.end(); }
    /// How many wait; beyond kReceiversCounted they are not counted, so that it takes bounded time.
    uint32_t receiver_count() const;
    static constexpr uint32_t kReceiversCounted = 1000;
    /// One that waits; there must be one.
    Thread& first_receiver() { return receivers_.front().thread; }
    /// There is a message for the first of those that wait. True if nobody else is to be woken:
    /// it is left queued and now that one's task (Thread::task), or it was for nobody who waits here.
    bool wake_receiver();

protected:
    explicit MessageSource(ObjectType type) : Object(type) {}
    ~MessageSource() override;
    /// From now on closed(): whoever waits fails.
    void close();

private:
    ThreadList receivers_;
    bool closed_ = false;

protected:
    // Of a port. They stand where there would be nothing else: an idle port is to stay small.
    uint8_t urgent_ = 0;  ///< highest priority of a call posted since the queue was last empty
    uint32_t queued_ = 0;
};

}  // namespace portico::kernel
