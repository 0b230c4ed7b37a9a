#pragma once

#include "kernel/arch/arch.h"
#include "kernel/ipc/sender.h"

namespace portico::kernel {

/// The right to a hardware: who holds it may make interrupts, I/O ranges and device memory.
class Resource final : public Object {
public:
    static constexpr ObjectType kType = ObjectType::Resource;
    Resource() : Object(kType) {}
};

/// An interrupt line bound to a sender, or a number like a line's that a device raises by a message. When it fires it is masked and the
/// bits are raised; ack unmasks it. Ownership: handles refer to it; the last one's close masks and frees the line.
class Interrupt final : public Object {
public:
    static constexpr ObjectType kType = ObjectType::Interrupt;
    static constexpr unsigned kLines = 256;

    Interrupt(unsigned line, Ref<Sender> sender, uint64_t bits, bool level)
        : Object(kType), sender_(std::move(sender)), bits_(bits), line_(line), level_(level) {}
    ~Interrupt() override { unbind(); }

    /// Takes the line. Errors: InvalidArgument (no such line), Busy.
    Result<> bind();
    /// Takes a number that no line has and tells the message. Errors: NoSpace.
    Result<arch::InterruptMessage> bind_message();
    void ack();
    static void fire(unsigned line);

private:
    void on_unreachable() override { unbind(); }
    void unbind();

    Ref<Sender> sender_;
    uint64_t bits_;
    unsigned line_;
    bool level_;
};

/// A range of x86 I/O ports.
class IoPorts final : public Object {
public:
    static constexpr ObjectType kType = ObjectType::IoPorts;
    IoPorts(uint16_t base, uint32_t count) : Object(kType), base_(base), count_(count) {}

    /// The port of an access. Errors: InvalidArgument.
    Result<uint16_t> port(uint64_t offset, uint64_t width_bytes) const {
        if (width_bytes != 1 && width_bytes != 2 && width_bytes != 4) return fail(Error::InvalidArgument);
        if (offset >= count_ || width_bytes > count_ - offset) return fail(Error::InvalidArgument);
        return static_cast<uint16_t>(base_ + offset);
    }

private:
    uint16_t base_;
    uint32_t count_;
};

}  // namespace portico::kernel
