#include <sys/mman.h>

#include <memory>
#include <random>
#include <unordered_map>
#include <vector>

#include "protocols/pager.h"
#include "runtime/launch.h"
#include "runtime/pager.h"
#include "tests/native/check.h"

/// A pager whose object is larger than the memory it gives it: what clients wrote goes out and comes in again, every word of it.
/// cpus: 2 4
namespace portico::native_test {
namespace {

using abi::Handle;
using protocols::Method;
namespace protocol = protocols::pager;

constexpr uint64_t kPage = abi::kPageBytes, kWords = kPage / 8;
constexpr uint64_t kPages = (64 << 20) / kPage;
constexpr uint64_t kResidentMax = (6 << 20) / kPage;  ///< pages that the object may have
constexpr uint64_t kCluster = 32;                     ///< pages that come in, and go out, together
constexpr uint64_t kBadPage = kPages;                 ///< one behind the others that cannot be read
constexpr uint64_t kClients = 2;

/// What a word holds that nobody has written.
constexpr uint64_t original(uint64_t offset) {
    return offset * 0x9E37'79B9'7F4A'7C15 ^ offset >> 7;
}

struct Stop {
    static constexpr Method method{1, "Stop", "No page is supplied any more."};
    using Reply = protocols::Empty;
};
struct Statistics {
    static constexpr Method method{2, "Statistics", "What the pager did so far."};
    struct Reply {
        uint64_t asked;
        uint64_t supplied;
        uint64_t evicted_clusters;
        uint64_t dirty;
    };
};
using PagerTest = protocols::MethodList<Stop, Statistics>;

std::span<std::byte> map_pages(uint64_t pages) {
    void* const address = mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(address != MAP_FAILED);
    return {static_cast<std::byte*>(address), pages * kPage};
}

/// The backing store are the pages that were ever written; the others are computed.
class Server {
public:
    explicit Server(Handle port) : sender_(*ipc::make_sender(port, 5)) {
        memory_ = *ipc::PagedMemory::create(sender_.get(), (kPages + 1) * kPage, 500'000'000);
    }
    Result<protocol::Open::Reply> on(const ipc::Call&, const protocol::Open&) {
        using enum abi::Rights;
        return protocol::Open::Reply{.size_bytes = (kPages + 1) * kPage,
                                     .memory = TRY(memory_.share(Read | Write | Map | Transfer | Duplicate)).release()};
    }
    Result<protocol::Sync::Reply> on(const ipc::Call&, const protocol::Sync& request) {
        return protocol::Sync::Reply{TRY(memory_.clean(request.offset_bytes, request.length_bytes, returned_, Keep{*this}))};
    }
    Result<protocols::Empty> on(const ipc::Call&, const Stop&) {
        stopped_ = true;
        return protocols::Empty{};
    }
    Result<Statistics::Reply> on(const ipc::Call&, const Statistics&) { return statistics_; }

    void on_page_in(uint64_t badge, const abi::PageInWords& missing) {
        ++statistics_.asked;
        if (badge != 5 || stopped_) return;
        const uint64_t page = missing.offset_bytes / kPage;
        if (page == kBadPage) return (void)memory_.refuse(missing.offset_bytes, kPage);
        const uint64_t first = page / kCluster * kCluster;
        for (uint64_t i = 0; i < kCluster; ++i) fill(first + i, stock_.subspan(i * kPage, kPage));
        CHECK(memory_.supply(first * kPage, stock_));
        statistics_.supplied += kCluster;
        if (!is_resident_[first / kCluster]) clusters_.push_back(first);
        is_resident_[first / kCluster] = true;
        while (clusters_.size() > kResidentMax / kCluster) evict_one();
    }

    void on_page_out(uint64_t, const abi::PageOutWords& wanted) {
        CHECK(memory_.evict(wanted.offset_bytes, wanted.length_bytes, returned_, Keep{*this}));
    }

private:
    using Stored = std::array<std::byte, kPage>;

    void fill(uint64_t page, std::span<std::byte> into) {
        const auto stored = stored_.find(page);
        if (stored != stored_.end()) {
            memcpy(into.data(), stored->second->data(), kPage);
            return;
        }
        auto* const word = reinterpret_cast<uint64_t*>(into.data());
        for (uint64_t i = 0; i < kWords; ++i) word[i] = original(page * kPage + i * 8);
    }
    /// For PagedMemory, which hands it dirty pages.
    struct Keep {
        Server& server;
        void operator()(uint64_t offset, std::span<const std::byte> page) const {
            std::unique_ptr<Stored>& stored = server.stored_[offset / kPage];
            if (!stored) stored = std::make_unique<Stored>();
            memcpy(stored->data(), page.data(), kPage);
            ++server.statistics_.dirty;
        }
    };
    void evict_one() {
        std::swap(clusters_[random_() % clusters_.size()], clusters_.back());
        const uint64_t first = clusters_.back();
        clusters_.pop_back();
        is_resident_[first / kCluster] = false;
        CHECK(memory_.evict(first * kPage, kCluster * kPage, returned_, Keep{*this}));
        ++statistics_.evicted_clusters;
    }

    OwnedHandle sender_;
    ipc::PagedMemory memory_;
    std::span<std::byte> stock_ = map_pages(kCluster), returned_ = map_pages(kCluster);
    std::unordered_map<uint64_t, std::unique_ptr<Stored>> stored_;
    std::vector<uint64_t> clusters_;
    std::vector<bool> is_resident_ = std::vector<bool>(kPages / kCluster);
    std::minstd_rand random_;
    Statistics::Reply statistics_{};
    bool stopped_ = false;
};

OwnedHandle start_pager(pid_t& process) {
    ipc::Channel channel = *ipc::Channel::create();
    process = in_child([&] {
        channel.sender.reset();
        Server server(channel.port.get());
        ipc::serve_until_unused(server, channel.port.get(), PagerTest{}, protocol::Protocol{});
    });
    return std::move(channel.sender);
}

volatile uint64_t* map_object(Handle server) {
    const auto opened = ipc::call(server, protocol::Open{});
    CHECK(opened && opened->size_bytes == (kPages + 1) * kPage);
    constexpr auto kFlags = abi::MapFlags::Shared | abi::Access::ReadWrite;
    const auto mapped =
        native::call(abi::SpaceMap{abi::kSelfSpace, opened->memory, 0, 0, opened->size_bytes, static_cast<uint64_t>(kFlags)});
    CHECK(mapped);
    native::close(opened->memory);
    return reinterpret_cast<volatile uint64_t*>(mapped->address);
}

/// Every client has words of its own in each page: what it finds there is what it wrote.
class Client {
public:
    Client(Handle server, uint64_t number) : words_(map_object(server)), number_(number), random_(number + 1) {}

    void read_and_write(uint64_t rounds) {
        for (uint64_t i = 0; i < rounds; ++i) {
            const uint64_t page = random_() % kPages;
            check(page);
            if (random_() % 3 == 0) write(page);
        }
    }
    void check_all() {
        for (uint64_t page = 0; page < kPages; ++page) check(page);
    }

private:
    void check(uint64_t page) {
        for (uint64_t i = number_; i < kWords; i += kClients)
            if (words_[page * kWords + i] != original(page * kPage + i * 8) + written_[page]) {
                dprintf(1, "client %lu: word %lu of page %lu is %lx\n", number_, i, page, words_[page * kWords + i]);
                _exit(1);
            }
    }
    void write(uint64_t page) {
        ++written_[page];
        for (uint64_t i = number_; i < kWords; i += kClients) words_[page * kWords + i] = original(page * kPage + i * 8) + written_[page];
    }

    volatile uint64_t* words_;
    uint64_t number_;
    std::minstd_rand random_;
    std::vector<uint32_t> written_ = std::vector<uint32_t>(kPages);
};

void every_word_survives(Handle server) {
    std::vector<pid_t> clients;
    for (uint64_t number = 0; number < kClients; ++number)
        clients.push_back(in_child([&] {
            Client client(server, number);
            client.read_and_write(200);
            client.check_all();
        }));
    for (const pid_t client : clients) CHECK(exit_status_of(client) == 0);
    ok("two processes read and write 64 MiB of which 6 are in memory, and find every word as it should be");
    const auto did = ipc::call(server, Statistics{});
    CHECK(did && did->supplied > kPages && did->dirty > 50 && did->evicted_clusters > kPages / kCluster - kResidentMax / kCluster);
    ok("pages came and went");
}

void what_is_synced_stays(Handle server) {
    volatile uint64_t* const words = map_object(server);
    words[0] = 1;
    words[1] = 2;
    CHECK(ipc::call(server, protocol::Sync{0, kCluster * kPage})->pages == 1);
    words[1] = 3;
    CHECK(words[0] == 1);
    CHECK(ipc::call(server, protocol::Sync{0, kCluster * kPage})->pages == 1);
    CHECK(ipc::call(server, protocol::Sync{0, kCluster * kPage})->pages == 0);
    CHECK(words[1] == 3);
    ok("a page that is written back stays, and is dirty again when written");
}

void the_kernel_waits_for_pages_too(Handle server) {
    volatile uint64_t* const words = map_object(server);
    int ends[2];
    CHECK(pipe(ends) == 0);
    constexpr uint64_t kStep = 997;
    for (uint64_t page = 1; page < kPages; page += kStep) {
        uint64_t got = 0;
        CHECK(write(ends[1], const_cast<uint64_t*>(words + page * kWords), 8) == 8);
        CHECK(read(ends[0], &got, 8) == 8);
        CHECK(got == words[page * kWords]);
    }
    ok("absent pages are written to a pipe");
}

void lost_pages_are_bus_errors(Handle server) {
    const pid_t unreadable = in_child([&] { (void)map_object(server)[kBadPage * kWords]; });
    CHECK(exit_status_of(unreadable) == 128 + SIGBUS);
    ok("a page that cannot be read is SIGBUS");
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK(write(ends[1], const_cast<uint64_t*>(map_object(server) + kBadPage * kWords), 8) == -1);
    ok("and an error of a call that reads it");
}

void a_dead_pager_is_a_bus_error(Handle server, pid_t pager) {
    volatile uint64_t* const words = map_object(server);
    CHECK(ipc::call(server, Stop{}));
    const pid_t late = in_child([&] {
        for (uint64_t page = 0; page < kPages; page += kCluster) (void)words[page * kWords];
    });
    CHECK(exit_status_of(late) == 128 + SIGBUS);
    ok("a pager that no longer answers is SIGBUS after the deadline");
    const pid_t waiting = in_child([&] {
        for (uint64_t page = 0; page < kPages; page += kCluster) (void)words[page * kWords];
    });
    sleep_ms(100);
    CHECK(kill(pager, SIGKILL) == 0);
    CHECK(exit_status_of(waiting) == 128 + SIGBUS);
    CHECK(exit_status_of(pager) == 128 + SIGKILL);
    ok("and one that dies, at once");
}

void run() {
    pid_t pager = 0;
    const OwnedHandle server = start_pager(pager);
    every_word_survives(server.get());
    what_is_synced_stays(server.get());
    the_kernel_waits_for_pages_too(server.get());
    lost_pages_are_bus_errors(server.get());
    a_dead_pager_is_a_bus_error(server.get(), pager);
}

}  // namespace
}  // namespace portico::native_test

int main() {
    portico::native_test::run();
}
