#include "kernel/arch/hosted/pager_fixture.h"
#include "kernel/memory/swap.h"

/// The swap space as an object: who may make it, and what can be done with it.
namespace portico::kernel::hosted {
namespace {

class SwapSpaceTest : public PagerTest {
protected:
    static constexpr uint64_t kBytes = 64 * kPage;
    Handle resource = machine.make_resource(pager);

    Result<Handle> create(uint64_t bytes = kBytes, uint64_t wait = 0) {
        return machine.call(pager, abi::MemoryCreateSwap{resource, bytes, sender, wait}).transform([](const auto& made) {
            return made.memory;
        });
    }
    abi::SystemInfo system() { return *machine.query<abi::SystemInfo>(other, abi::SystemQuery{}); }
};

TEST_F(SwapSpaceTest, ThereIsOneAtATime) {
    EXPECT_EQ(system().swap_bytes, 0u);
    const Handle space = *create();
    EXPECT_EQ(system().swap_bytes, kBytes);
    EXPECT_EQ(system().swap_free_bytes, kBytes);
    EXPECT_EQ(refusal(create()), Error::WrongState);
    machine.call(pager, abi::HandleClose{space});
    EXPECT_EQ(system().swap_bytes, 0u);
    EXPECT_TRUE(create(2 * kBytes));
    EXPECT_EQ(system().swap_bytes, 2 * kBytes);
}

TEST_F(SwapSpaceTest, BadSizesAndWaitsAreRefused) {
    EXPECT_EQ(refusal(create(0)), Error::InvalidArgument);
    EXPECT_EQ(refusal(create(kPage + 1)), Error::InvalidArgument);
    EXPECT_EQ(refusal(create((SwapSpace::kPagesMax + 1) * kPage)), Error::InvalidArgument);
    EXPECT_EQ(refusal(create(kBytes, Paging::kWaitNsMax + 1)), Error::InvalidArgument);
    machine.call(pager, abi::HandleClose{port});
    EXPECT_EQ(refusal(create()), Error::PeerClosed);
}

TEST_F(SwapSpaceTest, NobodySeesChangesOrSharesItsPages) {
    const Handle space = *create();
    const uint64_t buffer = machine.map(pager, kPage);
    EXPECT_EQ(refusal(machine.call(pager, abi::SpaceMap{abi::kSelfSpace, space, 0, 0, kPage, 3})), Error::AccessDenied);
    EXPECT_EQ(refusal(machine.call(pager, abi::MemoryRead{space, 0, buffer, 8})), Error::AccessDenied);
    EXPECT_EQ(refusal(machine.call(pager, abi::MemoryWrite{space, 0, buffer, 8})), Error::AccessDenied);
    EXPECT_EQ(refusal(machine.call(pager, abi::MemoryResize{space, 0})), Error::AccessDenied);
    EXPECT_EQ(refusal(machine.call(pager, abi::MemoryClone{space, 0, kPage})), Error::AccessDenied);
    EXPECT_EQ(refusal(machine.query<abi::MemoryInfo>(pager, abi::MemoryQuery{space, 0})), Error::AccessDenied);
}

}  // namespace
}  // namespace portico::kernel::hosted
