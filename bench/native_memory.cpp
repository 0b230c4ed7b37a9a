#include <unistd.h>

#include "bench/native_rows.h"
#include "bench/service.h"
#include "bench/waiting_thread.h"

/// What the kernel charges for objects that do nothing, by the account that pays for all programs: handles, and what the
/// object keeps, are in it; nothing else makes or frees anything meanwhile.
namespace portico::bench {
namespace {

using abi::Handle;

constexpr unsigned kObjects = 1000;
constexpr useconds_t kSettleMicroseconds = 50'000;  ///< until every new thread waits

uint64_t charged_bytes() {
    abi::AccountInfo info;
    must(native::call(abi::AccountQuery{abi::kSelfAccount, reinterpret_cast<uint64_t>(&info)}));
    return info.used_bytes;
}

/// In a process of its own, so that all it made is gone when it ends. `make_one` is warmed up first: tables have grown then.
template <class MakeOne>
void report_bytes_of(Measure& measure, MakeOne make_one) {
    Child child([&] {
        make_one();
        usleep(kSettleMicroseconds);
        const uint64_t before = charged_bytes();
        for (unsigned i = 0; i < kObjects; ++i) make_one();
        usleep(kSettleMicroseconds);
        measure.report_bytes(static_cast<double>(charged_bytes() - before) / kObjects);
        std::fflush(stdout);
    });
}

void idle_port(Measure& measure) {
    report_bytes_of(measure, [] { (void)must(native::call(abi::PortCreate{})); });
}

void idle_port_with_sender(Measure& measure) {
    report_bytes_of(measure, [] { (void)Channel::create(); });
}

void badge(Measure& measure) {
    const Channel channel = Channel::create();
    report_bytes_of(measure, [&] { (void)must(native::call(abi::PortBadge{channel.port, 1, 1})); });
    channel.close();
}

/// A thread that waits at a port. Its user stack is not counted, as it has none.
void idle_thread(Measure& measure) {
    const Channel channel = Channel::create();
    report_bytes_of(measure, [&] { start_waiting_thread(channel.port, abi::kNoHandle); });
    channel.close();
}

/// The same with the record of a call it once made, which a thread keeps for the next. Nobody receives where it calls: the
/// kernel would give a call that was taken, and then given up, to its receiver.
void idle_thread_that_called(Measure& measure) {
    const Channel channel = Channel::create(), never_answered = Channel::create();
    report_bytes_of(measure, [&] { start_waiting_thread(channel.port, never_answered.sender); });
    never_answered.close();
    channel.close();
}

constexpr Row kRows[] = {
    {"port_bytes", idle_port},         {"port_sender_bytes", idle_port_with_sender}, {"badge_bytes", badge},
    {"thread_new_bytes", idle_thread}, {"thread_bytes", idle_thread_that_called},
};

}  // namespace

const Rows kMemoryRows = kRows;

}  // namespace portico::bench
