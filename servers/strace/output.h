#pragma once

#include <string_view>

#include "runtime/handle.h"

namespace portico::strace {

/// Where the trace goes: the terminal server's stream to the host. A write waits until the host has read enough.
class Output {
public:
    static Result<Output> open(abi::Handle terminal);
    /// What the terminal server does not take is lost.
    void write(std::string_view text);

private:
    explicit Output(OwnedHandle&& stream) : stream_(std::move(stream)) {}
    OwnedHandle stream_;
};

}  // namespace portico::strace
