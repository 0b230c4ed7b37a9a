#include "kernel/ipc/sender.h"

#include "kernel/ipc/ipc.h"

namespace portico::kernel {

Sender::Sender(Port& port, uint64_t badge, uint32_t credits, uint32_t pages_max)
    : Object(kType),
      QueueNode(Kind::Sender),
      port_(port),
      badge_(badge),
      credits_(credits),
      page_bytes_max_(pages_max * static_cast<uint32_t>(abi::kPageBytes)) {
    port.add_sender(credits);
}

Sender::~Sender() {
    ASSERT(!queued_);
    port_->remove_sender(credits_);
}

bool Sender::notify(uint64_t bits) {
    if (port_->closed()) return false;
    bits_ |= bits;
    if (!queued_) {
        queued_ = true;
        port_->post(*this);
    }
    return true;
}

void Sender::taken() {
    queued_ = false;
    if (gone_) Object::doom();
}

void Sender::park(Thread& thread) {
    add_reference();
    thread.waits_to_send = this;
    waiting_.push_back(thread.link);
}

void Sender::unpark(Thread& thread) {
    waiting_.erase(waiting_.iterator_to(thread.link));
    drop_reference();
}

void Sender::on_end() {
    while (has_waiting() && (credits_ > 0 || port_->closed())) {
        Thread& thread = waiting_.front().thread;
        unpark(thread);
        const Result<> sent = send(thread, *this, pages_to_send(thread.frame.registers));
        thread.finish_wait(sent ? Error::None : sent.error());
    }
}

void Sender::doom() {
    if (gone_) return;
    gone_ = true;
    const bool was_queued = queued_;
    if (!notify(abi::kNotifySendersGone) && !was_queued) Object::doom();
}

}  // namespace portico::kernel
