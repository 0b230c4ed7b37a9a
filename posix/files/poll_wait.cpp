#include "posix/files/poll_wait.h"

#include "posix/clock.h"
#include "posix/files/requests.h"
#include "posix/files/scratch_array.h"

namespace portico::posix {
namespace {

using linux_abi::PollDescriptor;

constexpr uint32_t kInlineCalls = 64;

/// Servers know POLLIN and POLLOUT; their other names for data without priorities mean the same.
uint64_t asked_of_server(int16_t events) {
    uint64_t asked = 0;
    if ((events & (linux_abi::kPollIn | linux_abi::kPollReadNormal)) != 0) asked |= linux_abi::kPollIn;
    if ((events & (linux_abi::kPollOut | linux_abi::kPollWriteNormal)) != 0) asked |= linux_abi::kPollOut;
    return asked | static_cast<uint64_t>(events & (linux_abi::kPollPriority | linux_abi::kPollReadHangUp));
}

int16_t told_by_server(int16_t events, uint64_t told) {
    auto happened = static_cast<int16_t>(told & (linux_abi::kPollError | linux_abi::kPollHangUp));
    happened |= static_cast<int16_t>(told & static_cast<uint64_t>(events & (linux_abi::kPollPriority | linux_abi::kPollReadHangUp)));
    if ((told & linux_abi::kPollIn) != 0) happened |= events & (linux_abi::kPollIn | linux_abi::kPollReadNormal);
    if ((told & linux_abi::kPollOut) != 0) happened |= events & (linux_abi::kPollOut | linux_abi::kPollWriteNormal);
    return happened;
}

int16_t told_by_error(int16_t events, Error error) {
    if (error == Error::BadHandle) return linux_abi::kPollInvalid;  // closed meanwhile
    if (error == Error::NotSupported) return told_by_server(events, linux_abi::kPollIn | linux_abi::kPollOut);
    return linux_abi::kPollError;
}

/// The descriptor's object, if it is one that has to be asked; what is known without is stored.
abi::Handle object_to_ask(Thread& thread, PollDescriptor& descriptor) {
    descriptor.happened = 0;
    if (descriptor.number < 0) return {};
    const Result<Descriptor> open = thread.process->descriptors.get(descriptor.number);
    if (!open || open->path_only()) {
        descriptor.happened = linux_abi::kPollInvalid;
        return {};
    }
    if (open->kind != file::Kind::File && open->kind != file::Kind::Directory) return open->handle;
    descriptor.happened = told_by_server(descriptor.events, linux_abi::kPollIn | linux_abi::kPollOut);
    return {};
}

int64_t count_happened(std::span<const PollDescriptor> descriptors) {
    int64_t count = 0;
    for (const PollDescriptor& descriptor : descriptors) count += descriptor.happened != 0;
    return count;
}

int64_t ask_each(Thread& thread, std::span<PollDescriptor> descriptors) {
    for (PollDescriptor& descriptor : descriptors) {
        const abi::Handle object = object_to_ask(thread, descriptor);
        if (!object) continue;
        const auto reply = settled_call(object, file::Poll{.events = asked_of_server(descriptor.events), .wait = 0});
        descriptor.happened = reply ? told_by_server(descriptor.events, reply->events) : told_by_error(descriptor.events, reply.error());
    }
    return count_happened(descriptors);
}

/// One asynchronous Poll a descriptor, all replying at the thread's port.
///
/// Ownership: cancels what is still out when it goes, and takes replies that came nevertheless.
class AsynchronousPolls {
public:
    AsynchronousPolls(Thread& thread, std::span<PollDescriptor> descriptors, std::span<uint64_t> ids, abi::Handle port)
        : thread_(thread), descriptors_(descriptors), ids_(ids), port_(port) {
        for (uint64_t& id : ids_) id = kNone;
    }
    AsynchronousPolls(const AsynchronousPolls&) = delete;
    AsynchronousPolls& operator=(const AsynchronousPolls&) = delete;
    ~AsynchronousPolls() { finish(); }

    Result<> start_all() {
        for (size_t i = 0; i < descriptors_.size(); ++i) TRY(start(i));
        return {};
    }

    /// Until something happened. Errors: TimedOut, Interrupted, NoMemory.
    Result<> wait(uint64_t deadline_ns) {
        while (count_happened(descriptors_) == 0) {
            const native::Received received = TRY(interruptible::receive(thread_, port_, deadline_ns));
            if (const size_t index = take(received.message); index < ids_.size() && descriptors_[index].happened == 0)
                TRY(start(index));  // it was ready, but for nothing that was asked
        }
        return {};
    }

    void finish() {
        bool late_reply = false;
        for (uint64_t& id : ids_) {
            if (id == kNone) continue;
            if (native::call(abi::CallCancel{port_, id}))
                id = kNone;
            else
                late_reply = true;  // it lies in the port already
        }
        while (late_reply) {
            const auto received = native::receive(port_, abi::kNow);
            if (received)
                (void)take(received->message);
            else if (received.error() != Error::Interrupted)
                break;
        }
    }

private:
    static constexpr uint64_t kNone = 0;

    Result<> start(size_t index) {
        PollDescriptor& descriptor = descriptors_[index];
        const abi::Handle object = object_to_ask(thread_, descriptor);
        if (!object) return {};
        const file::Poll method{.events = asked_of_server(descriptor.events), .wait = 1};
        const Result<uint64_t> id = native::call_async(object, ipc::request_message(method), port_);
        if (id) {
            ids_[index] = *id;
            return {};
        }
        if (id.error() == Error::NoMemory) return fail(Error::NoMemory);
        descriptor.happened = told_by_error(descriptor.events, id.error());
        return {};
    }

    /// Notes a reply; its index, or one past the end if it belongs to no call here.
    size_t take(const abi::Message& message) {
        size_t index = 0;
        while (index < ids_.size() && (ids_[index] == kNone || ids_[index] != message.id)) ++index;
        if (message.header.kind() != abi::MessageKind::Reply || index == ids_.size()) {
            ipc::close_handles(message);  // the late reply to a call that was given up
            return ids_.size();
        }
        ids_[index] = kNone;
        PollDescriptor& descriptor = descriptors_[index];
        const auto reply = ipc::unpack_reply<file::Poll>(message);
        descriptor.happened = reply ? told_by_server(descriptor.events, reply->events) : told_by_error(descriptor.events, reply.error());
        return index;
    }

    Thread& thread_;
    std::span<PollDescriptor> descriptors_;
    std::span<uint64_t> ids_;
    abi::Handle port_;
};

int64_t wait_for_one(Thread& thread, std::span<PollDescriptor> descriptors, uint64_t deadline_ns) {
    const ScratchArray<uint64_t, kInlineCalls> ids(descriptors.size());
    const Result<abi::Handle> port = thread.reply_port();
    if (!ids || !port) return -ENOMEM;
    Result<> result;
    {
        AsynchronousPolls polls(thread, descriptors, ids.all(), *port);
        result = polls.start_all();
        if (result) result = polls.wait(deadline_ns);
    }
    const int64_t count = count_happened(descriptors);  // also what came while the others were cancelled
    if (count > 0 || result || result.error() == Error::TimedOut) return count;
    return to_errno_no_restart(result.error());
}

}  // namespace

int64_t poll_descriptors(Thread& thread, std::span<PollDescriptor> descriptors, uint64_t deadline_ns) {
    const int64_t ready = ask_each(thread, descriptors);
    if (ready > 0) return ready;
    if (deadline_ns != abi::kForever && deadline_ns <= monotonic_ns()) return thread.pending != 0 ? -kRestartNoHandler : 0;
    return wait_for_one(thread, descriptors, deadline_ns);
}

uint64_t wait_deadline(Thread& thread, uint64_t duration_ns) {
    return thread.restart_deadline_ns != 0 ? thread.restart_deadline_ns : deadline_after(duration_ns);
}

}  // namespace portico::posix
