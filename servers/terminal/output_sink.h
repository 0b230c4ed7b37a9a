#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace portico::terminal {

/// Where a terminal's output goes: to the host, or to who holds the outer side of a pseudo-terminal.
class OutputSink {
public:
    virtual ~OutputSink() = default;
    virtual void send(std::string_view bytes) = 0;
    virtual size_t pending_bytes() const = 0;  ///< sent here and not yet taken by the other side
    virtual std::string take_back() = 0;       ///< what is pending, which then is gone
};

}  // namespace portico::terminal
