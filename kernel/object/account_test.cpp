#include "kernel/object/account.h"

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {
namespace {

class AccountTest : public testing::Test {
protected:
    Machine machine;
    Thread& thread = machine.make_thread();
    Handle make(Handle parent, uint64_t limit) { return machine.call(thread, abi::AccountCreate{parent, limit})->account; }
    Account& account(Handle handle) {
        return *machine.in_kernel([&] { return *thread.process().handles().get<Account>(handle, Rights::None); });
    }
};

TEST_F(AccountTest, AChildUsesItsParents) {
    Account& parent = account(make(abi::kSelfAccount, 100'000));
    const uint64_t before = parent.used_bytes(), root_before = machine.root().used_bytes();
    const Handle parent_handle = make(abi::kSelfAccount, 50'000);
    Account& child = account(make(parent_handle, 1 << 30));
    Account& middle = account(parent_handle);
    EXPECT_TRUE(child.charge(30'000));
    EXPECT_EQ(refusal(child.charge(30'000)), Error::NoMemory) << "the middle account's limit";
    EXPECT_EQ(child.used_bytes(), 30'000u);
    EXPECT_GE(middle.used_bytes(), 30'000u);
    EXPECT_EQ(parent.used_bytes(), before) << "a sibling";
    child.refund(30'000);
    EXPECT_EQ(child.used_bytes(), 0u);
    EXPECT_EQ(child.peak_bytes(), 30'000u);
    machine.call(thread, abi::HandleClose{parent_handle});
    EXPECT_GE(machine.root().used_bytes(), root_before);
}

TEST_F(AccountTest, ARefusalChangesNobody) {
    const Handle small = make(abi::kSelfAccount, 1000);
    Account& child = account(make(small, 5000));
    Account& parent = account(small);
    const uint64_t used = parent.used_bytes();
    EXPECT_EQ(refusal(child.charge(4000)), Error::NoMemory);
    EXPECT_EQ(child.used_bytes(), 0u);
    EXPECT_EQ(parent.used_bytes(), used);
    EXPECT_EQ(refusal(child.charge(~0ull)), Error::NoMemory);
}

TEST_F(AccountTest, LivesUntilItsLastChargeIsBack) {
    const Handle handle = make(abi::kSelfAccount, 1 << 20);
    Account& child = account(handle);
    ASSERT_TRUE(child.charge(500));
    machine.call(thread, abi::HandleClose{handle});
    const uint64_t used = machine.root().used_bytes();
    machine.in_kernel([&] { child.refund(500); });
    EXPECT_LT(machine.root().used_bytes(), used - 500) << "the account itself went too";
}

TEST_F(AccountTest, QueryTells) {
    const Handle handle = make(abi::kSelfAccount, 1 << 20);
    auto info = machine.query<abi::AccountInfo>(thread, abi::AccountQuery{handle, 0});
    ASSERT_TRUE(info);
    EXPECT_EQ(info->limit_bytes, 1u << 20);
    EXPECT_EQ(info->used_bytes, 0u);
    make(handle, 10);
    info = machine.query<abi::AccountInfo>(thread, abi::AccountQuery{handle, 0});
    EXPECT_EQ(info->object_count, 1u);
    EXPECT_GT(info->used_bytes, 0u);
    EXPECT_EQ(machine.call(thread, abi::AccountCreate{handle, 0})->account.value != 0, true);
}

TEST_F(AccountTest, AProcessCannotPassItsLimit) {
    Thread& poor = machine.make_thread(machine.make_process({}, &account(make(abi::kSelfAccount, 40 * 4096))));
    const uint64_t address = machine.map(poor, 200 * 4096);
    uint64_t written = 0;
    while (written < 200 && machine.write<uint64_t>(poor, address + written * 4096, 1)) ++written;
    EXPECT_GT(written, 5u);
    EXPECT_LT(written, 40u);
    EXPECT_EQ(poor.process().exit_code(), abi::kExitCodeFault);
    EXPECT_TRUE(machine.call(thread, abi::MemoryCreate{1})) << "others have what they need";
}

}  // namespace
}  // namespace portico::kernel::hosted
