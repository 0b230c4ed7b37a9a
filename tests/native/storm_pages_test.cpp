#include <sys/wait.h>

#include <cstring>
#include <vector>

#include "runtime/launch.h"
#include "tests/native/storm.h"

/// Pages go back and forth between two processes, one or many at a time, moved or copied, while other threads of whoever sends them go
/// on writing to where they were, through translations that their CPU has already seen and marked as written. A page that has arrived
/// must not change any more; one that was replaced or freed must not be written to by those who had it (docs/ipc.md, pages; threat A13).
/// cpus: 2 4
namespace portico::native_test {
namespace {

using abi::Handle;
using abi::MessageRegisters;

constexpr std::chrono::milliseconds kTurn{400};  ///< see Role
constexpr uint64_t kRoundsMin = 10;
constexpr uint64_t kPages = 96;
constexpr uint64_t kPage = abi::kPageBytes;
constexpr uint64_t kPatternWords = 256;  ///< of a page: who sends it writes these, the writers the rest
constexpr uint64_t kSomeWords = 4;       ///< of a fresh page every fourth is looked at; the writers' are multiples of it
constexpr uint64_t kPageWords = kPage / sizeof(uint64_t);

struct Common {
    std::atomic<uint32_t> turn = 0;  ///< see Role
    uint32_t cpu_count = 0;
    std::atomic<uint64_t> played[5];  ///< rounds of each role
    std::atomic<uint64_t> rounds = 0;
    std::atomic<uint64_t> pages_checked = 0;
    std::atomic<uint64_t> fresh_pages_checked = 0;
    std::atomic<bool> done = false;
};
Common* common;

/// Threads that would always run. As many of them as leave one CPU to the caller and its server do, in turn. The others wait without a
/// clock: a CPU that switches to another process forgets all translations, and with them the stale ones that this test is about.
enum class Role : uint32_t { ClientWriter, ServerWriter, FreshPages, SecondClientWriter, SecondServerWriter, Count };
constexpr auto kRoles = static_cast<uint32_t>(Role::Count);

bool is_on(Role role, uint32_t turn) {
    return (static_cast<uint32_t>(role) + kRoles - turn % kRoles) % kRoles + 1 < common->cpu_count;
}

void next_turn() {
    ++common->turn;
    CHECK(native::call(abi::FutexWake{reinterpret_cast<uint64_t>(&common->turn), kRoles, 1, ~uint32_t{0}}));
}

/// Makes `round` over and over until the end.
template <class Round>
void play(Role role, Round round) {
    for (;;) {
        const uint32_t turn = common->turn;  // before `done`: whoever waits below must not miss the last turn
        if (common->done) return;
        round();
        common->played[static_cast<uint32_t>(role)].fetch_add(1, std::memory_order_release);
        if (!is_on(role, turn))
            (void)native::call(abi::FutexWait{reinterpret_cast<uint64_t>(&common->turn), turn, abi::kForever, 1, ~uint32_t{0}});
    }
}

/// Lets a role that is on make two rounds more, if it does so soon.
void let_play(Role role) {
    if (!is_on(role, common->turn)) return;
    const std::atomic<uint64_t>& played = common->played[static_cast<uint32_t>(role)];
    const uint64_t before = played;
    const Clock::time_point end = Clock::now() + std::chrono::milliseconds(20);
    while (played.load(std::memory_order_acquire) < before + 2 && Clock::now() < end) spin(50);
}

struct Page {
    volatile uint64_t word[kPageWords];
};

/// Pages that one side sends from, which its writers write to, and pages where what the other sends lands, which nobody writes to.
struct Side {
    Page* sent = reinterpret_cast<Page*>(make_pages(kPages));
    Page* landed = reinterpret_cast<Page*>(make_pages(kPages));
    Page* seen = reinterpret_cast<Page*>(make_pages(kPages));  ///< copies to compare with
};

struct Range {
    uint64_t first, count;
    uint32_t bytes() const { return static_cast<uint32_t>(count * kPage); }

    static Range choose(Random& random, uint64_t count_max = kPages) {
        const uint64_t count = random.one_in(2) ? 1 : random.between(1, random.one_in(8) ? count_max : std::min<uint64_t>(count_max, 8));
        return {random.below(kPages - count + 1), count};
    }
};

uint64_t pattern(uint64_t stamp, uint64_t page, uint64_t word) {
    return mixed(stamp * 1'000'003 + page * kPageWords + word);
}

void fill(Page* pages, uint64_t count, uint64_t stamp) {
    for (uint64_t page = 0; page < count; ++page)
        for (uint64_t word = 0; word < kPatternWords; ++word) pages[page].word[word] = pattern(stamp, page, word);
}

/// Writes to every page in turn, so that all translations stay warm.
std::thread start_writer(Role role, Page* pages) {
    return std::thread([=] {
        const uint64_t word = kPatternWords + kSomeWords * static_cast<uint64_t>(role);
        play(role, [&, value = uint64_t{0}] mutable {
            ++value;
            for (uint64_t page = 0; page < kPages; ++page) pages[page].word[word] = value;
        });
    });
}

/// What arrived is what was sent, and stays as it arrived.
void check_delivered(Side& side, uint64_t first, uint64_t count, uint64_t stamp, Role sender_writes, Random& random) {
    Page* const pages = side.landed + first;
    for (uint64_t page = 0; page < count; ++page) {
        for (uint64_t word = 0; word < kPatternWords; ++word) {
            const uint64_t got = pages[page].word[word];
            demand(got == pattern(stamp, page, word), "a page arrived with other bytes than were sent",
                   {{"stamp", stamp}, {"page", page}, {"of", count}, {"word", word}, {"got", got}});
        }
        for (uint64_t word = 0; word < kPageWords; ++word) side.seen[page].word[word] = pages[page].word[word];
    }
    random.one_in(2) ? let_play(sender_writes) : spin(random.below(4'000));
    for (uint64_t page = 0; page < count; ++page)
        for (uint64_t word = 0; word < kPageWords; ++word)
            demand(pages[page].word[word] == side.seen[page].word[word],
                   "a page changed after it was delivered: its sender could still write",
                   {{"stamp", stamp},
                    {"page", page},
                    {"of", count},
                    {"word", word},
                    {"was", side.seen[page].word[word]},
                    {"is", pages[page].word[word]}});
    common->pages_checked += count;
}

/// Whoever sent pages has zeros in their place if they moved, and what it wrote if they were copied.
void check_left_behind(const Page* pages, uint64_t count, uint64_t stamp, bool copied) {
    for (uint64_t page = 0; page < count; ++page)
        for (uint64_t word = 0; word < kPatternWords; word += 51) {
            const uint64_t expected = copied ? pattern(stamp, page, word) : 0;
            demand(pages[page].word[word] == expected,
                   copied ? "a copied page changed at its sender" : "a page that moved is still at its sender",
                   {{"stamp", stamp}, {"page", page}, {"of", count}, {"word", word}, {"got", pages[page].word[word]}});
        }
}

uint64_t address_of(const volatile void* memory) {
    return reinterpret_cast<uint64_t>(memory);
}

/// The other process: checks what comes and answers with pages of its own. Words of a call: stamp; of a reply: stamp, pages, copied.
void serve(Handle port) {
    Side side;
    Random random(2);
    std::thread writers[] = {start_writer(Role::ServerWriter, side.sent), start_writer(Role::SecondServerWriter, side.sent)};
    for (uint64_t stamp = 1;; ++stamp) {
        MessageRegisters call{.handle_or_id = port.value};
        native::set_landing(call, address_of(side.landed), kPages * kPage);
        const Error received = native::message_call<abi::PortReceive>(call);
        demand(received == Error::None, "receive failed", {{"error", static_cast<uint64_t>(received)}});
        if (call.header.kind() == abi::MessageKind::Notification) break;
        const uint64_t count = (call.rbx & 0xFFFF'FFFF) / kPage;
        demand(count == call.word[1], "another number of pages arrived than was sent", {{"sent", call.word[1]}, {"arrived", count}});
        check_delivered(side, 0, count, call.word[0], Role::ClientWriter, random);

        const uint64_t landing_pages = (call.rbx >> 32) / kPage;
        const Range range = Range::choose(random, landing_pages);
        const bool copy = random.one_in(4);
        fill(side.sent + range.first, range.count, stamp);
        MessageRegisters reply{.handle_or_id = call.handle_or_id, .word = {stamp, range.count}};
        native::set_pages(reply, {.readable_address = address_of(side.sent + range.first), .readable_bytes = range.bytes()}, copy);
        const Error replied = native::message_call<abi::PortReply>(reply);
        demand(replied == Error::None, "reply failed", {{"error", static_cast<uint64_t>(replied)}, {"pages", range.count}});
        check_left_behind(side.sent + range.first, range.count, stamp, copy);
    }
    demand(common->done, "the client went away too early");
    for (std::thread& writer : writers) writer.join();
}

/// One call with pages and its reply. What comes back lands where nobody writes and is checked, or on pages that are being written to,
/// which are freed by that: whoever gets those frames next would see late writes.
void call_once(Handle to, Side& side, uint64_t stamp, Random& random) {
    const Range range = Range::choose(random);
    const bool copy = random.one_in(4), on_written = random.one_in(3);
    const Range landing = Range::choose(random);
    Page* const land = (on_written ? side.sent : side.landed) + landing.first;
    fill(side.sent + range.first, range.count, stamp);
    MessageRegisters registers{.handle_or_id = to.value, .word = {stamp, range.count}};
    native::set_pages(registers,
                      {.readable_address = address_of(side.sent + range.first),
                       .writable_address = address_of(land),
                       .readable_bytes = range.bytes(),
                       .writable_bytes = landing.bytes()},
                      copy);
    const Error error = native::message_call<abi::PortCall>(registers);
    demand(error == Error::None, "call failed", {{"error", static_cast<uint64_t>(error)}, {"pages", range.count}});
    const uint64_t count = native::page_bytes(registers) / kPage;
    demand(count == registers.word[1], "another number of pages came back than was sent",
           {{"sent", registers.word[1]}, {"arrived", count}});
    if (on_written) return;
    check_left_behind(side.sent + range.first, range.count, stamp, copy);
    check_delivered(side, landing.first, count, registers.word[0], Role::ServerWriter, random);
}

/// A fork's copies must not see what the parent's threads write after it.
void check_fork(const Page* pages, Random& random) {
    const uint64_t rounds = random.below(20'000);
    const pid_t child = in_child([&] {
        std::vector<uint64_t> seen(kPages);
        for (uint64_t page = 0; page < kPages; ++page) seen[page] = pages[page].word[kPatternWords];
        spin(rounds);
        for (uint64_t page = 0; page < kPages; ++page)
            demand(pages[page].word[kPatternWords] == seen[page], "a forked page changed: the parent could still write",
                   {{"page", page}, {"was", seen[page]}, {"is", pages[page].word[kPatternWords]}});
    });
    CHECK(exit_status_of(child) == 0);
}

/// A third process, which gets frames that others gave up: they are zero and stay as it leaves them.
void use_fresh_pages(Random& random) {
    constexpr uint64_t kCount = 48;
    void* const memory = mmap(nullptr, kCount * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    auto* const words = static_cast<volatile uint64_t*>(memory);
    const uint64_t stamp = random.next();
    for (uint64_t i = 0; i < kCount * kPageWords; i += kSomeWords) {
        const uint64_t got = words[i];
        demand(got == 0, "a fresh page is not zero", {{"word", i}, {"got", got}});
        words[i] = stamp + i;
    }
    spin(random.below(10'000));
    for (uint64_t i = 0; i < kCount * kPageWords; i += kSomeWords)
        demand(words[i] == stamp + i, "a page of ours was written to by another", {{"word", i}, {"wrote", stamp + i}, {"is", words[i]}});
    CHECK(munmap(memory, kCount * kPage) == 0);
    common->fresh_pages_checked += kCount;
}

void run() {
    common = &make_common<Common>();
    common->cpu_count = system_now().cpu_count;
    const Handle port = native::call(abi::PortCreate{})->port;
    OwnedHandle sender(native::call(abi::PortBadge{port, 1, 16, abi::kMessagePagesMax})->sender);
    const pid_t server = in_child([&] {
        sender.reset();
        serve(port);
    });
    native::close(port);
    const pid_t fresh = in_child([&] {
        sender.reset();
        play(Role::FreshPages, [random = Random(3)] mutable { use_fresh_pages(random); });
    });

    Side side;
    Random random(1);
    std::thread writers[] = {start_writer(Role::ClientWriter, side.sent), start_writer(Role::SecondClientWriter, side.sent)};
    {
        const Watchdog watchdog(common->rounds);
        const Clock::time_point begin = Clock::now();
        while (Clock::now() - begin < storm_length() || (common->rounds < kRoundsMin && Clock::now() - begin < 6 * storm_length())) {
            const uint64_t round = ++common->rounds;
            if (Clock::now() - begin > common->turn.load() * kTurn) next_turn();
            call_once(sender.get(), side, round, random);
            if (round % 256 == 0) check_fork(side.sent, random);
        }
    }
    common->done = true;
    next_turn();
    for (std::thread& writer : writers) writer.join();
    sender.reset();
    CHECK(exit_status_of(server) == 0);
    CHECK(exit_status_of(fresh) == 0);
    demand(common->rounds >= kRoundsMin, "hardly anything was done", {{"rounds", common->rounds}});
    demand(common->fresh_pages_checked > 0, "no fresh page was looked at");
    held(std::to_string(common->rounds) + " calls with pages there and back: of " + std::to_string(common->pages_checked) +
         " that arrived none changed afterwards, nor did any of " + std::to_string(common->fresh_pages_checked) + " fresh ones");
}

}  // namespace
}  // namespace portico::native_test

int main(int count, char** arguments) {
    portico::native_test::read_storm_arguments(count, arguments);
    portico::native_test::run();
}
