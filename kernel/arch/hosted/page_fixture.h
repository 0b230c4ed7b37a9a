#pragma once

#include "kernel/arch/hosted/port_fixture.h"
#include "kernel/ipc/carried_pages.h"

namespace portico::kernel::hosted {

inline constexpr uint64_t kPage = abi::kPageBytes;
inline constexpr auto kFixed = static_cast<uint64_t>(abi::MapFlags::Fixed);
inline constexpr auto kReadWrite = static_cast<uint64_t>(abi::Access::ReadWrite);

/// Two processes that pay from accounts of their own, and pages on their way from one to the other, without the message around them.
class PageTransferTest : public testing::Test {
protected:
    Machine machine{2, 32};
    Ref<Account> sender_account = make_account(uint64_t{16} << 20), receiver_account = make_account(uint64_t{16} << 20);
    Thread& sender = machine.make_thread(machine.make_process({}, sender_account.get()));
    Thread& receiver = machine.make_thread(machine.make_process({}, receiver_account.get()));

    ~PageTransferTest() override {
        machine.in_kernel([&] {
            carried.drop();
            sender_account = receiver_account = nullptr;
        });
    }
    Ref<Account> make_account(uint64_t limit) {
        return machine.in_kernel([&] { return *create_object<Account>(machine.root(), &machine.root(), limit); });
    }

    CarriedPages carried;
    Result<> take(Thread& from, uint64_t address, uint64_t count, Passing how) {
        return machine.in_kernel([&]() -> Result<> {
            AddressSpace& space = from.process().space();
            const PageRange source{address, static_cast<uint32_t>(count * kPage)};
            TRY(carried.reserve(space, source, how, from.process().account()));
            carried.take(space, source);
            return {};
        });
    }
    Result<> land(Thread& to, uint64_t address) {
        return machine.in_kernel([&] { return carried.land(to.process().space(), {address, carried.bytes()}); });
    }
    void drop() {
        machine.in_kernel([&] { carried.drop(); });
    }
    void pass(uint64_t address, uint64_t count, uint64_t landing, Passing how) {
        ASSERT_EQ(refusal(take(sender, address, count, how)), Error::None);
        ASSERT_EQ(refusal(land(receiver, landing)), Error::None);
        EXPECT_TRUE(carried.empty());
    }

    void fill(Thread& thread, uint64_t address, uint64_t count, uint64_t first_value) {
        for (uint64_t i = 0; i < count; ++i) ASSERT_TRUE(machine.write(thread, address + i * kPage + 8 * (i % 512), first_value + i));
    }
    void expect_filled(Thread& thread, uint64_t address, uint64_t count, uint64_t first_value) {
        for (uint64_t i = 0; i < count; ++i)
            EXPECT_EQ(machine.read(thread, address + i * kPage + 8 * (i % 512)), first_value + i) << "page " << i;
    }
    void expect_zero(Thread& thread, uint64_t address, uint64_t count) {
        for (uint64_t i = 0; i < count; ++i) EXPECT_EQ(machine.read(thread, address + i * kPage + 8 * (i % 512)), 0u) << "page " << i;
    }
    /// Neighbours that are different mappings of different objects.
    uint64_t map_pieces(Thread& thread, uint64_t at, std::initializer_list<uint64_t> counts) {
        uint64_t address = at;
        for (const uint64_t count : counts) {
            const auto flags = kFixed | kReadWrite | static_cast<uint64_t>(abi::MapFlags::NoInherit);
            EXPECT_TRUE(machine.call(thread, abi::SpaceMap{abi::kSelfSpace, {}, 0, address, count * kPage, flags}));
            address += count * kPage;
        }
        return at;
    }
    Thread& fork(Thread& of) {
        const Handle handle = machine.call(of, abi::ProcessClone{abi::kSelfProcess, {}, 0})->process;
        Process& process = machine.adopt_process(of, handle);
        machine.call(of, abi::HandleClose{handle});
        return machine.make_thread(process);
    }
    void kill(Thread& thread) {
        machine.in_kernel([&] { thread.process().kill(0); });
        machine.settle();
    }
};

}  // namespace portico::kernel::hosted
