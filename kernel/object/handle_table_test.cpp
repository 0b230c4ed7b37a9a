#include "kernel/object/handle_table.h"

#include <map>
#include <random>

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {
namespace {

class HandleTableTest : public testing::Test {
protected:
    Machine machine;
    Thread& thread = machine.make_thread();
    HandleTable& table = thread.process().handles();
    Ref<Memory> memory = machine.in_kernel([&] { return *create_object<Memory>(machine.root(), machine.root(), 4096); });
    Capability capability(Rights rights = Rights::All) { return Capability(*memory, rights); }
    ~HandleTableTest() override {
        machine.in_kernel([&] { memory = nullptr; });
    }
};

TEST_F(HandleTableTest, AStaleHandleNamesNothing) {
    const Handle first = *table.add(capability());
    EXPECT_TRUE(table.get<Memory>(first, Rights::Read));
    EXPECT_TRUE(table.close(first));
    EXPECT_EQ(refusal(table.get<Memory>(first, Rights::Read)), Error::BadHandle);
    const Handle second = *table.add(capability());
    EXPECT_EQ(second.index(), first.index()) << "slots are used again";
    EXPECT_NE(second, first);
    EXPECT_EQ(refusal(table.close(first)), Error::BadHandle);
    EXPECT_EQ(refusal(table.find(Handle{second.value | uint64_t{1} << 32})), Error::BadHandle);
    for (const uint64_t value : {0ull, 0xF'FFFFull, ~0ull, 1ull << 20}) EXPECT_EQ(refusal(table.find(Handle{value})), Error::BadHandle);
}

TEST_F(HandleTableTest, GenerationsWrapAfter4096Uses) {
    const Handle first = *table.add(capability());
    Handle last = first;
    for (int i = 0; i < 4095; ++i) {
        table.close(last);
        last = *table.add(capability());
        ASSERT_EQ(last.index(), first.index());
        ASSERT_NE(last, first);
    }
    table.close(last);
    EXPECT_EQ(*table.add(capability()), first);
}

TEST_F(HandleTableTest, RightsAndTypeAreChecked) {
    const Handle handle = *table.add(capability(Rights::Read));
    EXPECT_TRUE(table.get<Memory>(handle, Rights::Read));
    EXPECT_EQ(refusal(table.get<Memory>(handle, Rights::Read | Rights::Write)), Error::AccessDenied);
    EXPECT_EQ(refusal(table.get<Port>(handle, Rights::None)), Error::WrongType);
    EXPECT_EQ(refusal(machine.call(thread, abi::HandleDuplicate{handle, ~0ull})), Error::AccessDenied);
}

TEST_F(HandleTableTest, PutFillsAPlaceOfChoice) {
    const Handle far = *table.put(1000, capability());
    EXPECT_EQ(far, Handle::make(1000, 0));
    EXPECT_EQ(table.count(), 1u);
    EXPECT_EQ(*table.put(1000, capability(Rights::Read)), far) << "what was there is closed";
    EXPECT_EQ(table.count(), 1u);
    EXPECT_EQ(refusal(table.get<Memory>(far, Rights::Write)), Error::AccessDenied);
    const uint64_t used = machine.root().used_bytes();
    EXPECT_EQ(refusal(table.put(abi::kHandleIndexMax, capability())), Error::InvalidArgument);
    EXPECT_EQ(machine.root().used_bytes(), used) << "a refused place costs nothing";
    for (int i = 0; i < 999 + 23; ++i) ASSERT_TRUE(table.add(capability()));
    EXPECT_TRUE(table.find(far));
}

TEST_F(HandleTableTest, FullTableRefuses) {
    uint32_t count = 0;
    Result<Handle> last{};
    while ((last = table.add(capability()))) ++count;
    EXPECT_EQ(count, 65535u);
    EXPECT_TRUE(last.error() == Error::NoSpace || last.error() == Error::NoMemory);
    EXPECT_TRUE(machine.call(thread, abi::HandleClose{Handle::make(77, 0)}));
    EXPECT_TRUE(table.add(capability()));
}

TEST_F(HandleTableTest, ACopyHasTheSameValues) {
    std::vector<Handle> handles;
    for (int i = 0; i < 200; ++i) handles.push_back(*table.add(capability(i % 2 == 0 ? Rights::Read : Rights::All)));
    for (int i = 0; i < 200; i += 3) table.close(handles[static_cast<size_t>(i)]);
    HandleTable copy(machine.root());
    ASSERT_TRUE(copy.copy_from(table));
    EXPECT_EQ(copy.count(), table.count());
    for (const Handle handle : handles) {
        EXPECT_EQ(copy.find(handle).has_value(), table.find(handle).has_value());
        EXPECT_EQ(copy.get<Memory>(handle, Rights::Write).has_value(), table.get<Memory>(handle, Rights::Write).has_value());
    }
    EXPECT_EQ(*copy.add(capability()), *table.add(capability()));
}

TEST_F(HandleTableTest, AgreesWithAModelUnderRandomUse) {
    std::mt19937_64 random(99);
    std::map<uint64_t, Rights> model;
    for (int step = 0; step < 20'000; ++step) {
        const auto rights = static_cast<Rights>(random() % 512);
        switch (random() % 4) {
        case 0:
        case 1: {
            const Handle made = *table.add(capability(rights));
            ASSERT_TRUE(model.emplace(made.value, rights).second);
            break;
        }
        case 2: {
            const auto index = static_cast<uint32_t>(1 + random() % 700);
            for (auto it = model.begin(); it != model.end();) it = Handle{it->first}.index() == index ? model.erase(it) : std::next(it);
            model[table.put(index, capability(rights))->value] = rights;
            break;
        }
        default:
            if (model.empty()) break;
            auto it = model.lower_bound(random() % 1'000'000);
            if (it == model.end()) it = model.begin();
            ASSERT_EQ((*table.find(Handle{it->first}))->rights(), it->second);
            ASSERT_TRUE(table.close(Handle{it->first}));
            ASSERT_FALSE(table.find(Handle{it->first}));
            model.erase(it);
        }
        ASSERT_EQ(table.count(), model.size());
    }
}

TEST_F(HandleTableTest, InstallChecksTheTarget) {
    Thread& other = machine.make_thread();
    const Handle target = machine.in_kernel([&] { return *table.add(Capability(other.process(), Rights::All)); });
    const Handle handle = *table.add(capability());
    EXPECT_EQ(machine.call(thread, abi::HandleInstall{target, {500}, handle, ~0ull})->handle, Handle::make(500, 0));
    EXPECT_EQ(refusal(machine.call(thread, abi::HandleInstall{target, {0xF'FFFF}, handle, ~0ull})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(thread, abi::HandleInstall{handle, {}, handle, ~0ull})), Error::WrongType);
    machine.call(thread, abi::ProcessKill{target, 0});
    EXPECT_EQ(refusal(machine.call(thread, abi::HandleInstall{target, {}, handle, ~0ull})), Error::WrongState);
}

}  // namespace
}  // namespace portico::kernel::hosted
