#pragma once

#include "servers/terminal/output_queue.h"
#include "servers/terminal/terminal_device.h"

namespace portico::terminal {

/// The terminal's share of the line to the host.
class HostOutput final : public OutputSink {
public:
    explicit HostOutput(OutputQueue& queue) : queue_(queue) {}
    void send(std::string_view bytes) override { queue_.send(Channel::Terminal, bytes); }
    size_t pending_bytes() const override { return queue_.pending_bytes(Channel::Terminal); }
    std::string take_back() override { return queue_.take_back(Channel::Terminal); }

private:
    OutputQueue& queue_;
};

/// Holds the sink, which has to be there before the terminal that writes to it.
struct HostSide {
    HostOutput output;
};

/// The terminal at which the user of the host command sits. Ownership: borrows queue and signaller.
class HostTerminal final : private HostSide, public TerminalDevice {
public:
    HostTerminal(OutputQueue& queue, Signaller& signaller, WindowSize window)
        : HostSide{HostOutput(queue)}, TerminalDevice(output, signaller, window) {}
};

}  // namespace portico::terminal
