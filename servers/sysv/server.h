#pragma once

#include <set>
#include <string>

#include "protocols/file.h"
#include "runtime/async_call.h"
#include "servers/sysv/messages.h"
#include "servers/sysv/posix_queues.h"
#include "servers/sysv/semaphores.h"
#include "servers/sysv/shared_segments.h"

namespace portico::sysv_server {

namespace file = protocols::file;

/// Serves protocols/sysv.h, and protocols/file.h for open POSIX queues: docs/sysv.md.
///
/// Locks:    none: one thread, one port, one loop. Handlers that wait are coroutines, which look again after each change.
/// Messages: values and messages change only after the caller took the reply.
/// Bound:    kSegmentsMax, kSetsMax, kQueuesMax of each kind; kObjectsMax open POSIX queues and attachments.
class Server {
public:
    struct Handles {
        abi::Handle port;     ///< Receive
        abi::Handle process;  ///< Send: AwaitEnd, Kill
    };
    explicit Server(const Handles& handles) : handles_(handles) {}

    [[noreturn]] void run();

    // server.cpp: what all three kinds share
    Result<sysv::Answer> on(const ipc::Call& call, const sysv::Get& request);
    Result<sysv::Answer> on(const ipc::Call& call, const sysv::Control& request);
    Result<sysv::List::Reply> on(const ipc::Call& call, const sysv::List& request);
    void on_notification(uint64_t badge, uint64_t bits);

    // server_semaphores.cpp, server_messages.cpp, server_segments.cpp
    ipc::Task on(ipc::Call call, sysv::Operate request);
    ipc::Task on(ipc::Call call, sysv::Send request);
    ipc::Task on(ipc::Call call, sysv::Receive request);
    Result<sysv::Attach::Reply> on(const ipc::Call& call, const sysv::Attach& request);
    Result<sysv::AttachAgain::Reply> on(const ipc::Call& call, const sysv::AttachAgain& request);

    // server_posix.cpp
    Result<sysv::OpenQueue::Reply> on(const ipc::Call& call, const sysv::OpenQueue& request);
    Result<protocols::Empty> on(const ipc::Call& call, const sysv::UnlinkQueue& request);
    ipc::Task on(ipc::Call call, sysv::SendQueued request);
    ipc::Task on(ipc::Call call, sysv::ReceiveQueued request);
    Result<protocols::Empty> on(const ipc::Call& call, const sysv::NotifyQueued& request);
    Result<protocols::Empty> on(const ipc::Call& call, const sysv::QueueState& request);
    Result<file::Read::Reply> on(const ipc::Call& call, const file::Read& request);
    ipc::Task on(ipc::Call call, file::Poll request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::GetAttributes& request);
    Result<file::GetFlags::Reply> on(const ipc::Call& call, const file::GetFlags& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::SetFlags& request);
    Result<file::GetPath::Reply> on(const ipc::Call& call, const file::GetPath& request);
    Result<file::Seek::Reply> on(const ipc::Call&, const file::Seek&) { return fail(Error::NotSeekable); }

private:
    static constexpr size_t kSegmentsMax = 4096, kSetsMax = 32000, kQueuesMax = 32000, kPosixQueuesMax = 256, kObjectsMax = 65536;
    static constexpr uint64_t kCredits = 64;

    /// An attachment, or an open POSIX queue.
    struct Object {
        std::shared_ptr<Segment> segment;
        int32_t pid = 0;  ///< who attached
        std::shared_ptr<PosixQueue> queue;
        uint32_t flags = 0;
    };

    Result<abi::Handle> make_object(Object&& object);
    Result<Object*> open_queue(const ipc::Call& call);
    void forget_if_done(const std::shared_ptr<Segment>& segment);

    Result<sysv::Answer> control(const ipc::Call& call, const sysv::Control& request, SemaphoreSet& set);
    Result<sysv::Answer> control(const ipc::Call& call, const sysv::Control& request, MessageQueue& queue);
    Result<sysv::Answer> control(const ipc::Call& call, const sysv::Control& request, Segment& segment);
    Result<sysv::Answer> tell_semaphore_limits(const ipc::Call& call, bool usage);
    Result<sysv::Answer> tell_message_limits(const ipc::Call& call, bool usage);
    Result<sysv::Answer> tell_segment_limits(const ipc::Call& call, bool usage);

    /// Has what a process asked to be undone, or told, at its end be done.
    void watch(int32_t pid);
    ipc::Task watch_end(int32_t pid);
    void notify(PosixQueue& queue, int32_t sender, uint32_t uid);

    Handles handles_;
    Identified<Segment> segments_{kSegmentsMax};
    Identified<SemaphoreSet> sets_{kSetsMax};
    Identified<MessageQueue> queues_{kQueuesMax};
    std::map<std::string, std::shared_ptr<PosixQueue>> posix_queues_;
    std::map<uint64_t, Object> objects_;
    uint64_t next_badge_ = file::kFirstObjectBadge;
    uint64_t next_inode_ = 1;
    std::set<int32_t> watched_;
};

/// Copies a structure in or out of what the caller lent; BadAddress if that is less.
template <class T>
Result<T> take(const ipc::Call& call) {
    T value{};
    if (call.readable_bytes() < sizeof value) return fail(Error::InvalidArgument);
    TRY(call.read(0, std::as_writable_bytes(std::span(&value, 1))));
    return value;
}
template <class T>
Result<sysv::Answer> give(const ipc::Call& call, const T& value, int64_t answer = 0) {
    TRY(call.write(0, std::as_bytes(std::span(&value, 1))));
    return sysv::Answer{.value = answer};
}

/// What /proc/sysvipc shows of each kind (texts.cpp).
std::string text_of(const Identified<Segment>& segments);
std::string text_of(const Identified<SemaphoreSet>& sets);
std::string text_of(const Identified<MessageQueue>& queues);

}  // namespace portico::sysv_server
