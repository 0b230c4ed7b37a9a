#include "kernel/irq/interrupt.h"

namespace portico::kernel {
namespace {

Interrupt* bound[Interrupt::kLines];

}  // namespace

Result<> Interrupt::bind() {
    if (line_ >= kLines || !arch::interrupt_exists(line_)) return fail(Error::InvalidArgument);
    if (bound[line_] != nullptr) return fail(Error::Busy);
    bound[line_] = this;
    arch::unmask_interrupt(line_, level_);
    return {};
}

Result<arch::InterruptMessage> Interrupt::bind_message() {
    for (line_ = 0; line_ < kLines; ++line_) {
        const arch::InterruptMessage message = arch::message_of_interrupt(line_);
        if (message.address == 0 || bound[line_] != nullptr) continue;
        bound[line_] = this;
        arch::unmask_interrupt(line_, level_);
        return message;
    }
    return fail(Error::NoSpace);
}

void Interrupt::ack() {
    if (line_ < kLines && bound[line_] == this) arch::unmask_interrupt(line_, level_);
}

void Interrupt::unbind() {
    if (line_ >= kLines || bound[line_] != this) return;
    arch::mask_interrupt(line_);
    bound[line_] = nullptr;
}

void Interrupt::fire(unsigned line) {
    arch::mask_interrupt(line);
    if (line < kLines && bound[line] != nullptr) bound[line]->sender_->notify(bound[line]->bits_);
}

}  // namespace portico::kernel
