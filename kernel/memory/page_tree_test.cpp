#include <gtest/gtest.h>

#include <map>
#include <random>

#include "kernel/arch/hosted/machine.h"

namespace portico::kernel::hosted {
namespace {

/// A page's expected contents, by one number; every tree has its own map of them.
struct Model {
    explicit Model(Account& account) : tree(account) {}
    PageTree tree;
    std::map<uint64_t, uint64_t> pages;
};

uint64_t& number_in(PhysicalAddress page) {
    return *static_cast<uint64_t*>(arch::to_virtual(page));
}

class PageTreeTest : public testing::Test {
protected:
    Machine machine{1, 32};

    void write(Model& model, uint64_t index, uint64_t value) {
        const auto page = model.tree.make_writable(index);
        ASSERT_TRUE(page);
        if (!model.pages.contains(index)) {
            ASSERT_EQ(number_in(*page), 0u);
        }
        number_in(*page) = value;
        model.pages[index] = value;
    }
    static constexpr uint64_t kFewSteps = 7;
    void discard_in_steps(Model& model, uint64_t first, uint64_t end) {
        for (bool done = false; !done;) {
            Steps steps(kFewSteps);
            const Result<bool> result = model.tree.discard(first, end, steps);
            ASSERT_TRUE(result);
            ASSERT_TRUE(*result || steps.spent());
            done = *result;
        }
    }
    void check(const Model& model) {
        ASSERT_EQ(model.tree.resident_pages(), model.pages.size());
        uint64_t index = 0;
        for (const auto& [expected, value] : model.pages) {
            index = model.tree.next_present(index);
            ASSERT_EQ(index, expected);
            ASSERT_EQ(number_in(model.tree.find(index).page), value);
            ++index;
        }
        ASSERT_EQ(model.tree.next_present(index), PageTree::kPagesMax);
    }
};

TEST_F(PageTreeTest, RemovingTheLastPageOfANodeFreesIt) {
    const uint64_t used = machine.root().used_bytes();
    Model model(machine.root());
    for (const uint64_t index : {0, 63, 64, 5000, 300'000}) write(model, index, index + 1);
    for (const uint64_t index : {63, 300'000, 0, 5000, 64}) {
        model.tree.remove(index);
        model.pages.erase(index);
        check(model);
    }
    EXPECT_EQ(machine.root().used_bytes(), used);
    write(model, 70, 7);
    check(model);
}

TEST_F(PageTreeTest, GrowsWithTheHighestPage) {
    Model model(machine.root());
    for (const uint64_t index :
         {uint64_t{0}, uint64_t{63}, uint64_t{64}, uint64_t{4095}, uint64_t{4096}, uint64_t{1} << 30, PageTree::kPagesMax - 1})
        write(model, index, index + 1);
    check(model);
    EXPECT_FALSE(model.tree.find(5).present);
    EXPECT_TRUE(model.tree.find(64).exclusive);
}

TEST_F(PageTreeTest, ClonesShareUntilOneWrites) {
    Model parent(machine.root()), child(machine.root());
    for (uint64_t i = 0; i < 200; ++i) write(parent, i, i);
    const uint64_t used = machine.root().used_bytes();
    child.tree.share(parent.tree);
    child.pages = parent.pages;
    EXPECT_EQ(machine.root().used_bytes(), used) << "a clone of the whole tree costs nothing";
    EXPECT_FALSE(parent.tree.find(7).exclusive);
    EXPECT_EQ(parent.tree.find(7).page, child.tree.find(7).page);
    write(child, 7, 1000);
    EXPECT_TRUE(child.tree.find(7).exclusive);
    EXPECT_TRUE(parent.tree.find(7).exclusive) << "nobody else has it any more";
    EXPECT_FALSE(parent.tree.find(8).exclusive);
    check(parent);
    check(child);
    child.tree.clear();
    EXPECT_TRUE(parent.tree.find(8).exclusive);
}

TEST_F(PageTreeTest, FreesNoMorePagesThanThereAreSteps) {
    Model model(machine.root());
    for (uint64_t i = 0; i < 200; ++i) write(model, i, i);
    for (bool done = false; !done;) {
        const uint64_t before = model.tree.resident_pages();
        Steps steps(kFewSteps);
        done = *model.tree.discard(10, 190, steps);
        ASSERT_LE(before - model.tree.resident_pages(), kFewSteps);
    }
    model.pages.erase(model.pages.lower_bound(10), model.pages.lower_bound(190));
    check(model);
}

TEST_F(PageTreeTest, TruncateToNothingNeedsNoMemory) {
    Model parent(machine.root()), child(machine.root());
    for (uint64_t i = 0; i < 100; ++i) write(parent, i, i);
    child.tree.share(parent.tree);
    FrameAllocator::fail_after = 0;
    Steps steps = Steps::unlimited();
    EXPECT_TRUE(child.tree.discard(0, PageTree::kPagesMax, steps).value_or(false));
    FrameAllocator::fail_after = -1;
    EXPECT_EQ(child.tree.resident_pages(), 0u);
    check(parent);
}

TEST_F(PageTreeTest, AgreesWithAModelUnderRandomUse) {
    std::mt19937_64 random(20240607);
    const uint64_t used = machine.root().used_bytes();
    {
        std::vector<std::unique_ptr<Model>> models;
        models.push_back(std::make_unique<Model>(machine.root()));
        const auto index = [&] {
            static constexpr uint64_t kSpans[] = {10, 100, 5000, 300'000};
            return random() % kSpans[random() % 4];
        };
        for (int step = 0; step < 8000; ++step) {
            const size_t at = random() % models.size();
            Model& model = *models[at];
            switch (random() % 16) {
            case 0:
                if (models.size() < 8) {
                    models.push_back(std::make_unique<Model>(machine.root()));
                    models.back()->tree.share(model.tree);
                    models.back()->pages = model.pages;
                }
                break;
            case 1:
                if (models.size() > 1 && random() % 3 == 0) models.erase(models.begin() + static_cast<long>(at));
                break;
            case 2: {
                const uint64_t first = index(), end = random() % 2 == 0 ? PageTree::kPagesMax : first + index();
                discard_in_steps(model, first, end);
                model.pages.erase(model.pages.lower_bound(first), model.pages.lower_bound(end));
                break;
            }
            case 3: {  // a page of another tree is put in, as a clone of a range does
                Model& other = *models[random() % models.size()];
                const uint64_t from = other.tree.next_present(index());
                if (&other == &model || from == PageTree::kPagesMax) break;
                const uint64_t to = index();
                ASSERT_TRUE(model.tree.put(to, other.tree.find(from).page));
                model.pages[to] = other.pages[from];
                break;
            }
            default:
                write(model, index(), random());
            }
            if (step % 50 == 0)
                for (const auto& each : models) check(*each);
            if (testing::Test::HasFatalFailure()) return;
        }
    }
    EXPECT_EQ(machine.root().used_bytes(), used);
}

TEST_F(PageTreeTest, RunningOutOfMemoryLosesNothing) {
    const uint64_t used = machine.root().used_bytes();
    {
        Model parent(machine.root());
        for (uint64_t i = 0; i < 5000; i += 70) write(parent, i, i);
        for (int64_t n = 0; n < 6; ++n) {
            Model child(machine.root());
            child.tree.share(parent.tree);
            child.pages = parent.pages;
            FrameAllocator::fail_after = n;
            const auto page = child.tree.make_writable(140);
            FrameAllocator::fail_after = -1;
            if (!page) {
                EXPECT_EQ(page.error(), Error::NoMemory);
            }
            check(child);
            check(parent);
        }
    }
    EXPECT_EQ(machine.root().used_bytes(), used);
}

}  // namespace
}  // namespace portico::kernel::hosted
