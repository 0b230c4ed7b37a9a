#pragma once

#include <bitset>

#include "kernel/arch/hosted/port_fixture.h"
#include "kernel/ipc/ipc.h"

namespace portico::kernel::hosted {

/// While it lives no allocation fails; then goes on what was to fail.
class NoFailures {
public:
    NoFailures() : after_(FrameAllocator::fail_after), again_after_(FrameAllocator::fail_again_after) { stop(); }
    ~NoFailures() {
        FrameAllocator::fail_after = after_;
        FrameAllocator::fail_again_after = again_after_;
    }
    NoFailures(const NoFailures&) = delete;
    static void stop() { FrameAllocator::fail_after = FrameAllocator::fail_again_after = -1; }

private:
    int64_t after_, again_after_;
};

/// Every allocation of a system call fails, alone and together with every one that comes after it: the call is refused with NoMemory, and
/// nothing is kept or lost. When all tests of the suite have run, none of the calls that may say NoMemory was left out.
class FailingAllocationTest : public PortFixture {
public:
    static void TearDownTestSuite() {
        const testing::TestSuite& suite = *testing::UnitTest::GetInstance()->current_test_suite();
        if (suite.test_to_run_count() != suite.total_test_count()) return;
        for (const abi::CallDoc& doc : abi::Syscalls::kDocs) {
            const bool may_fail = std::find(doc.errors.begin(), doc.errors.end(), Error::NoMemory) != doc.errors.end();
            EXPECT_EQ(refused_.test(doc.number), may_fail) << doc.name;
        }
    }

protected:
    static constexpr uint64_t kPage = abi::kPageBytes;
    static constexpr auto kReadWrite = static_cast<uint64_t>(abi::Access::ReadWrite);
    static constexpr auto kFixed = static_cast<uint64_t>(abi::MapFlags::Fixed);

    FailingAllocationTest() {
        // Tables grow in steps that stay: have room before anything is measured.
        for (Thread* thread : {&client, &server}) {
            std::vector<Handle> handles;
            for (int i = 0; i < 60; ++i)
                handles.push_back(machine.call(*thread, abi::HandleDuplicate{thread == &client ? sender : port, ~0ull})->handle);
            for (const Handle handle : handles) machine.call(*thread, abi::HandleClose{handle});
        }
        machine.scratch(client);
        machine.scratch(server);
        machine.put(client, abi::ThreadStart{.instruction = 0x1000});
    }
    /// What a refused call must leave as it was.
    struct State {
        uint64_t bytes, objects;
        uint32_t handles[2];
        std::vector<std::array<uint64_t, 4>> mappings;
        bool operator==(const State&) const = default;
    };
    State state() {
        State now{machine.root().used_bytes(),
                  machine.root().object_count(),
                  {client.process().handles().count(), server.process().handles().count()},
                  {}};
        machine.in_kernel([&] {
            for (Thread* thread : {&client, &server})
                for (const Mapping* mapping = thread->process().space().mapping_above(0); mapping != nullptr;
                     mapping = thread->process().space().mapping_above(mapping->end()))
                    now.mappings.push_back({mapping->address, mapping->end(), mapping->first_page, static_cast<uint64_t>(mapping->access)});
        });
        return now;
    }
    /// Runs `request` with the first, second, … allocation failing, and with each of them the first, second, … after it, until it needs no
    /// more. `undo` takes back a success.
    template <class Call>
    void exhaust(const char* what, auto request, auto undo) {
        SCOPED_TRACE(what);
        undo(request());  // what stays after the first time (page tables) is there now
        for (int64_t first = 0;; ++first)
            for (int64_t second = 0;; ++second) {
                ASSERT_LT(first + second, 100);
                const State before = state();
                FrameAllocator::fail_after = first;
                FrameAllocator::fail_again_after = second;
                const auto result = request();
                const bool failed = FrameAllocator::fail_again_after < 0, failed_again = failed && FrameAllocator::fail_after < 0;
                NoFailures::stop();
                if (result)
                    undo(result);
                else
                    EXPECT_EQ(result.error(), Error::NoMemory);
                if (!result) refused_.set(Call::doc.number);
                EXPECT_TRUE(state() == before) << "allocation " << first << " and " << second << " after it";
                if (!failed) return;
                if (!failed_again) break;
            }
    }
    /// `request(thread, handle)` is the first that a process does, which has no memory for messages yet and a send handle to the port. What
    /// was sent can be taken.
    template <class Call>
    void exhaust_first(auto request) {
        SCOPED_TRACE(Call::doc.name);
        for (int64_t first = 0;; ++first)
            for (int64_t second = 0;; ++second) {
                ASSERT_LT(first + second, 20);
                const State before = state();
                Thread& thread = machine.make_thread();
                const Handle own = machine.give(client, sender, thread);
                machine.scratch(thread);
                FrameAllocator::fail_after = first;
                FrameAllocator::fail_again_after = second;
                const auto result = request(thread, own);
                const bool failed = FrameAllocator::fail_again_after < 0, failed_again = failed && FrameAllocator::fail_after < 0;
                NoFailures::stop();
                if (!result) {
                    EXPECT_EQ(result.error(), Error::NoMemory);
                    refused_.set(Call::doc.number);
                }
                EXPECT_EQ(machine.receive(server, port).has_value(), result.has_value());
                kill(thread);
                machine.settle();
                machine.forget_ended();
                EXPECT_TRUE(state() == before) << "allocation " << first << " and " << second << " after it";
                if (!failed) return;
                if (!failed_again) break;
            }
    }
    template <class Call>
    void exhaust(const char* what, const Call& call) {
        exhaust<Call>(
            what, [&] { return machine.call(client, call); },
            [&](const auto& result) {
                ASSERT_TRUE(result);
                if constexpr (requires { Handle(*reinterpret_cast<const Handle*>(&*result)); })
                    machine.call(client, abi::HandleClose{{abi::to_arguments(*result)[0]}});
            });
    }
    /// `request` followed by `reset`, which puts back what even a refused call may have done, and in which nothing fails.
    auto then_reset(auto request, auto reset) {
        return [request, reset] {
            auto result = request();
            const NoFailures none;
            reset();
            return result;
        };
    }
    static constexpr auto kNothing = [](const auto&) {};

    static inline std::bitset<abi::Syscalls::kCount> refused_;  ///< by number, calls that were with NoMemory
};

}  // namespace portico::kernel::hosted
