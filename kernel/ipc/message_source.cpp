#include "kernel/ipc/message_source.h"

#include "kernel/sched/thread.h"

namespace portico::kernel {

MessageSource::~MessageSource() {
    ASSERT(receivers_.empty());
}

void MessageSource::park(Thread& receiver) {
    receiver.waits_at = this;
    receivers_.push_back(receiver.link);
}

void MessageSource::unpark(Thread& receiver) {
    receivers_.erase(receivers_.iterator_to(receiver.link));
}

bool MessageSource::wake_receiver() {
    Thread& receiver = first_receiver();
    unpark(receiver);
    if (receiver.wait() == Thread::Wait::ReceiveBatch) {
        receiver.retry_wait();
        return true;
    }
    const Result<bool> taken = take(receiver);
    receiver.finish_wait(taken ? Error::None : taken.error());
    return taken.has_value();
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
