#include "servers/strace/tracer.h"

#include <algorithm>

#include "protocols/process.h"

namespace portico::strace {

namespace process = protocols::process;
using abi::ForeignReply;
using abi::MessageKind;

namespace {

uint64_t now_ns() {
    const auto clock = native::call(abi::ClockRead{});
    return clock ? clock->now_ns : 0;
}

/// Reads by the id of a call that we have taken and not answered.
class WindowMemory final : public CallerMemory {
public:
    explicit WindowMemory(uint64_t call_id) : call_id_(call_id) {}

    size_t read(uint64_t address, std::span<std::byte> to) const override {
        if (copy(address, to)) return to.size();
        size_t done = 0;  // some of it is not there: page by page
        while (done < to.size()) {
            const uint64_t at = address + done;
            const size_t length = std::min<uint64_t>(to.size() - done, abi::kPageBytes - at % abi::kPageBytes);
            if (!copy(at, to.subspan(done, length))) break;
            done += length;
        }
        return done;
    }

private:
    bool copy(uint64_t address, std::span<std::byte> to) const {
        return native::call(abi::WindowRead{call_id_, address, reinterpret_cast<uint64_t>(to.data()), to.size()}).has_value();
    }
    uint64_t call_id_;
};

bool answer(uint64_t id, ForeignReply how) {
    return native::reply(id, {.header = abi::Header::make(static_cast<uint16_t>(how))}).has_value();
}

std::string end_text(uint64_t wait_status) {
    const uint64_t signal = wait_status & 0x7F;
    if (signal == 0) return "+++ exited with " + std::to_string(wait_status >> 8 & 0xFF) + " +++";
    return "+++ killed by " + signal_name(signal) + ((wait_status & 0x80) != 0 ? " (core dumped) +++" : " +++");
}

}  // namespace

Tracer::Tracer(const Handles& handles, Output&& output, const Settings& settings)
    : handles_(handles), output_(std::move(output)), settings_(settings), texts_(settings.string_max) {}

void Tracer::run() {
    for (;;) {
        const Result<Incoming> incoming = receive(lines_.empty() ? abi::kForever : now_ns() + kQuietNs);
        if (incoming) serve(*incoming);
        if (!incoming) write_out();
    }
}

Result<Tracer::Incoming> Tracer::receive(uint64_t deadline_ns) const {
    abi::MessageRegisters registers{.handle_or_id = handles_.port.value, .deadline_or_badge = deadline_ns};
    const Error error = native::message_call<abi::PortReceive>(registers);
    if (error != Error::None) return fail(error);
    return Incoming{.received = {.message = native::message_of(registers),
                                 .readable_bytes = static_cast<uint32_t>(registers.rbx),
                                 .writable_bytes = static_cast<uint32_t>(registers.rbx >> 32)},
                    .sixth_argument = registers.r14};
}

void Tracer::serve(const Incoming& incoming) {
    const abi::Message& message = incoming.received.message;
    switch (message.header.kind()) {
    case MessageKind::ForeignCall:
        return on_foreign_call(incoming);
    case MessageKind::ForeignResult:
        return on_foreign_result(message);
    default:
        ipc::send(ipc::serve(*this, incoming.received, protocols::strace::Protocol{}));
    }
}

TracedThread* Tracer::find(uint32_t kernel_id) {
    if (const auto known = threads_.find(kernel_id); known != threads_.end()) return &known->second;
    const auto found = ipc::call(handles_.process, process::FindThread{kernel_id});
    if (!found) return nullptr;
    const bool is_first = threads_.empty();
    const bool is_new_process = std::ranges::none_of(threads_, [&](const auto& each) { return each.second.pid == found->pid; });
    TracedThread& thread = threads_[kernel_id] = {.pid = found->pid, .tid = found->tid, .pending = {}};
    if (is_new_process) watch(found->pid);
    if (!is_first && !settings_.summary) lines_.say("strace: Process " + std::to_string(found->tid) + " attached");
    return &thread;
}

void Tracer::watch(int64_t pid) {
    if (const auto id = native::call_async(handles_.process, ipc::request_message(process::AwaitEnd{pid}), handles_.port))
        watched_[*id] = pid;
}

void Tracer::on_foreign_call(const Incoming& incoming) {
    const abi::Message& message = incoming.received.message;
    TracedThread* thread = find(message.header.user_bits());
    const LinuxCall call{
        .number = message.header.operation(),
        .arguments = {message.word[0], message.word[1], message.word[2], message.word[3], message.word[4], incoming.sixth_argument}};
    const Signature& signature = signature_of(call.number);
    const bool is_wanted = thread != nullptr && settings_.filter.wants(call.number);
    const bool is_shown = is_wanted && !settings_.summary;
    const std::string text = is_shown ? texts_.at_entry(call, WindowMemory(message.id)) : std::string();
    // An execve that succeeds reports nothing, so it is followed even if it is not shown.
    const bool is_followed = is_wanted || signature.name == "execve";
    const uint64_t begun_ns = settings_.summary ? now_ns() : 0;
    const bool is_taken = answer(message.id, is_followed && signature.returns ? ForeignReply::RunAndReport : ForeignReply::Run);
    // Of a call that a signal has taken back, or whose maker was killed, nothing is written: it comes again, or never was.
    if (!is_taken || thread == nullptr) return;
    close_pending(*thread);
    if (is_shown) lines_.begin_call(speaker(*thread), text);
    const PendingCall pending{.call = call, .is_shown = is_shown, .begun_ns = begun_ns};
    if (signature.returns) {
        if (is_followed) thread->pending = pending;
        return;
    }
    if (is_shown) lines_.end_call(speaker(*thread), signature.name, ")", "?");
    if (is_wanted) summary_.count(call.number, 0, false);
    if (signature.name == "exit") threads_.erase(message.header.user_bits());
}

void Tracer::on_foreign_result(const abi::Message& message) {
    TracedThread* thread = find(message.header.user_bits());
    if (thread != nullptr && thread->pending) {
        const PendingCall pending = *std::exchange(thread->pending, std::nullopt);
        const auto result = static_cast<int64_t>(message.word[0]);
        end_call(*thread, pending, pending.is_shown ? texts_.at_return(pending.call, WindowMemory(message.id), result) : "", result);
        write_out();  // before the program goes on: what it writes next comes behind it
    }
    (void)answer(message.id, ForeignReply::Run);
}

void Tracer::end_call(const TracedThread& thread, const PendingCall& pending, std::string_view rest, int64_t result) {
    if (settings_.summary && settings_.filter.wants(pending.call.number))
        summary_.count(pending.call.number, now_ns() - pending.begun_ns, CallText::is_error(result));
    if (pending.is_shown)
        lines_.end_call(speaker(thread), CallText::name(pending.call.number), rest, CallText::result(pending.call, result));
}

void Tracer::close_pending(TracedThread& thread) {
    if (!thread.pending) return;
    const PendingCall pending = *std::exchange(thread.pending, std::nullopt);
    const std::string name = CallText::name(pending.call.number);
    if (name == "execve") {
        forget_other_threads(thread);
        thread.tid = thread.pid;
        end_call(thread, pending, ")", 0);
    } else if (pending.is_shown) {
        lines_.end_call(speaker(thread), name, ")", "?");
    }
}

void Tracer::forget_other_threads(const TracedThread& kept) {
    std::erase_if(threads_, [&](const auto& each) { return each.second.pid == kept.pid && &each.second != &kept; });
}

void Tracer::on_other(const abi::Message& message) {
    const auto watched = message.header.kind() == MessageKind::Reply ? watched_.find(message.id) : watched_.end();
    if (watched == watched_.end()) return ipc::close_handles(message);
    const int64_t pid = watched->second;
    watched_.erase(watched);
    const auto end = ipc::unpack_reply<process::AwaitEnd>(message);
    on_end(pid, end ? end->wait_status : 0);
}

void Tracer::on_end(int64_t pid, uint64_t wait_status) {
    const Speaker ended{.tid = pid, .is_alone = threads_.size() < 2};
    std::erase_if(threads_, [&](const auto& each) { return each.second.pid == pid; });
    if (!settings_.summary) lines_.say(ended, end_text(wait_status));
}

Result<protocols::Empty> Tracer::on(const ipc::Call&, const protocols::strace::Finish&) {
    if (settings_.summary) output_.write(summary_.table());
    write_out();
    return protocols::Empty{};
}

void Tracer::write_out() {
    if (!lines_.empty()) output_.write(lines_.take());
}

}  // namespace portico::strace
