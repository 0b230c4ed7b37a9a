#include "drivers/uart/server.h"

#include <vector>

#include "runtime/native.h"

namespace portico::uart {

namespace protocol = protocols::uart;

void Server::service() {
    // Before the unmasking to lower the line, after it for an edge that came while it was masked. A device that is lost
    // fails all who wait for it: they look at present().
    (void)device_.service();
    (void)native::call(abi::InterruptAck{interrupt_});
    (void)device_.service();
    wake();
}

void Server::wake() {
    if (!device_.received().empty() || !device_.present()) received_.wake_all();
    transmitter_.wake_all();
}

void Server::on_notification(uint64_t, uint64_t bits) {
    if ((bits & ~abi::kNotifyKernelBits) != 0) service();
}

ipc::Task Server::on(ipc::Call call, protocol::Write request) {
    if (request.length_bytes > protocol::kChunkBytesMax) {
        (void)call.refuse(Error::TooLarge);
        co_return;
    }
    while (writing_)
        if (!co_await turn_.wait(call.id())) co_return;
    std::vector<uint8_t> bytes(request.length_bytes);
    if (const Result<> copied = call.read(0, std::as_writable_bytes(std::span(bytes))); !copied) {
        (void)call.refuse(copied.error());
        turn_.wake_one();
        co_return;
    }
    writing_ = true;
    Result<> outcome;
    std::span<const uint8_t> rest = bytes;
    while (outcome && !rest.empty()) {
        const Result<size_t> taken = device_.transmit(rest);
        if (!taken) {
            outcome = fail(taken.error());
        } else if (*taken > 0) {
            rest = rest.subspan(*taken);
        } else {
            outcome = device_.request_transmitter_interrupt();
            if (outcome) outcome = co_await transmitter_.wait(call.id());
        }
    }
    writing_ = false;
    if (outcome)
        (void)call.reply<protocol::Write>({.length_bytes = bytes.size()});
    else
        (void)call.refuse(outcome.error());
    if (!device_.received().empty()) received_.wake_all();
    turn_.wake_one();
}

ipc::Task Server::on(ipc::Call call, protocol::Read) {
    if (reader_waits_) {
        (void)call.refuse(Error::Busy);
        co_return;
    }
    if (!introduced_) {
        introduced_ = call.reply<protocol::Read>({}).has_value();
        co_return;
    }
    while (device_.received().empty()) {
        if (!device_.present()) {
            (void)call.refuse(Error::NoDevice);
            co_return;
        }
        reader_waits_ = true;
        const Result<> woken = co_await received_.wait(call.id());
        reader_waits_ = false;
        if (!woken) co_return;
    }
    protocol::Read::Reply reply{};
    reply.length_bytes = static_cast<uint8_t>(device_.received().peek(reply.bytes));
    // A refused reply reached nobody: the bytes stay for the next reader.
    if (call.reply<protocol::Read>(reply)) (void)device_.consume(reply.length_bytes);
}

}  // namespace portico::uart
