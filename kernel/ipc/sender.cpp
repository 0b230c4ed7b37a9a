#include "kernel/ipc/sender.h"

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

void Sender::doom() {
    if (gone_) return;
    gone_ = true;
    const bool was_queued = queued_;
    if (!notify(abi::kNotifySendersGone) && !was_queued) Object::doom();
}

}  // namespace portico::kernel
