#include <array>
#include <atomic>

#include "abi/syscalls.h"
#include "runtime/native.h"
#include "tests/native/storm.h"

/// How long one kernel entry keeps a CPU to itself, for memory operations on much memory: a thread that sleeps again and again, of higher
/// priority than the one that works, is late by what is left of the entry in which its time comes. Under icount a nanosecond is an
/// instruction. cpus: 1 flags: --accel icount
namespace portico::native_test {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;
constexpr uint64_t kPages = 16384;  // 64 MiB
constexpr uint64_t kBytes = kPages * kPage;
constexpr uint64_t kAt = 0x1000'0000'0000;
constexpr uint64_t kNapNs = 7'001;
constexpr uint64_t kLateNsMax = 100'000;

enum Operation : unsigned {
    Touch,
    Protect,
    Unprotect,
    Unmap,
    ShrinkObject,
    CloneWhole,
    CloseClone,
    ClonePart,
    Fork,
    EndOfFork,
    ClosePort,
    Operations
};

struct Described {
    const char* name;
    bool is_bounded;
};
constexpr std::array<Described, Operations> kDescribed{{{"touch 64 MiB", true},
                                                        {"protect it", true},
                                                        {"unprotect it", true},
                                                        {"unmap it", true},
                                                        {"cut an object of 64 MiB to nothing", true},
                                                        {"clone an object of 64 MiB", true},
                                                        {"write to all of the clone, and close it", true},
                                                        {"clone a part that begins inside a node", false},
                                                        {"clone a process with 1000 mappings", false},
                                                        {"end it", true},
                                                        {"close a port with 2000 messages", false}}};

std::atomic<unsigned> operation{0};

template <class Call>
auto must(const Call& call) {
    const auto result = native::call(call);
    if (!result) __builtin_trap();
    return *result;
}
void must_void(const Result<>& result) {
    if (!result) __builtin_trap();
}

uint64_t map(abi::Handle memory, uint64_t address, uint64_t bytes) {
    constexpr auto flags = abi::MapFlags::Fixed | abi::Access::ReadWrite;
    return must(abi::SpaceMap{abi::kSelfSpace, memory, 0, address, bytes, static_cast<uint64_t>(flags)}).address;
}
void write_all(uint64_t address) {
    for (uint64_t page = 0; page < kPages; ++page) *reinterpret_cast<volatile uint64_t*>(address + page * kPage) = page;
}
void unmap(uint64_t address, uint64_t bytes) {
    must_void(native::call(abi::SpaceUnmap{abi::kSelfSpace, address, bytes}));
}

/// The work, in a thread that the library knows nothing of: native calls only.
[[noreturn]] void work() {
    operation = Touch;
    map({}, kAt, kBytes);
    write_all(kAt);
    operation = Protect;
    must_void(native::call(abi::SpaceProtect{abi::kSelfSpace, kAt, kBytes, static_cast<uint64_t>(abi::Access::Read)}));
    operation = Unprotect;
    must_void(native::call(abi::SpaceProtect{abi::kSelfSpace, kAt, kBytes, static_cast<uint64_t>(abi::Access::ReadWrite)}));
    operation = Unmap;
    unmap(kAt, kBytes);

    const abi::Handle object = must(abi::MemoryCreate{kBytes}).memory;
    map(object, kAt, kBytes);
    operation = Touch;
    write_all(kAt);
    operation = CloneWhole;
    const abi::Handle clone = must(abi::MemoryClone{object, 0, kBytes}).memory;
    map(clone, kAt + kBytes, kBytes);
    operation = CloseClone;
    write_all(kAt + kBytes);
    unmap(kAt + kBytes, kBytes);
    must_void(native::call(abi::HandleClose{clone}));
    operation = ClonePart;
    const abi::Handle part = must(abi::MemoryClone{object, kPage, kBytes - kPage}).memory;
    must_void(native::call(abi::HandleClose{part}));
    operation = ShrinkObject;
    must_void(native::call(abi::MemoryResize{object, 0}));
    unmap(kAt, kBytes);
    must_void(native::call(abi::HandleClose{object}));

    operation = Touch;
    for (uint64_t i = 0; i < 1000; ++i) *reinterpret_cast<volatile char*>(map({}, kAt + 2 * i * kPage, kPage)) = 1;
    operation = Fork;
    const abi::Handle forked = must(abi::ProcessClone{abi::kSelfProcess, {}, 0}).process;
    operation = EndOfFork;
    must_void(native::call(abi::ProcessKill{forked, 0}));
    must_void(native::call(abi::HandleClose{forked}));
    unmap(kAt, 2000 * kPage);

    operation = Touch;
    const abi::Handle port = must(abi::PortCreate{}).port;
    const abi::Handle sender = must(abi::PortBadge{port, 1, 2000}).sender;
    for (uint64_t i = 0; i < 2000; ++i) must_void(native::send(sender, abi::Message{}));
    operation = ClosePort;
    must_void(native::call(abi::HandleClose{port}));
    operation = Operations;
    for (;;) (void)native::call(abi::ThreadSleep{abi::kForever});
}

void start_worker() {
    constexpr uint64_t kStackBytes = 64 << 10;
    std::byte* const stack = make_pages(kStackBytes / kPage);
    const abi::ThreadStart start{.instruction = reinterpret_cast<uint64_t>(&work),
                                 .stack = reinterpret_cast<uint64_t>(stack) + kStackBytes - 8,  // as if called
                                 .priority = 4};
    (void)must(abi::ThreadCreate{abi::kSelfProcess, reinterpret_cast<uint64_t>(&start)});
}

void run(bool is_counted) {
    std::array<uint64_t, Operations + 1> late_ns{};
    start_worker();
    while (operation != Operations) {
        const uint64_t wanted_ns = must(abi::ClockRead{}).now_ns + kNapNs;
        const unsigned during = operation;
        (void)native::call(abi::ThreadSleep{wanted_ns});
        const uint64_t late = must(abi::ClockRead{}).now_ns - wanted_ns;
        late_ns[during] = std::max(late_ns[during], late);
    }
    bool good = true;
    for (unsigned i = 0; i < Operations; ++i) {
        const bool in_bound = late_ns[i] <= kLateNsMax || !is_counted;
        good = good && (in_bound || !kDescribed[i].is_bounded);
        const std::string text = std::string(in_bound                   ? "ok "
                                             : kDescribed[i].is_bounded ? "FAILED "
                                                                        : "ok (without a bound) ") +
                                 kDescribed[i].name + ": " + std::to_string(late_ns[i]) + " instructions\n";
        (void)!write(1, text.data(), text.size());
    }
    CHECK(good);
}

}  // namespace
}  // namespace portico::native_test

int main(int argument_count, char** arguments) {
    portico::native_test::run(argument_count == 2 && strcmp(arguments[1], "--counted") == 0);
}
