#include "runtime/stream_ring.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "runtime/test_memory.h"

namespace portico::ipc {
namespace {

constexpr uint64_t kForever = ~uint64_t{0};
constexpr uint64_t kHeader = kStreamHeaderBytes;

/// Two of these are a pair: each rings the other.
class TestDoorbell {
public:
    void connect(TestDoorbell& other) { other_ = &other; }

    Result<> ring() {
        ++rings;
        const std::lock_guard guard(other_->mutex_);
        if (other_->closed_) return fail(Error::PeerClosed);
        other_->rung_ = true;
        other_->changed_.notify_one();
        return {};
    }

    /// deadline 0: does not wait; else the lost wake-ups that this is about would only make a test slow, so long waits end it.
    Result<> wait(uint64_t deadline_ns) {
        ++waits;
        std::unique_lock guard(mutex_);
        if (deadline_ns == 0 && !rung_ && !peer_gone_) return fail(Error::TimedOut);
        const bool woken = changed_.wait_for(guard, std::chrono::seconds(20), [&] { return rung_ || peer_gone_; });
        if (!woken) ADD_FAILURE() << "nobody rang for 20 s: a wake-up was lost";
        if (!woken || (peer_gone_ && !rung_)) return fail(Error::PeerClosed);
        rung_ = false;
        return {};
    }

    /// This side is gone.
    void close() {
        {
            const std::lock_guard guard(mutex_);
            closed_ = true;
        }
        const std::lock_guard guard(other_->mutex_);
        other_->peer_gone_ = true;
        other_->changed_.notify_one();
    }

    std::atomic<unsigned> rings = 0, waits = 0;

private:
    TestDoorbell* other_ = nullptr;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool rung_ = false, peer_gone_ = false, closed_ = false;
};

struct Stream {
    uint64_t capacity;
    TestOwnMemory writers{kHeader + capacity, kHeader + capacity}, readers{kHeader, kHeader};
    TestPeerMemory writers_seen{writers}, readers_seen{readers};
    TestDoorbell at_writer, at_reader;
    StreamWriter<TestDoorbell> writer{writers, readers_seen, at_writer};
    StreamReader<TestDoorbell> reader{readers, writers_seen, at_reader, capacity};

    explicit Stream(uint64_t capacity_bytes) : capacity(capacity_bytes) {
        at_writer.connect(at_reader);
        at_reader.connect(at_writer);
    }
    StreamEnd& writer_end() { return *reinterpret_cast<StreamEnd*>(writers.base()); }
    StreamEnd& reader_end() { return *reinterpret_cast<StreamEnd*>(readers.base()); }
    std::byte* ring() { return writers.base() + kHeader; }
};

std::vector<std::byte> record_of(uint32_t number, size_t length) {
    std::vector<std::byte> record(length);
    for (size_t i = 0; i < length; ++i) record[i] = static_cast<std::byte>(number * 31 + i);
    return record;
}

TEST(StreamRing, RecordsComeAsTheyWent) {
    Stream stream(1024);
    std::byte into[1024];
    for (uint32_t i = 0; i < 5000; ++i) {
        const auto record = record_of(i, i % 1000);
        ASSERT_TRUE(stream.writer.write_record(record, 0)) << i;
        const auto length = stream.reader.read_record(into, 0);
        ASSERT_TRUE(length) << i;
        ASSERT_TRUE(std::ranges::equal(std::span(into, *length), record)) << i;
    }
    EXPECT_EQ(stream.at_writer.rings + stream.at_reader.rings, 0u) << "nobody slept, so nobody was to be woken";
}

TEST(StreamRing, FullAndEmptyAreErrorsAtTheDeadline) {
    Stream stream(256);
    std::byte into[256];
    EXPECT_EQ(stream.reader.read_record(into, 0).error(), Error::TimedOut);
    const auto record = record_of(1, 100);
    ASSERT_TRUE(stream.writer.write_record(record, 0));
    ASSERT_TRUE(stream.writer.write_record(record, 0));
    EXPECT_EQ(stream.writer.write_record(record, 0).error(), Error::TimedOut);
    EXPECT_EQ(stream.writer.write_record(record_of(1, 249), 0).error(), Error::TooLarge);
    EXPECT_EQ(stream.reader.read_record(std::span(into, 99), 0).error(), Error::TooLarge);
    EXPECT_EQ(*stream.reader.read_record(into, 0), 100u) << "it stayed";
    EXPECT_TRUE(stream.writer.write_record(record, 0));
}

TEST(StreamRing, BytesArriveInOrder) {
    Stream stream(512);
    std::mt19937 random(1);
    uint64_t written = 0, read = 0;
    std::byte buffer[700];
    while (read < 100'000) {
        for (auto& byte : buffer) byte = static_cast<std::byte>(written + static_cast<uint64_t>(&byte - buffer));
        if (const auto count = stream.writer.write_some(std::span(buffer, random() % 700), 0)) written += *count;
        const auto count = stream.reader.read_some(std::span(buffer, random() % 700), 0);
        if (!count) continue;
        for (size_t i = 0; i < *count; ++i) ASSERT_EQ(buffer[i], static_cast<std::byte>(read + i));
        read += *count;
    }
}

TEST(StreamRing, WhatADeadWriterWroteCanStillBeRead) {
    Stream stream(1024);
    std::byte into[64];
    for (uint32_t i = 0; i < 3; ++i) ASSERT_TRUE(stream.writer.write_record(record_of(i, 50), 0));
    stream.at_writer.close();
    for (uint32_t i = 0; i < 3; ++i) EXPECT_TRUE(stream.reader.read_record(into, kForever));
    EXPECT_EQ(stream.reader.read_record(into, kForever).error(), Error::PeerClosed);
    EXPECT_EQ(stream.reader.read_record(into, kForever).error(), Error::PeerClosed);
}

TEST(StreamRing, ADeadReaderIsTold) {
    Stream stream(1024);
    stream.at_reader.close();
    Result<> result;
    for (int i = 0; i < 100 && result; ++i) result = stream.writer.write_record(record_of(1, 100), kForever);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), Error::PeerClosed);
}

/// Sender and receiver in a thread each, with rings so small that both sleep all the time: a wake-up that is lost hangs.
struct Pace {
    const char* name;
    uint64_t capacity;
    unsigned spins;
    unsigned length_max;
};
class TwoThreads : public testing::TestWithParam<Pace> {};

TEST_P(TwoThreads, LoseNothing) {
    const Pace& pace = GetParam();
    Stream stream(pace.capacity);
    stream.writer.side().set_spins(pace.spins);
    stream.reader.side().set_spins(pace.spins);
    constexpr uint32_t kRecords = 100'000;
    std::thread reading([&] {
        std::vector<std::byte> into(pace.length_max);
        for (uint32_t i = 0; i < kRecords; ++i) {
            const auto length = stream.reader.read_record(into, kForever);
            ASSERT_TRUE(length);
            const auto expected = record_of(i, i % pace.length_max);
            ASSERT_TRUE(std::ranges::equal(std::span(into).first(*length), expected));
        }
    });
    for (uint32_t i = 0; i < kRecords; ++i) {
        const auto written = stream.writer.write_record(record_of(i, i % pace.length_max), kForever);
        if (!written) {
            ADD_FAILURE() << i << " " << abi::name_of(written.error());
            break;
        }
    }
    reading.join();
    RecordProperty("rings", static_cast<int>(stream.at_writer.rings + stream.at_reader.rings));
}

INSTANTIATE_TEST_SUITE_P(Paces, TwoThreads,
                         testing::Values(Pace{"Tiny", 32, 0, 17}, Pace{"TinySpinning", 32, 50, 17}, Pace{"Small", 128, 0, 60},
                                         Pace{"Large", 65536, 0, 300}),
                         [](const auto& info) { return info.param.name; });

// ---- a peer that lies

TEST(StreamRing, CountsThatCannotBeBreakTheStream) {
    for (const uint64_t lie : {uint64_t{1025}, ~uint64_t{0}, uint64_t{1} << 63}) {
        Stream stream(1024);
        std::byte into[64];
        stream.writer_end().moved = lie;
        EXPECT_EQ(stream.reader.read_record(into, 0).error(), Error::BadProtocol) << lie;
        stream.writer_end().moved = 0;
        EXPECT_EQ(stream.reader.read_record(into, 0).error(), Error::BadProtocol) << "for good";
    }
    Stream stream(1024);
    ASSERT_TRUE(stream.writer.write_record(record_of(1, 900), 0));
    stream.reader_end().moved = 2000;
    EXPECT_EQ(stream.writer.write_record(record_of(1, 900), 0).error(), Error::BadProtocol) << "read more than was written";
}

TEST(StreamRing, CountsDoNotGoBack) {
    Stream stream(1024);
    std::byte into[64];
    ASSERT_TRUE(stream.writer.write_record(record_of(1, 50), 0));
    ASSERT_TRUE(stream.writer.write_record(record_of(1, 50), 0));
    ASSERT_TRUE(stream.reader.read_record(into, 0));
    ASSERT_TRUE(stream.reader.read_record(into, 0));
    stream.writer_end().moved = 64;
    EXPECT_EQ(stream.reader.read_record(into, 0).error(), Error::BadProtocol);
}

TEST(StreamRing, LengthsThatCannotBeBreakTheStream) {
    for (const uint64_t lie : {uint64_t{200}, uint64_t{1025}, ~uint64_t{0}, ~uint64_t{0} - 7, uint64_t{1} << 63}) {
        Stream stream(1024);
        std::vector<std::byte> into(4096);
        ASSERT_TRUE(stream.writer.write_record(record_of(1, 50), 0));
        std::memcpy(stream.ring(), &lie, sizeof(lie));
        EXPECT_EQ(stream.reader.read_record(into, 0).error(), Error::BadProtocol) << lie;
    }
    Stream stream(1024);
    std::byte into[64];
    stream.writer_end().moved = 5;
    EXPECT_EQ(stream.reader.read_record(into, 0).error(), Error::BadProtocol) << "no room for a length";
}

/// Everything that the peer may write is garbage and changes all the time: of a writer, then of a reader. When a stream broke, a new one
/// begins in the same memory.
TEST(StreamRing, SurvivesAPeerThatScribbles) {
    if (kSeesRaces) GTEST_SKIP();
    constexpr uint64_t kCapacity = 512;
    Stream from_liar(kCapacity), to_liar(kCapacity);
    std::atomic<bool> stop = false;
    std::thread liar([&] {
        std::mt19937_64 noise(8);
        auto* const words = reinterpret_cast<volatile uint64_t*>(from_liar.ring());
        auto* const writes = reinterpret_cast<volatile StreamEnd*>(from_liar.writers.base());
        auto* const reads = reinterpret_cast<volatile StreamEnd*>(to_liar.readers.base());
        while (!stop.load(std::memory_order_relaxed)) {
            words[noise() % (kCapacity / 8)] = noise() % 4 == 0 ? noise() : noise() % 64;
            writes->moved = noise() % 8 == 0 ? noise() : noise() % 64 * 8;  // now and then plausible
            reads->moved = noise() % 8 == 0 ? noise() : noise() % 512;
            writes->wake_at = noise();
            reads->wake_at = noise() % 512;
        }
    });
    std::mt19937_64 random(7);
    uint64_t read = 0, written = 0, broken = 0;
    for (int round = 0; round < 20'000; ++round) {
        StreamReader<TestDoorbell> reader(from_liar.readers, from_liar.writers_seen, from_liar.at_reader, kCapacity);
        StreamWriter<TestDoorbell> writer(to_liar.writers, to_liar.readers_seen, to_liar.at_writer);
        std::byte buffer[300];
        for (int i = 0; i < 20; ++i) {
            const auto got = reader.read_record(std::span(buffer, random() % 300), 0);
            read += got.has_value();
            broken += !got && got.error() == Error::BadProtocol;
            written += writer.write_record(std::span(buffer, random() % 300), 0).has_value();
        }
    }
    stop = true;
    liar.join();
    EXPECT_GT(read, 0u);
    EXPECT_GT(written, 0u);
    EXPECT_GT(broken, 0u);
}

}  // namespace
}  // namespace portico::ipc
