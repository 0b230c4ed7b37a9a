#pragma once

#include <gtest/gtest.h>

#include "kernel/arch/hosted/machine.h"

namespace portico::abi {
inline void PrintTo(Error error, std::ostream* stream) {
    *stream << name_of(error);
}
}  // namespace portico::abi

namespace portico::kernel::hosted {

/// What a call was refused with; None if it was not.
template <class T>
Error refusal(const Result<T>& result) {
    return result ? Error::None : result.error();
}

/// A server process with a port and a client process with a send handle to it.
class PortFixture : public testing::Test {
public:
    static constexpr uint64_t kBadge = 42;

    explicit PortFixture(uint64_t mebibytes = 8) : machine(1, mebibytes) {}

    Machine machine;
    Thread& server = machine.make_thread();
    Thread& client = machine.make_thread();
    Handle port = machine.call(server, abi::PortCreate{})->port;
    Handle server_sender = machine.call(server, abi::PortBadge{port, kBadge, 64})->sender;
    Handle sender = machine.give(server, server_sender, client);

    /// The client's call, taken by the server; returns its id.
    uint64_t call_taken(uint64_t word = 0, uint64_t deadline_ns = abi::kForever) {
        machine.start_call(client, sender, word, deadline_ns);
        return machine.receive(server, port)->id;
    }
    void expect_call_answered(uint64_t word) { expect_answer(client, word); }
    void expect_answer(Thread& caller, uint64_t word) {
        ASSERT_FALSE(machine.waits(caller));
        const auto answer = machine.received(caller);
        ASSERT_TRUE(answer) << name_of(answer.error());
        EXPECT_EQ(answer->word[0], word);
    }

    /// A send handle of `holder` to a port of `owner`, who keeps none.
    Handle make_sender(Thread& owner, Handle to, Thread& holder, uint64_t badge = kBadge, uint64_t credits = 64) {
        const Handle made = machine.call(owner, abi::PortBadge{to, badge, credits})->sender;
        if (&owner.process() == &holder.process()) return made;
        const Handle given = machine.give(owner, made, holder);
        machine.call(owner, abi::HandleClose{made});
        return given;
    }
    Ref<Account> make_account(uint64_t limit_bytes, Account* parent = nullptr) {
        Account& above = parent != nullptr ? *parent : machine.root();
        return machine.in_kernel([&] { return *create_object<Account>(above, &above, limit_bytes); });
    }
    /// Lets `thread` make its system call again, as it will when it next runs: a batch receive that was woken.
    template <class Call>
    Result<ReplyOf<Call>> go_on(Thread& thread) {
        machine.enter(thread, Call::doc.number);
        return machine.result<Call>(thread);
    }
    void alert(Thread& thread) {
        machine.in_kernel([&] { thread.alert(); });
    }
    void kill(Thread& thread) {
        machine.in_kernel([&] { thread.process().kill(1); });
    }
};

}  // namespace portico::kernel::hosted
