#include <optional>

#include "kernel/ipc/ipc.h"
#include "kernel/ipc/port_trace.h"
#include "kernel/object/process.h"

/// Several messages in one system call. Plain ones (words only) are copied between user memory and queue without a detour.
namespace portico::kernel {
namespace {

/// An array of Messages in user memory, page by page. Each element is copied once: what is checked is the copy.
class UserMessages {
public:
    UserMessages(AddressSpace& space, uint64_t address, Access access) : space_(space), address_(address), access_(access) {}

    /// Makes the element at hand accessible. Errors: BadAddress, NoMemory.
    Result<> reach() {
        if (in_page_ >= sizeof(Message)) [[likely]]
            return {};
        if (address_ >= abi::kUserAddressMax) return fail(Error::BadAddress);
        const uint64_t left = abi::kPageBytes - address_ % abi::kPageBytes;
        page_ = TRY(space_.resolve_ram(address_, access_));
        in_page_ = left;
        if (left >= sizeof(Message)) return {};
        next_page_ = TRY(space_.resolve_ram(address_ + left, access_));
        return {};
    }
    void read(Message& to) const {
        if (in_page_ >= sizeof(Message)) [[likely]] {
            __builtin_memcpy(&to, page_, sizeof(Message));
            return;
        }
        __builtin_memcpy(&to, page_, in_page_);
        __builtin_memcpy(reinterpret_cast<uint8_t*>(&to) + in_page_, next_page_, sizeof(Message) - in_page_);
    }
    void write(const Message& from) {
        if (in_page_ >= sizeof(Message)) [[likely]] {
            __builtin_memcpy(page_, &from, sizeof(Message));
            return;
        }
        __builtin_memcpy(page_, &from, in_page_);
        __builtin_memcpy(next_page_, reinterpret_cast<const uint8_t*>(&from) + in_page_, sizeof(Message) - in_page_);
    }
    /// After reach(): how many elements from the one at hand lie wholly in its page, and where.
    uint64_t whole_count() const { return in_page_ / sizeof(Message); }
    uint8_t* whole() const { return page_; }
    void advance(uint64_t count = 1) {
        const uint64_t bytes = count * sizeof(Message);
        address_ += bytes;
        page_ += bytes;
        in_page_ = in_page_ >= bytes ? in_page_ - bytes : 0;
    }

private:
    AddressSpace& space_;
    uint64_t address_;
    Access access_;
    uint8_t* page_ = nullptr;
    uint8_t* next_page_ = nullptr;
    uint64_t in_page_ = 0;  ///< bytes from page_ to the end of its page; less than a message: it goes on in next_page_
};

bool carries_memory(abi::Header header) {
    return header.has_windows() || header.has_pages();
}

/// What a program may be changing meanwhile is read only once.
uint64_t read_once(const uint8_t* from) {
    uint64_t value;
    __builtin_memcpy(&value, from, sizeof(value));
    asm volatile("" : "+r"(value));
    return value;
}

/// Copies a message of words alone into one that is empty. False if it is no such message: then it is put into `other`.
bool take_in_words(QueuedMessage& queued, const uint8_t* from, Sender& sender, std::optional<Message>& other) {
    const abi::Header header{read_once(from + offsetof(Message, header))};
    if (!header.is_plain()) [[unlikely]] {
        other = {.header = header};
        __builtin_memcpy(other->word, from + offsetof(Message, word), sizeof(other->word));
        return false;
    }
    queued.message.id = 0;
    queued.message.badge = sender.badge();
    queued.message.header = header.with_kind(MessageKind::Send);
    __builtin_memcpy(queued.message.word, from + offsetof(Message, word), sizeof(queued.message.word));
    queued.sender.set_uncounted(&sender);
    return true;
}

struct Some {
    uint64_t count = 0;
    bool no_memory = false;        ///< for more of them
    std::optional<Message> other;  ///< comes next, and carries more than words
};

/// Sends as many messages as go without any ado: words alone, in one page, with nobody waiting.
Some send_some(Thread& caller, Sender& sender, UserMessages& messages, uint64_t max) {
    Port& port = sender.port();
    if (tracing || port.waited_at() != nullptr || !messages.reach()) return {};
    const uint8_t* from = messages.whole();
    const auto count_max = static_cast<uint32_t>(std::min({max, messages.whole_count(), uint64_t{sender.credits()}}));
    MessageQueue filled;
    Some some;
    Process& process = caller.process();
    const uint32_t count = process.messages().take_some(process.account(), count_max, [&](QueuedMessage& queued) {
        if (!take_in_words(queued, from, sender, some.other)) return false;
        from += sizeof(Message);
        filled.push_back(queued);
        return true;
    });
    some.count = count;
    some.no_memory = count < count_max && !some.other;
    if (count == 0) return some;
    sender.take_credits(count);
    sender.add_references(count);
    port.post_many(filled, count);
    messages.advance(count);
    return some;
}

/// Sends one that may carry handles.
Result<> send_other(Thread& caller, Sender& sender, const Message& message) {
    if (message.header.handle_count() > abi::kMessageHandlesMax || carries_memory(message.header)) return fail(Error::InvalidArgument);
    return send(caller, sender, message);
}

Result<> send_one(Thread& caller, Sender& sender, UserMessages& messages) {
    TRY(messages.reach());
    if (!sender.take_credit()) return fail(Error::NoCredit);
    const auto taken = caller.process().messages().take(caller.process().account());
    if (!taken) {
        sender.give_credit();
        return fail(taken.error());
    }
    QueuedMessage& queued = **taken;
    messages.read(queued.message);
    if (!queued.message.header.is_plain()) [[unlikely]] {
        const Message message = queued.message;
        MessagePool::give_back_empty(queued);
        sender.give_credit();
        return send_other(caller, sender, message);
    }
    queued.message.id = 0;
    queued.message.badge = sender.badge();
    queued.message.header = queued.message.header.with_kind(MessageKind::Send);
    queued.sender.fill(sender);
    sender.port().post(queued);
    return {};
}

/// Only port_receive can take it: registers tell what is lent, and where pages land.
bool needs_registers(const QueueNode& node) {
    if (node.node_kind() == QueueNode::Kind::Message) {
        const auto& message = static_cast<const QueuedMessage&>(node);
        return !message.message.header.is_plain() && !message.cargo->pages.empty();
    }
    if (node.node_kind() != QueueNode::Kind::Call) return false;
    const auto& call = static_cast<const Call&>(node);
    if (call.state == Call::State::Replied) return !call.pages.empty();
    return call.state == Call::State::Queued && (call.kind != MessageKind::Call || carries_memory(call.message.header));
}

Message message_in_frame(const abi::Registers& r) {
    return {.id = r.rdi, .badge = r.r13, .header = {r.rsi}, .word = {r.rdx, r.r10, r.r8, r.r9, r.r12}};
}

/// Receives as many messages as go without any ado: words alone, into one page. Returns how many.
uint64_t receive_some(Port& port, UserMessages& messages, uint64_t max) {
    if (tracing || port.empty() || !messages.reach()) return 0;
    const uint32_t count = port.take_words(messages.whole(), static_cast<uint32_t>(std::min(max, messages.whole_count())));
    messages.advance(count);
    return count;
}

Result<> receive_one(Thread& caller, Port& port, QueueNode& node, UserMessages& messages) {
    TRY(messages.reach());
    if (node.node_kind() == QueueNode::Kind::Message && static_cast<QueuedMessage&>(node).message.header.is_plain()) [[likely]] {
        auto& message = static_cast<QueuedMessage&>(node);
        port.pop_front();
        note_taken(message, caller, port);
        messages.write(message.message);
        message.sender->give_credit();
        MessagePool::give_back(message);
        return {};
    }
    const unsigned priority = caller.priority();
    const abi::Registers kept = caller.frame.registers;
    const Result<bool> taken = port.take(caller);
    const Message message = message_in_frame(std::exchange(caller.frame.registers, kept));
    caller.inherit_priority(priority);  // of calls that it took before
    TRY(taken);
    messages.write(message);
    return {};
}

}  // namespace

Result<uint64_t> send_batch(Thread& caller, Sender& sender, uint64_t address, uint64_t count) {
    if (sender.port().closed()) return fail(Error::PeerClosed);
    UserMessages messages(caller.process().space(), address, Access::Read);
    for (uint64_t sent = 0; sent < count;) {
        const Some some = send_some(caller, sender, messages, count - sent);
        sent += some.count;
        Result<> result{};
        if (some.no_memory)
            result = fail(Error::NoMemory);
        else if (some.other)
            result = send_other(caller, sender, *some.other);
        else if (some.count > 0)
            continue;
        else
            result = send_one(caller, sender, messages);
        if (!result) {
            if (sent == 0) return fail(result.error());
            return sent;
        }
        messages.advance();
        ++sent;
    }
    return count;
}

Result<uint64_t> receive_batch(Thread& caller, Port& port, uint64_t address, uint64_t count, uint64_t deadline_ns) {
    if (port.closed()) return fail(Error::PeerClosed);
    caller.run_at_base_priority();
    if (port.front_for(caller.process()) == nullptr) {
        if (deadline_ns == abi::kNow) return fail(Error::WouldBlock);
        caller.begin_wait(Thread::Wait::ReceiveBatch, deadline_ns);
        port.park(caller);
        return 0;
    }
    UserMessages messages(caller.process().space(), address, Access::Write);
    Result<> result{};
    uint64_t received = 0;
    while (received < count) {
        const uint64_t some = receive_some(port, messages, count - received);
        received += some;
        if (some > 0) continue;
        QueueNode* node = port.front_for(caller.process());
        if (node == nullptr) break;
        result = needs_registers(*node) ? fail(Error::NotSupported) : receive_one(caller, port, *node, messages);
        if (!result) break;
        messages.advance();
        ++received;
    }
    if (received == 0) return fail(result.error());
    if (caller.task.get() == &port) caller.task = nullptr;  // done
    port.serve_rest(caller);
    return received;
}

}  // namespace portico::kernel
