#include <random>

#include "kernel/arch/hosted/port_fixture.h"
#include "kernel/arch/hosted/random_calls.h"

/// Random system calls with random arguments by random threads: whatever they do, the kernel stands and gets all memory back.
namespace portico::kernel::hosted {
namespace {

class RandomChoices final : public Choices {
public:
    explicit RandomChoices(uint64_t seed) : random_(seed) {}
    uint64_t any() override { return random_(); }

private:
    std::mt19937_64 random_;
};

class FuzzTest : public testing::TestWithParam<uint64_t> {
protected:
    Machine machine{2, 24};
    RandomChoices choices{GetParam()};
    RandomCalls calls{machine, choices, uint64_t{12} << 20};
};

TEST_P(FuzzTest, B1_TheKernelStands) {
    for (int i = 0; i < 100'000; ++i) {
        if (i % 128 == 0) calls.tidy();
        if (choices.below(500) == 0) FrameAllocator::fail_after = static_cast<int64_t>(choices.below(5));
        if (choices.below(2) == 0) FrameAllocator::fail_again_after = static_cast<int64_t>(choices.below(3));
        calls.step();
        FrameAllocator::fail_after = FrameAllocator::fail_again_after = -1;
        if (choices.below(100) == 0) machine.raise_interrupt(static_cast<unsigned>(choices.below(kLines)));
        if (choices.below(50) == 0) machine.advance(choices.below(200'000));
        if (choices.below(300) == 0) calls.make_frames_few();
        if (choices.below(1000) == 0) calls.let_frames_go();
    }
    EXPECT_GT(calls.page_messages, 20u);
    EXPECT_GT(calls.waits_for_pages, 20u);
    EXPECT_GT(calls.pages_asked, 3u);
    EXPECT_GT(calls.pages_wanted_back, 5u);
    EXPECT_GT(calls.dirty_pages_taken, 2u);
    EXPECT_GT(calls.waits_for_credits, 0u);
    std::printf("%lu page messages, %lu + %lu asked of pagers, %lu dirty pages taken, waits for %lu pages, %lu credits\n",
                calls.page_messages, calls.pages_asked, calls.pages_wanted_back, calls.dirty_pages_taken, calls.waits_for_pages,
                calls.waits_for_credits);
    unsigned calls_that_never_worked = 0;
    for (const abi::CallDoc& doc : abi::Syscalls::kDocs) {
        if (calls.succeeded[doc.number] != 0) continue;
        ++calls_that_never_worked;
        std::printf("never worked: %.*s\n", static_cast<int>(doc.name.size()), doc.name.data());
    }
    EXPECT_LT(calls_that_never_worked, 9u);  // some need luck
    for (const uint64_t count : calls.foreign_calls) EXPECT_GT(count, 100u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, FuzzTest, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace portico::kernel::hosted
