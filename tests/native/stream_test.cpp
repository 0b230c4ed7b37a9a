#include "runtime/stream.h"

#include <optional>

#include "runtime/launch.h"
#include "tests/native/check.h"

/// A server at the other end of streams in both directions.
/// cpus: 1 2 4
namespace portico::native_test {
namespace {

using abi::Handle;
using protocols::Method;

struct Take {
    static constexpr Method method{1, "Take", "Reads so many records from the stream and tells what they had; waits meanwhile."};
    struct Reply {
        uint64_t records;
        uint64_t bytes;
        uint64_t wrong;
        Error error;
    };
    uint64_t records;
};
struct Give {
    static constexpr Method method{2, "Give", "Answers, then writes so many records."};
    using Reply = protocols::Empty;
    uint64_t records;
    uint64_t length_max;
};
using StreamTest = protocols::MethodList<Take, Give>;

constexpr uint64_t kLengthMax = 5000;

uint64_t length_of(uint64_t number, uint64_t length_max) {
    return number * 7919 % (length_max + 1);
}

void fill(std::span<std::byte> record, uint64_t number) {
    for (size_t i = 0; i < record.size(); ++i) record[i] = static_cast<std::byte>(number + i);
}

bool is_right(std::span<const std::byte> record, uint64_t number, uint64_t length_max) {
    if (record.size() != length_of(number, length_max)) return false;
    for (size_t i = 0; i < record.size(); ++i)
        if (record[i] != static_cast<std::byte>(number + i)) return false;
    return true;
}

class Server {
public:
    Result<protocols::stream::Connect::Reply> on(const ipc::Call&, const protocols::stream::Connect& request) {
        if (request.direction == protocols::stream::Direction::ToServer) {
            auto [stream, reply] = TRY(ipc::InStream::answer(request));
            in_ = std::move(stream);
            return reply;
        }
        auto [stream, reply] = TRY(ipc::OutStream::answer(request));
        out_ = std::move(stream);
        return reply;
    }
    Result<Take::Reply> on(const ipc::Call&, const Take& request) {
        if (!in_) return fail(Error::NotFound);
        Take::Reply result{};
        std::byte record[kLengthMax];
        for (; result.records < request.records; ++result.records) {
            const auto length = in_->end().read_record(record, abi::kForever);
            if (!length) {
                result.error = length.error();
                break;
            }
            result.bytes += *length;
            result.wrong += !is_right(std::span(record).first(*length), result.records, kLengthMax);
        }
        return result;
    }
    ipc::Task on(const ipc::Call& call, const Give& request) {
        call.finish<Give>(protocols::Empty{});
        std::byte record[kLengthMax];
        for (uint64_t i = 0; i < request.records; ++i) {
            const std::span<std::byte> bytes = std::span(record).first(length_of(i, request.length_max));
            fill(bytes, i);
            if (!out_->end().write_record(bytes, abi::kForever)) break;
        }
        return {};
    }

private:
    std::unique_ptr<ipc::InStream> in_;
    std::unique_ptr<ipc::OutStream> out_;
};

OwnedHandle start_server(pid_t* process = nullptr) {
    ipc::Channel channel = *ipc::Channel::create();
    const pid_t child = in_child([&] {
        channel.sender.reset();
        Server server;
        ipc::serve_until_unused(server, channel.port.get(), StreamTest{}, protocols::stream::Protocol{});
    });
    if (process != nullptr) *process = child;
    return std::move(channel.sender);
}

void write_records(ipc::OutStream& stream, uint64_t count) {
    std::byte record[kLengthMax];
    for (uint64_t i = 0; i < count; ++i) {
        const std::span<std::byte> bytes = std::span(record).first(length_of(i, kLengthMax));
        fill(bytes, i);
        CHECK(stream.end().write_record(bytes, abi::kForever));
    }
}

void records_go_to_the_server(Handle server, unsigned spins) {
    constexpr uint64_t kRecords = 2000;
    const auto stream = ipc::OutStream::connect(server, 16 << 10);
    CHECK(stream);
    (*stream)->end().side().set_spins(spins);
    const pid_t reading = in_child([&] {
        const auto took = ipc::call(server, Take{kRecords});
        CHECK(took && took->records == kRecords && took->wrong == 0);
    });
    write_records(**stream, kRecords);
    CHECK(exit_status_of(reading) == 0);
}

void records_come_from_the_server(Handle server) {
    const auto stream = ipc::InStream::connect(server, 16 << 10);
    CHECK(stream);
    CHECK(ipc::call(server, Give{3000, 900}));
    std::byte record[kLengthMax];
    for (uint64_t i = 0; i < 3000; ++i) {
        const auto length = (*stream)->end().read_record(record, abi::kForever);
        CHECK(length && is_right(std::span(record).first(*length), i, 900));
    }
    ok("and from it");
    const uint64_t before_ns = native::call(abi::ClockRead{})->now_ns;
    const auto nothing = (*stream)->end().read_record(record, before_ns + 30'000'000);
    CHECK(!nothing && nothing.error() == Error::TimedOut);
    CHECK(native::call(abi::ClockRead{})->now_ns >= before_ns + 30'000'000);
    ok("a reader whom nobody writes to waits to its deadline");
}

void a_full_stream_waits_to_the_deadline(Handle server) {
    const auto stream = ipc::OutStream::connect(server, 4096);
    CHECK(stream);
    const std::byte record[1000]{};
    Result<> written;
    int count = 0;
    for (; written && count < 100; ++count)
        written = (*stream)->end().write_record(record, native::call(abi::ClockRead{})->now_ns + 10'000'000);
    CHECK(!written && written.error() == Error::TimedOut && count == 5);
    ok("a writer whom nobody reads fills the ring and waits to its deadline");
}

void the_living_are_told() {
    pid_t process = 0;
    const OwnedHandle server = start_server(&process);
    const auto out = ipc::OutStream::connect(server.get(), 4096);
    const auto in = ipc::InStream::connect(server.get(), 4096);
    CHECK(out && in);
    CHECK(ipc::call(server.get(), Give{3, 100}));
    const pid_t killer = in_child([&] {
        sleep_ms(50);
        kill(process, SIGKILL);
    });
    const std::byte record[1000]{};
    Result<> written;
    while (written) written = (*out)->end().write_record(record, abi::kForever);
    CHECK(written.error() == Error::PeerClosed);
    ok("a writer that sleeps learns that the reader was killed");
    std::byte into[kLengthMax];
    for (uint64_t i = 0; i < 3; ++i) CHECK((*in)->end().read_record(into, abi::kForever));
    CHECK((*in)->end().read_record(into, abi::kForever).error() == Error::PeerClosed);
    ok("a reader gets what the writer wrote before it was killed, then learns it too");
    CHECK(exit_status_of(killer) == 0);
    CHECK(exit_status_of(process) == 128 + SIGKILL);
}

void nonsense_is_refused(Handle server) {
    using protocols::stream::Connect, protocols::stream::Direction;
    const ipc::Channel bell = *ipc::Channel::create();
    const auto ask = [&](uint64_t capacity, Handle memory) {
        return ipc::call(
                   server,
                   Connect{.direction = Direction::ToServer, .capacity_bytes = capacity, .memory = memory, .doorbell = bell.sender.get()})
            .error();
    };
    const OwnedHandle shrinks(native::call(abi::MemoryCreate{64 << 10})->memory);
    const OwnedHandle small(native::call(abi::MemoryCreate{8192, static_cast<uint64_t>(abi::MemoryFlags::GrowOnly)})->memory);
    CHECK(ask(4096, shrinks.get()) == Error::BadProtocol);
    CHECK(ask(8192, small.get()) == Error::BadProtocol);
    CHECK(ask(5000, small.get()) == Error::InvalidArgument);
    CHECK(ask(0, small.get()) == Error::InvalidArgument);
    CHECK(ask(uint64_t{1} << 63, small.get()) == Error::InvalidArgument);
    CHECK(ask(4096, bell.sender.get()) != Error::None);
    ok("memory that is too small or can shrink, and sizes that are none, are refused");
}

void run() {
    const OwnedHandle server = start_server();
    records_go_to_the_server(server.get(), 0);
    ok("records of all lengths go to the server");
    records_go_to_the_server(server.get(), 200);
    ok("also when the writer spins before it sleeps");
    records_come_from_the_server(server.get());
    a_full_stream_waits_to_the_deadline(server.get());
    the_living_are_told();
    nonsense_is_refused(server.get());
}

}  // namespace
}  // namespace portico::native_test

int main() {
    portico::native_test::run();
}
