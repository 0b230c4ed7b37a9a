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
    void expect_call_answered(uint64_t word) {
        ASSERT_FALSE(machine.waits(client));
        const auto answer = machine.received(client);
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->word[0], word);
    }
};

}  // namespace portico::kernel::hosted
