#include "runtime/shared_heap.h"

#include <map>
#include <numeric>
#include <optional>

#include "runtime/launch.h"
#include "tests/native/check.h"

/// A server that takes blocks and hands blocks out, with clients that are honest, that die, and that lie.
/// cpus: 1 2 4
namespace portico::native_test {
namespace {

using abi::Handle;
using ipc::BlockName;
using protocols::Method;

struct Sum {
    static constexpr Method method{1, "Sum", "Adds up the bytes of a block."};
    struct Reply {
        uint64_t sum;
    };
    BlockName block;
};
struct Reverse {
    static constexpr Method method{2, "Reverse", "Answers with a block that has the bytes in the other order."};
    struct Reply {
        BlockName block;
    };
    BlockName block;
};
struct Keep {
    static constexpr Method method{3, "Keep", "Keeps the block until the next Keep."};
    using Reply = protocols::Empty;
    BlockName block;
};
struct SumKept {
    static constexpr Method method{4, "SumKept", "Adds up the bytes of the block that is kept."};
    using Reply = Sum::Reply;
};
struct Fork {
    static constexpr Method method{5, "Fork", "Answers with a handle under a new badge, for a client with a heap of its own."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t zero[4]{};
        Handle sender;
    };
};
using HeapTest = protocols::MethodList<Sum, Reverse, Keep, SumKept, Fork>;

uint64_t sum_of(std::span<const std::byte> bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), uint64_t{0},
                           [](uint64_t sum, std::byte byte) { return sum + static_cast<uint8_t>(byte); });
}

class Server {
public:
    explicit Server(Handle port) : port_(port) {}

    Result<protocols::heap::Connect::Reply> on(const ipc::Call& call, const protocols::heap::Connect& request) {
        auto [heap, reply] = TRY(ipc::SharedHeap::answer(request, kBytesMax));
        heaps_[call.badge()] = std::move(heap);
        return reply;
    }
    Result<Sum::Reply> on(const ipc::Call& call, const Sum& request) {
        ipc::SharedHeap* const heap = TRY(heap_of(call));
        const ipc::Untrusted block = TRY(heap->accept(request.block));
        return Sum::Reply{sum_of(block.take_copy().bytes())};
    }
    ipc::Task on(const ipc::Call& call, const Reverse& request) {
        const auto reversed = [&]() -> Result<ipc::Block> {
            ipc::SharedHeap* const heap = TRY(heap_of(call));
            const ipc::Untrusted from = TRY(heap->accept(request.block));
            ipc::Block to = TRY(heap->allocate(from.length_bytes()));
            TRY(from.copy_to(to.bytes()));
            std::ranges::reverse(to.bytes());
            return to;
        }();
        if (!reversed)
            (void)call.refuse(reversed.error());
        else if (call.reply<Reverse>({reversed->name()}))
            const_cast<ipc::Block&>(*reversed).handed_over();
        return {};
    }
    Result<protocols::Empty> on(const ipc::Call& call, const Keep& request) {
        kept_.reset();
        ipc::SharedHeap* const heap = TRY(heap_of(call));
        kept_.emplace(TRY(heap->accept(request.block)));
        return protocols::Empty{};
    }
    Result<Sum::Reply> on(const ipc::Call&, const SumKept&) {
        if (!kept_) return fail(Error::NotFound);
        return Sum::Reply{sum_of(kept_->take_copy().bytes())};
    }
    Result<Fork::Reply> on(const ipc::Call&, const Fork&) {
        OwnedHandle sender = TRY(ipc::make_sender(port_, ++badge_last_));
        return Fork::Reply{.sender = sender.release()};
    }
    /// A client that is gone: its heap goes, except while the server still reads in it.
    void on_notification(uint64_t badge, uint64_t) {
        if (!kept_) heaps_.erase(badge);
    }

    static constexpr uint64_t kBytesMax = 4 << 20;

private:
    Result<ipc::SharedHeap*> heap_of(const ipc::Call& call) {
        const auto found = heaps_.find(call.badge());
        if (found == heaps_.end()) return fail(Error::NotFound);
        return found->second.get();
    }

    Handle port_;
    uint64_t badge_last_ = 0;
    std::map<uint64_t, std::unique_ptr<ipc::SharedHeap>> heaps_;
    std::optional<ipc::Untrusted> kept_;
};

OwnedHandle start_server(pid_t* process = nullptr) {
    ipc::Channel channel = *ipc::Channel::create();
    const pid_t child = in_child([&] {
        channel.sender.reset();
        Server server(channel.port.get());
        ipc::serve_until_unused(server, channel.port.get(), HeapTest{}, protocols::heap::Protocol{});
    });
    if (process != nullptr) *process = child;
    return std::move(channel.sender);
}

uint64_t fill(std::span<std::byte> bytes, uint64_t seed) {
    for (std::byte& byte : bytes) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        byte = static_cast<std::byte>(seed >> 40);
    }
    return sum_of(bytes);
}

void blocks_go_and_come(Handle server) {
    const auto heap = ipc::SharedHeap::connect(server, Server::kBytesMax);
    CHECK(heap);
    for (uint64_t length = 1; length <= 1 << 20; length = length * 3 + 1) {
        auto block = (*heap)->allocate(length);
        CHECK(block);
        const uint64_t sum = fill(block->bytes(), length);
        const auto reply = ipc::call(server, Sum{block->name()});
        block->handed_over();
        CHECK(reply && reply->sum == sum);
    }
    ok("blocks of 1 byte to 1 MiB arrive, and the arena grows for them");
    for (int i = 0; i < 2000; ++i) {
        auto block = (*heap)->allocate(10'000);
        CHECK(block);
        fill(block->bytes(), static_cast<uint64_t>(i));
        const auto reply = ipc::call(server, Reverse{block->name()});
        CHECK(reply);
        const auto answer = (*heap)->accept(reply->block);
        CHECK(answer);
        const ipc::Copied copy = answer->take_copy();
        CHECK(std::equal(copy.bytes().rbegin(), copy.bytes().rend(), block->bytes().begin(), block->bytes().end()));
        block->handed_over();
    }
    ok("20 MB go to and fro through 4 MiB arenas: what is returned is used again");
}

void a_dead_client_leaves_its_block(Handle server) {
    const pid_t child = in_child([&] {
        const auto reply = ipc::call(server, Fork{});
        CHECK(reply);
        const auto heap = ipc::SharedHeap::connect(reply->sender, Server::kBytesMax);
        CHECK(heap);
        auto block = (*heap)->allocate(100'000);
        CHECK(block);
        std::ranges::fill(block->bytes(), std::byte{3});
        CHECK(ipc::call(reply->sender, Keep{block->name()}));
        block->handed_over();
        kill(getpid(), SIGKILL);
    });
    CHECK(exit_status_of(child) == 128 + SIGKILL);
    const auto reply = ipc::call(server, SumKept{});
    CHECK(reply && reply->sum == 300'000);
    ok("a block of a client that was killed can still be read");
}

void a_dead_server_is_an_error() {
    pid_t process = 0;
    const OwnedHandle server = start_server(&process);
    const auto heap = ipc::SharedHeap::connect(server.get(), Server::kBytesMax);
    CHECK(heap);
    auto block = (*heap)->allocate(100);
    CHECK(block);
    CHECK(ipc::call(server.get(), Reverse{block->name()}));
    const auto answer = ipc::call(server.get(), Reverse{block->name()});
    CHECK(answer);
    kill(process, SIGKILL);
    CHECK(exit_status_of(process) == 128 + SIGKILL);
    const auto refused = ipc::call(server.get(), Sum{block->name()});
    CHECK(!refused && refused.error() == Error::PeerClosed);
    CHECK((*heap)->accept(answer->block) && (*heap)->accept(answer->block)->take_copy().bytes().size() == 100);
    std::vector<ipc::Block> blocks;
    Result<ipc::Block> more = fail(Error::None);
    while ((more = (*heap)->allocate(100'000))) {
        std::ranges::fill(more->bytes(), std::byte{1});
        blocks.push_back(std::move(*more));
    }
    CHECK(more.error() == Error::NoSpace);
    ok("after the server's death the client has its memory and gets errors");
}

void lies_are_refused(Handle server) {
    const auto ask = [&](const ipc::SharedHeap&, BlockName name) {
        const auto reply = ipc::call(server, Sum{name});
        return reply ? Error::None : reply.error();
    };
    const auto heap = ipc::SharedHeap::connect(server, Server::kBytesMax);
    CHECK(heap);
    CHECK(ask(**heap, BlockName::make(0, 0, 1)) == Error::BadProtocol);
    CHECK(ask(**heap, BlockName::make(16, 0, 0)) == Error::BadProtocol);
    CHECK(ask(**heap, BlockName::make(16, 0, 8 << 20)) == Error::BadProtocol);
    CHECK(ask(**heap, BlockName::make(BlockName::kGranulesMax - 1, 0, BlockName::kLengthMax)) == Error::BadProtocol);
    CHECK(ask(**heap, BlockName{~uint64_t{0}}) == Error::BadProtocol);
    uint64_t seed = 1;
    for (int i = 0; i < 5'000; ++i) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        const Error error = ask(**heap, BlockName::make((seed >> 20) % 4096, 0, (seed >> 40) % 300'000));
        CHECK(error == Error::None || error == Error::BadProtocol);
    }
    ok("names that are no blocks are refused, and the server lives");

    const OwnedHandle shrinks(native::call(abi::MemoryCreate{64 << 10})->memory);
    CHECK(ipc::call(server, protocols::heap::Connect{.arena = shrinks.get()}).error() == Error::BadProtocol);
    const OwnedHandle too_small(native::call(abi::MemoryCreate{100, static_cast<uint64_t>(abi::MemoryFlags::GrowOnly)})->memory);
    CHECK(ipc::call(server, protocols::heap::Connect{.arena = too_small.get()}).error() == Error::BadProtocol);
    CHECK(!ipc::call(server, protocols::heap::Connect{.arena = server}));
    ok("so are arenas whose pages could be taken away, or that are none");
}

uint64_t free_bytes() {
    abi::SystemInfo info;
    CHECK(native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&info)}));
    return info.free_bytes;
}

void nothing_is_left(Handle server) {
    const auto round = [&] {
        const auto reply = ipc::call(server, Fork{});
        CHECK(reply);
        const OwnedHandle own(reply->sender);
        const auto heap = ipc::SharedHeap::connect(own.get(), Server::kBytesMax);
        CHECK(heap);
        auto block = (*heap)->allocate(1 << 20);
        CHECK(block);
        fill(block->bytes(), 1);
        CHECK(ipc::call(own.get(), Reverse{block->name()}));  // the answer is never taken, the block never given back
        block->handed_over();
    };
    CHECK(ipc::call(server, Keep{}).error() == Error::BadProtocol);  // nothing is kept any more
    for (int i = 0; i < 5; ++i) round();
    const uint64_t before = free_bytes();
    for (int i = 0; i < 50; ++i) round();
    // The server lets go when it hears that the last client is gone, which may be a moment later on another CPU.
    for (int i = 0; i < 500 && free_bytes() + (512 << 10) <= before; ++i) sleep_ms(10);
    CHECK(free_bytes() + (512 << 10) > before);
    ok("fifty connections with 2 MiB each leave nothing behind");
}

void run() {
    const OwnedHandle server = start_server();
    blocks_go_and_come(server.get());
    a_dead_client_leaves_its_block(server.get());
    a_dead_server_is_an_error();
    lies_are_refused(server.get());
    nothing_is_left(server.get());
}

}  // namespace
}  // namespace portico::native_test

int main() {
    portico::native_test::run();
}
