#include "kernel/ipc/message_source.h"

#include "kernel/ipc/port.h"
#include "kernel/object/process.h"

namespace portico::kernel {

MessageSource::~MessageSource() {
    ASSERT(receivers_.empty());
}

void MessageSource::park(Thread& receiver) {
    receiver.fast_wakeable = receiver.wait() == Thread::Wait::Receive && !receiver.has_deadline() && !receiver.process().suspended();
    link_receiver(receiver);
}

void MessageSource::unpark(Thread& receiver) {
    receiver.fast_wakeable = false;
    unlink_receiver(receiver);
}

uint32_t MessageSource::receiver_count() const {
    uint32_t count = 0;
    for (auto it = receivers_.begin(); it != receivers_.end() && count < kReceiversCounted; ++it) ++count;
    return count;
}

bool MessageSource::wake_receiver() {
    Thread& receiver = first_receiver();
    unpark(receiver);
    if (receiver.wait() == Thread::Wait::ReceiveBatch) {
        receiver.task.fill(static_cast<Port&>(*this));  // nobody waits so at a set
        receiver.retry_wait();
        return true;
    }
    const Result<bool> taken = take(receiver);
    if (taken && !*taken) {  // nothing was for it
        park(receiver);
        receivers_.splice(receivers_.begin(), receivers_, receivers_.iterator_to(receiver.link));
        return true;
    }
    receiver.finish_wait(taken ? Error::None : taken.error());
    return false;
}

void MessageSource::close() {
    closed_ = true;
    while (!receivers_.empty()) {
        Thread& receiver = first_receiver();
        unpark(receiver);
        receiver.finish_wait(Error::PeerClosed);
    }
}

}  // namespace portico::kernel
