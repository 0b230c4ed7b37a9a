#include "servers/terminal/terminal_device.h"

#include <utility>

namespace portico::terminal {

void TerminalDevice::leader_ended() {
    const int64_t group = std::exchange(terminal_.jobs(), JobControl()).foreground();
    if (group != 0) signaller_.signal_group(group, kSignalHangUp);
}

void TerminalDevice::hang_up() {
    ++hang_ups_;
    const int64_t leader = std::exchange(terminal_.jobs(), JobControl()).session();
    terminal_.flush_input();
    terminal_.restart_output();
    changed();
    if (leader == 0) return;
    signaller_.signal_group(leader, kSignalHangUp);  // a leader's group has the leader's number
    signaller_.signal_group(leader, kSignalContinue);
}

}  // namespace portico::terminal
