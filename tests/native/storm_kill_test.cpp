#include <algorithm>
#include <map>
#include <vector>

#include "runtime/launch.h"
#include "tests/native/storm.h"

/// Processes are killed at random while they call, are called, hold calls, and have pages and handles under way. Whoever lives gets one
/// end for each call, and afterwards the kernel has no more objects and bytes than before (docs/ipc.md; threats A8, A9, A16, A21, C5).
/// cpus: 2 4
namespace portico::native_test {
namespace {

using abi::Handle;
using abi::Header;
using abi::Message;
using abi::MessageKind;
using abi::MessageRegisters;

constexpr unsigned kServers = 2, kClients = 4, kClientThreads = 2;
constexpr uint64_t kPages = 8, kPage = abi::kPageBytes;

/// Operations. Word 0 of a call is a number of its own, of an answer the same number mixed.
enum Operation : uint16_t { Echo = 1, Pages, TakeHandle, Hold };

struct Common {
    std::atomic<uint64_t> ended = 0, answered = 0, peer_closed = 0, timed_out = 0, asynchronous = 0;
    std::atomic<bool> done = false;
};
Common* common;

uint64_t address_of(const volatile void* memory) {
    return reinterpret_cast<uint64_t>(memory);
}

/// Both sides fill and check pages by the number of their call.
void fill(std::byte* pages, uint64_t count, uint64_t number) {
    auto* const words = reinterpret_cast<uint64_t*>(pages);
    for (uint64_t i = 0; i < count * kPage / sizeof(uint64_t); i += 16) words[i] = mixed(number + i);
}
void demand_filled(const std::byte* pages, uint64_t count, uint64_t number) {
    const auto* const words = reinterpret_cast<const uint64_t*>(pages);
    for (uint64_t i = 0; i < count * kPage / sizeof(uint64_t); i += 16)
        demand(words[i] == mixed(number + i), "pages arrived with other bytes than were sent",
               {{"number", number}, {"word", i}, {"of pages", count}, {"got", words[i]}});
}

// ---- servers: they answer all but some calls, which they hold; of those they answer the oldest

void answer(uint64_t id, uint64_t number) {
    const Result<> replied = native::reply(id, {.word = {mixed(number)}});
    demand(replied || replied.error() == Error::NoSuchCall, "reply failed",
           {{"error", static_cast<uint64_t>(replied.error_or(Error::None))}});
}

void answer_with_pages(const MessageRegisters& call, std::byte* pages) {
    const uint64_t number = call.word[0], count = (call.rbx & 0xFFFF'FFFF) / kPage;
    demand_filled(pages, count, number);
    fill(pages, count, ~number);
    MessageRegisters reply{.handle_or_id = call.handle_or_id, .word = {mixed(number)}};
    native::set_pages(reply, {.readable_address = address_of(pages), .readable_bytes = static_cast<uint32_t>(count * kPage)});
    const Error error = native::message_call<abi::PortReply>(reply);
    demand(error == Error::None || error == Error::NoSuchCall, "reply with pages failed", {{"error", static_cast<uint64_t>(error)}});
}

void serve(Handle port) {
    constexpr size_t kHeldMax = 6;
    std::byte* const pages = make_pages(kPages);
    std::vector<std::pair<uint64_t, uint64_t>> held_calls;  // id, number
    for (;;) {
        // Those that are held do not wait for ever: without other calls they are answered soon.
        const uint64_t deadline = held_calls.empty() ? abi::kForever : native::call(abi::ClockRead{})->now_ns + 2'000'000;
        MessageRegisters call{.handle_or_id = port.value, .deadline_or_badge = deadline};
        native::set_landing(call, address_of(pages), kPages * kPage);
        const Error error = native::message_call<abi::PortReceive>(call);
        demand(error == Error::None || error == Error::TimedOut, "receive failed", {{"error", static_cast<uint64_t>(error)}});
        if (error == Error::TimedOut || held_calls.size() > kHeldMax) {
            answer(held_calls.front().first, held_calls.front().second);
            held_calls.erase(held_calls.begin());
        }
        if (error == Error::TimedOut) continue;
        if (call.header.kind() == MessageKind::Cancelled)
            std::erase_if(held_calls, [&](auto& each) { return each.first == call.handle_or_id; });
        if (call.header.kind() != MessageKind::Call) continue;
        switch (call.header.operation()) {
        case Hold:
            held_calls.emplace_back(call.handle_or_id, call.word[0]);
            break;
        case Pages:
            answer_with_pages(call, pages);
            break;
        case TakeHandle:
            native::close(Handle{call.word[4]});
            [[fallthrough]];
        default:
            answer(call.handle_or_id, call.word[0]);
        }
    }
}

// ---- clients

class KilledClient {
public:
    KilledClient(uint64_t number, const std::vector<Handle>& servers)
        : random_(number), number_(number << 40), servers_(servers), own_(*ipc::Channel::create()), pages_(make_pages(kPages)) {
        reply_port_ = OwnedHandle(native::call(abi::PortCreate{})->port);
    }
    ~KilledClient() { munmap(pages_, kPages * kPage); }

    void run() {
        while (!common->done) {
            switch (random_.below(5)) {
            case 0:
                call_with_pages();
                break;
            case 1:
                call_with_handle();
                break;
            case 2:
                call_asynchronously();
                break;
            default:
                call_with_words();
            }
        }
        while (!pending_.empty()) take_answer();
    }

private:
    Handle any_server() { return servers_[random_.below(servers_.size())]; }

    void demand_end(Error error, const Message& reply, uint64_t number, bool has_deadline) {
        ++common->ended;
        const bool allowed = error == Error::None || error == Error::PeerClosed || (error == Error::TimedOut && has_deadline);
        demand(allowed, "a call ended as it must not", {{"error", static_cast<uint64_t>(error)}, {"number", number}});
        ++(error == Error::None ? common->answered : error == Error::PeerClosed ? common->peer_closed : common->timed_out);
        if (error != Error::None) return;
        demand(reply.word[0] == mixed(number), "the answer is another call's", {{"number", number}, {"got", reply.word[0]}});
    }

    void call_with_words() {
        const uint64_t number = ++number_;
        const bool has_deadline = random_.one_in(4);
        const uint64_t deadline = has_deadline ? native::call(abi::ClockRead{})->now_ns + random_.below(2'000'000) : abi::kForever;
        const Message call{.header = Header::make(random_.one_in(2) ? Echo : Hold), .word = {number}};
        const Result<Message> result = native::call(any_server(), call, nullptr, deadline);
        demand_end(result.error_or(Error::None), result.value_or(Message{}), number, has_deadline);
    }

    void call_with_pages() {
        const uint64_t number = ++number_, count = random_.between(1, kPages);
        const auto bytes = static_cast<uint32_t>(count * kPage);
        fill(pages_, count, number);
        MessageRegisters registers{.handle_or_id = any_server().value, .header = Header::make(Pages), .word = {number}};
        native::set_pages(registers,
                          {.readable_address = address_of(pages_),
                           .writable_address = address_of(pages_),
                           .readable_bytes = bytes,
                           .writable_bytes = bytes},
                          random_.one_in(4));
        const Error error = native::message_call<abi::PortCall>(registers);
        demand_end(error, native::message_of(registers), number, false);
        if (error == Error::None) demand_filled(pages_, count, ~number);
    }

    /// Whatever becomes of the call and of its server, the handle that moved goes away.
    void call_with_handle() {
        const uint64_t number = ++number_;
        const Handle sender = native::call(abi::PortBadge{own_.port.get(), number, 4})->sender;
        const Result<Message> result =
            native::call(any_server(), {.header = Header::make(TakeHandle, 1, 1), .word = {number, 0, 0, 0, sender.value}});
        demand_end(result.error_or(Error::None), result.value_or(Message{}), number, false);
        const Result<native::Received> gone = native::receive(own_.port.get());
        demand(gone && gone->message.badge == number && gone->message.word[0] == abi::kNotifySendersGone, "a handle that moved is not gone",
               {{"number", number}});
    }

    void call_asynchronously() {
        const uint64_t number = ++number_;
        const Message call{.header = Header::make(random_.one_in(2) ? Echo : Hold), .word = {number}};
        const Result<uint64_t> id = native::call_async(any_server(), call, reply_port_.get());
        demand(id.has_value(), "an asynchronous call was refused", {{"error", static_cast<uint64_t>(id.error_or(Error::None))}});
        demand(pending_.emplace(*id, number).second, "an id was used again", {{"id", *id}});
        ++common->asynchronous;
        while (pending_.size() > 4) take_answer();
    }

    void take_answer() {
        const Result<native::Received> received = native::receive(reply_port_.get());
        demand(received.has_value(), "receive failed", {{"error", static_cast<uint64_t>(received.error_or(Error::None))}});
        const auto found = pending_.find(received->message.id);
        demand(found != pending_.end(), "a call ended that had ended, or was never made", {{"id", received->message.id}});
        demand_end(received->message.header.status(), received->message, found->second, false);
        pending_.erase(found);
    }

    Random random_;
    uint64_t number_;
    std::vector<Handle> servers_;
    ipc::Channel own_;
    OwnedHandle reply_port_;
    std::byte* pages_;
    std::map<uint64_t, uint64_t> pending_;  ///< id → number
};

// ---- who starts and kills them

class Killer {
public:
    Killer() {
        for (unsigned i = 0; i < kServers; ++i) {
            ports_.push_back(native::call(abi::PortCreate{})->port);
            senders_.push_back(native::call(abi::PortBadge{ports_[i], i, 64, kPages})->sender);
        }
        for (unsigned i = 0; i < kServers + kClients; ++i) children_.push_back(start(i));
    }

    /// Kills one and starts another in its place. The port stays open: what was not taken waits for the next server.
    void kill_one() {
        const unsigned chosen = static_cast<unsigned>(random_.below(children_.size()));
        end(children_[chosen]);
        children_[chosen] = start(chosen);
        ++kills_;
    }

    /// Clients end by themselves when all their calls have ended.
    void end_all() {
        common->done = true;
        for (unsigned i = kServers; i < children_.size(); ++i) CHECK(exit_status_of(children_[i]) == 0);
        for (unsigned i = 0; i < kServers; ++i) end(children_[i]);
        for (const Handle handle : senders_) native::close(handle);
        for (const Handle handle : ports_) native::close(handle);
    }

    uint64_t kills() const { return kills_; }
    Random& random() { return random_; }

private:
    static void end(pid_t child) {
        CHECK(kill(child, SIGKILL) == 0);
        const int status = exit_status_of(child);
        demand(status == 128 + SIGKILL, "a process ended by itself", {{"status", static_cast<uint64_t>(status)}});
    }

    pid_t start(unsigned place) {
        const uint64_t number = ++started_ * kClientThreads;
        return in_child([&] {
            if (place < kServers) return serve(ports_[place]);
            for (const Handle port : ports_) native::close(port);  // only servers receive
            std::vector<std::thread> threads;
            for (unsigned i = 0; i < kClientThreads; ++i) threads.emplace_back([&, i] { KilledClient(number + i, senders_).run(); });
            for (std::thread& thread : threads) thread.join();
        });
    }

    Random random_{1};
    std::vector<Handle> ports_, senders_;
    std::vector<pid_t> children_;
    uint64_t started_ = 0, kills_ = 0;
};

void run() {
    common = &make_common<Common>();
    const abi::AccountInfo before = account_before();
    {
        Killer killer;
        const Watchdog watchdog(common->ended);
        const Clock::time_point end = Clock::now() + storm_length();
        while (Clock::now() < end) {
            usleep(static_cast<useconds_t>(killer.random().below(20'000)));
            killer.kill_one();
        }
        killer.end_all();
        demand(common->answered > 0 && common->peer_closed > 0 && common->timed_out > 0, "not every end was seen",
               {{"answered", common->answered}, {"peer closed", common->peer_closed}, {"timed out", common->timed_out}});
        held(std::to_string(killer.kills()) + " processes were killed, and " + std::to_string(common->ended) + " calls ended once each: " +
             std::to_string(common->answered) + " answered, " + std::to_string(common->peer_closed) + " by the death of a server, " +
             std::to_string(common->timed_out) + " by deadline; " + std::to_string(common->asynchronous) + " were asynchronous");
    }
    demand_all_back(before);
    ok("nothing is left in the kernel");
}

}  // namespace
}  // namespace portico::native_test

int main(int count, char** arguments) {
    portico::native_test::read_storm_arguments(count, arguments);
    portico::native_test::run();
}
