#include <pthread.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "runtime/launch.h"
#include "tests/native/storm.h"

/// Many threads call several servers in every way there is, with deadlines, alerts and cancellation, while the servers answer late, twice,
/// under forged ids, or hand calls on. Each call ends once, with its own answer or a reason why there is none.
/// cpus: 2 4
namespace portico::native_test {
namespace {

using abi::Handle;
using abi::Header;
using abi::Message;
using abi::MessageKind;

constexpr unsigned kServers = 2, kServerThreads = 2, kClients = 3, kClientThreads = 2;
constexpr uint64_t kWindowBytesMax = 20'000;
constexpr std::byte kMask{0x5A};

/// Operations. Word 0 of a call is a number of its own, of an answer the same number mixed.
enum Operation : uint16_t { Echo = 1, Window, Late, Twice, HandOn, TakeHandle, Quit };

struct Common {
    std::atomic<uint64_t> calls = 0, answered = 0, timed_out = 0, interrupted = 0, asynchronous = 0, cancelled = 0, refused = 0, forged = 0;
    std::atomic<bool> done = false;
};
Common* common;

uint64_t now_ns() {
    return native::call(abi::ClockRead{})->now_ns;
}

Message answer_to(uint64_t number) {
    return {.word = {mixed(number), ~number, number ^ 1, 4, 5}};
}

void demand_answer(const Message& got, uint64_t number) {
    const Message expected = answer_to(number);
    for (unsigned i = 0; i < 3; ++i)
        demand(got.word[i] == expected.word[i], "the answer is another call's",
               {{"number", number}, {"word", i}, {"got", got.word[i]}, {"expected", expected.word[i]}});
}

// ---- servers

class StormServer {
public:
    StormServer(uint64_t index, Handle port, Handle next) : index_(index), port_(port), next_(next) {}

    void run() {
        std::vector<std::thread> threads;
        for (unsigned i = 0; i < kServerThreads; ++i) threads.emplace_back([this] { serve(); });
        threads.emplace_back([this] { answer_late(); });
        for (std::thread& thread : threads) thread.join();
    }

private:
    struct LateCall {
        uint64_t id, number;
    };

    /// An answer is taken, or refused since its call has ended.
    static bool answer(uint64_t id, uint64_t number) {
        const Result<> replied = native::reply(id, answer_to(number));
        if (replied) return true;
        demand(replied.error() == Error::NoSuchCall, "reply failed", {{"error", static_cast<uint64_t>(replied.error())}});
        ++common->refused;
        return false;
    }

    void serve() {
        for (;;) {
            const Result<native::Received> received = native::receive(port_);
            demand(received.has_value(), "receive failed", {{"error", static_cast<uint64_t>(received.error_or(Error::None))}});
            if (received->message.header.kind() != MessageKind::Call) continue;  // who is late finds out by itself
            if (!act(*received)) return;
        }
    }

    bool act(const native::Received& received) {
        const Message& call = received.message;
        const uint64_t number = call.word[0];
        switch (call.header.operation()) {
        case Window:
            copy_window(received);
            break;
        case Late: {
            const std::lock_guard guard(lock_);
            late_.push_back({call.id, number});
            return true;
        }
        case HandOn:
            return hand_on(call), true;
        case TakeHandle:
            take_handle(call);
            break;
        case Quit:
            if (++quit_ == kServerThreads) done_ = true;
            answer(call.id, number);
            return false;
        default:
            break;
        }
        answer(call.id, number);
        if (call.header.operation() == Twice)
            demand(!native::reply(call.id, answer_to(~number)), "a second answer was taken", {{"id", call.id}});
        return true;
    }

    /// The bytes there, masked, back again. The caller may have left: then it fails, part of it done.
    void copy_window(const native::Received& received) {
        std::vector<std::byte> bytes(received.readable_bytes);
        const uint64_t id = received.message.id;
        if (!bytes.empty() && !native::call(abi::WindowRead{id, 0, reinterpret_cast<uint64_t>(bytes.data()), bytes.size()})) return;
        for (std::byte& byte : bytes) byte ^= kMask;
        if (!bytes.empty()) (void)native::call(abi::WindowWrite{id, 0, reinterpret_cast<uint64_t>(bytes.data()), bytes.size()});
    }

    void hand_on(const Message& call) {
        abi::MessageRegisters registers{.handle_or_id = next_.value, .header = Header::make(Late), .word = {call.word[0]}, .r14 = call.id};
        const Error error = native::message_call<abi::PortForward>(registers);
        demand(error == Error::None || error == Error::NoSuchCall, "forwarding failed", {{"error", static_cast<uint64_t>(error)}});
    }

    /// The last word is a send handle, by which the call's number goes back.
    void take_handle(const Message& call) {
        demand(call.header.handle_count() == 1, "the handle did not come");
        const OwnedHandle sender(Handle{call.word[4]});
        const Result<> sent = native::send(sender.get(), {.word = {call.word[0]}});
        demand(sent || sent.error() == Error::PeerClosed, "sending by a handle that came failed",
               {{"error", static_cast<uint64_t>(sent.error_or(Error::None))}});
    }

    void answer_late() {
        Random random(150 + index_);
        while (!done_) {
            std::this_thread::sleep_for(std::chrono::microseconds(random.below(200)));
            for (;;) {
                LateCall call{};
                {
                    const std::lock_guard guard(lock_);
                    if (late_.empty() || random.one_in(8)) break;
                    const size_t chosen = random.below(late_.size());
                    call = late_[chosen];
                    late_.erase(late_.begin() + static_cast<ptrdiff_t>(chosen));
                }
                answer(call.id, call.number);
            }
        }
    }

    uint64_t index_;
    Handle port_, next_;
    std::mutex lock_;
    std::vector<LateCall> late_;
    std::atomic<unsigned> quit_ = 0;
    std::atomic<bool> done_ = false;
};

// ---- clients

class StormClient {
public:
    StormClient(uint64_t index, const std::vector<Handle>& servers)
        : random_(200 + index), number_(index << 40), servers_(servers), own_(*ipc::Channel::create()) {
        reply_port_ = OwnedHandle(native::call(abi::PortCreate{})->port);
    }

    void run() {
        while (!common->done) {
            switch (random_.below(8)) {
            case 0:
                call_with_window();
                break;
            case 1:
                call_with_handle();
                break;
            case 2:
            case 3:
                call_asynchronously();
                break;
            default:
                call_with_words();
            }
            ++common->calls;
        }
        while (!pending_.empty()) take_answer(abi::kForever);
    }

private:
    Handle any_server() { return servers_[random_.below(servers_.size())]; }
    uint64_t any_deadline() { return random_.one_in(3) ? now_ns() + random_.below(400'000) : abi::kForever; }

    /// Whether the call was answered; else it has a right to fail.
    bool demand_end(const Result<Message>& result, uint64_t deadline, bool steady) {
        if (result) return ++common->answered, true;
        const bool timed_out = result.error() == Error::TimedOut && deadline != abi::kForever;
        const bool interrupted = result.error() == Error::Interrupted && !steady;
        demand(timed_out || interrupted, "a call ended as it must not",
               {{"error", static_cast<uint64_t>(result.error())}, {"deadline", deadline}, {"steady", steady}});
        ++(timed_out ? common->timed_out : common->interrupted);
        return false;
    }

    void call_with_words() {
        constexpr Operation kOperations[] = {Echo, Late, Twice, HandOn};
        const uint64_t number = ++number_, deadline = any_deadline();
        const bool steady = random_.one_in(3);
        Header header = Header::make(kOperations[random_.below(4)]);
        if (steady) header = header.as_steady();
        const Result<Message> result = native::call(any_server(), {.header = header, .word = {number}}, nullptr, deadline);
        if (demand_end(result, deadline, steady)) demand_answer(*result, number);
    }

    void call_with_window() {
        const uint64_t number = ++number_, deadline = any_deadline();
        const auto bytes = static_cast<uint32_t>(random_.between(1, random_.one_in(4) ? kWindowBytesMax : 600));
        std::vector<std::byte> out(bytes), in(bytes);
        for (std::byte& byte : out) byte = static_cast<std::byte>(random_.next());
        const abi::Windows windows{reinterpret_cast<uint64_t>(out.data()), reinterpret_cast<uint64_t>(in.data()), bytes, bytes};
        const Result<Message> result = native::call(any_server(), {.header = Header::make(Window), .word = {number}}, &windows, deadline);
        if (!demand_end(result, deadline, false)) return;
        demand_answer(*result, number);
        for (uint32_t i = 0; i < bytes; ++i)
            demand(in[i] == (out[i] ^ kMask), "a window came back with other bytes",
                   {{"at", i}, {"of", bytes}, {"sent", static_cast<uint64_t>(out[i])}, {"got", static_cast<uint64_t>(in[i])}});
    }

    /// A handle goes along, moved or duplicated; the server uses it. Whatever becomes of the call, the handle goes away with it.
    void call_with_handle() {
        const uint64_t number = ++number_;
        const bool moves = random_.one_in(2);
        const Handle sender = native::call(abi::PortBadge{own_.port.get(), number, 4})->sender;
        const Header header = Header::make(TakeHandle, 1, moves ? 1 : 0).as_steady();
        const Result<Message> result = native::call(any_server(), {.header = header, .word = {number, 0, 0, 0, sender.value}});
        demand_end(result, abi::kForever, true);
        demand_answer(*result, number);
        if (!moves) native::close(sender);
        const Message sent = own_message();
        demand(sent.badge == number && sent.word[0] == number, "another message came than was sent",
               {{"badge", sent.badge}, {"number", number}});
        const Message gone = own_message();
        demand(gone.badge == number && gone.word[0] == abi::kNotifySendersGone, "the handle is not gone",
               {{"badge", gone.badge}, {"number", number}});
    }

    Message own_message() {
        for (;;) {
            const Result<native::Received> received = native::receive(own_.port.get());
            if (received) return received->message;
            demand(received.error() == Error::Interrupted, "receive failed", {{"error", static_cast<uint64_t>(received.error())}});
        }
    }

    void call_asynchronously() {
        const uint64_t number = ++number_;
        const Message call{.header = Header::make(random_.one_in(2) ? Late : random_.one_in(2) ? HandOn : Echo), .word = {number}};
        const Result<uint64_t> id = native::call_async(any_server(), call, reply_port_.get());
        demand(id.has_value(), "an asynchronous call was refused", {{"error", static_cast<uint64_t>(id.error_or(Error::None))}});
        demand(pending_.emplace(*id, number).second, "an id was used again", {{"id", *id}});
        ++common->asynchronous;
        if (random_.one_in(4)) cancel_one();
        while (pending_.size() > 8) take_answer(abi::kForever);
        if (random_.one_in(2)) take_answer(abi::kNow);
    }

    /// What has not been taken can be cancelled, answered or not, and is not heard of again.
    void cancel_one() {
        if (pending_.empty()) return;
        auto chosen = pending_.begin();
        std::advance(chosen, random_.below(pending_.size()));
        const Result<> result = native::call(abi::CallCancel{reply_port_.get(), chosen->first});
        demand(result.has_value(), "a pending call could not be cancelled",
               {{"id", chosen->first}, {"error", static_cast<uint64_t>(result.error_or(Error::None))}});
        pending_.erase(chosen);
        ++common->cancelled;
    }

    void take_answer(uint64_t deadline) {
        const Result<native::Received> received = native::receive(reply_port_.get(), deadline);
        if (!received) {
            const bool allowed = received.error() == Error::Interrupted || (received.error() == Error::WouldBlock && deadline == abi::kNow);
            demand(allowed, "receive failed", {{"error", static_cast<uint64_t>(received.error())}});
            return;
        }
        const Message& message = received->message;
        const auto found = pending_.find(message.id);
        demand(message.header.kind() == MessageKind::Reply && found != pending_.end(), "an answer came that nobody waits for",
               {{"id", message.id}});
        demand(message.header.status() == Error::None, "a call was refused", {{"status", message.header.operation()}});
        demand_answer(message, found->second);
        pending_.erase(found);
        ++common->answered;
    }

    Random random_;
    uint64_t number_;
    std::vector<Handle> servers_;
    ipc::Channel own_;
    OwnedHandle reply_port_;
    std::map<uint64_t, uint64_t> pending_;  ///< id → number
};

/// Threads that call, and one that interrupts them by signals.
void run_client(uint64_t index, const std::vector<Handle>& servers) {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    CHECK(sigaction(SIGUSR1, &action, nullptr) == 0);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kClientThreads; ++i)
        threads.emplace_back([&servers, number = index * kClientThreads + i] { StormClient(number, servers).run(); });
    Random random(300 + index);
    while (!common->done) {
        usleep(static_cast<useconds_t>(random.below(3000)));
        CHECK(pthread_kill(threads[random.below(threads.size())].native_handle(), SIGUSR1) == 0);
    }
    for (std::thread& thread : threads) thread.join();
}

/// One who takes no calls answers those of others, under ids near ones that are in use: all are refused.
void forge_answers(Handle server) {
    Random random(400);
    const OwnedHandle port(native::call(abi::PortCreate{})->port);
    while (!common->done) {
        const Result<uint64_t> id = native::call_async(server, {.header = Header::make(Late), .word = {1}}, port.get());
        CHECK(id);
        for (int i = 0; i < 64; ++i) {
            const uint64_t distance = random.next() >> random.between(32, 63);
            const uint64_t forged = random.one_in(8) ? random.next() : random.one_in(2) ? *id + distance : *id - distance;
            const Result<> replied = native::reply(forged, answer_to(0));
            demand(!replied && replied.error() == Error::NoSuchCall, "a forged answer was taken", {{"id", forged}, {"own call", *id}});
            ++common->forged;
        }
        CHECK(native::call(abi::CallCancel{port.get(), *id}));
        usleep(500);
    }
}

void run() {
    common = &make_common<Common>();
    const abi::AccountInfo before = account_before();
    std::vector<Handle> ports, senders;
    for (unsigned i = 0; i < kServers; ++i) {
        ports.push_back(native::call(abi::PortCreate{})->port);
        senders.push_back(native::call(abi::PortBadge{ports[i], i, 64})->sender);
    }
    std::vector<pid_t> children;
    for (unsigned i = 0; i < kServers; ++i)
        children.push_back(in_child([&] { StormServer(i, ports[i], senders[(i + 1) % kServers]).run(); }));
    for (unsigned i = 0; i < kClients; ++i) children.push_back(in_child([&] { run_client(i, senders); }));
    children.push_back(in_child([&] { forge_answers(senders[0]); }));
    {
        const Watchdog watchdog(common->calls);
        std::this_thread::sleep_for(storm_length());
        common->done = true;
        for (unsigned i = kServers; i < children.size(); ++i) CHECK(exit_status_of(children[i]) == 0);
    }
    for (const Handle server : senders)
        for (unsigned i = 0; i < kServerThreads; ++i) demand_answer(*native::call(server, {.header = Header::make(Quit), .word = {i}}), i);
    for (unsigned i = 0; i < kServers; ++i) CHECK(exit_status_of(children[i]) == 0);
    for (const Handle handle : senders) native::close(handle);
    for (const Handle handle : ports) native::close(handle);
    demand(common->timed_out > 0 && common->interrupted > 0 && common->cancelled > 0 && common->refused > 0, "not every end was seen",
           {{"timed out", common->timed_out},
            {"interrupted", common->interrupted},
            {"cancelled", common->cancelled},
            {"refused", common->refused}});
    held(std::to_string(common->calls) + " calls ended once each: " + std::to_string(common->answered) + " by their own answer, " +
         std::to_string(common->timed_out) + " by deadline, " + std::to_string(common->interrupted) + " by alert, " +
         std::to_string(common->cancelled) + " cancelled; " + std::to_string(common->refused) + " late and " +
         std::to_string(common->forged) + " forged answers were refused");
    demand_all_back(before);
    ok("nothing is left in the kernel");
}

}  // namespace
}  // namespace portico::native_test

int main(int count, char** arguments) {
    portico::native_test::read_storm_arguments(count, arguments);
    portico::native_test::run();
}
