#pragma once

#include <string>

#include "protocols/file.h"
#include "servers/terminal/terminal.h"

namespace portico::terminal {

class PseudoTerminal;

/// A terminal that can be opened: the host's, or the inner side of a pseudo-terminal.
///
///     open objects ──hung up──▶ those that were open are dead (reads end, writes fail); who opens it anew has it again
///
/// Ownership: its open objects and the server share it; borrows the signaller. Locks: none, one thread.
class TerminalDevice {
public:
    TerminalDevice(OutputSink& output, Signaller& signaller, WindowSize window)
        : terminal_(output, signaller, window), signaller_(signaller) {}
    TerminalDevice(const TerminalDevice&) = delete;
    TerminalDevice& operator=(const TerminalDevice&) = delete;
    virtual ~TerminalDevice() = default;

    Terminal& terminal() { return terminal_; }
    const Terminal& terminal() const { return terminal_; }

    /// How often it was hung up: an open object notes the number it was opened at, and is dead when that is no longer the number.
    uint64_t hang_ups() const { return hang_ups_; }

    /// The line is gone: its session's leader is told, by SIGHUP and SIGCONT, and the terminal is free.
    void hang_up();
    /// The session's leader ended: its foreground group is told, by SIGHUP, and the terminal is free. What is open stays so.
    void leader_ended();

    /// Goes up whenever it may have become ready for something: what edges of polls are told by.
    uint64_t changes() const { return changes_; }
    void changed() { ++changes_; }

    virtual bool has_line() const { return true; }        ///< false: nobody is at the other side any more, and nobody will be
    virtual void opened() {}                              ///< one more open object
    virtual void closed() {}                              ///< one less
    virtual PseudoTerminal* pseudo() { return nullptr; }  ///< itself, if it is one

private:
    Terminal terminal_;
    Signaller& signaller_;
    uint64_t hang_ups_ = 0;
    uint64_t changes_ = 1;
};

}  // namespace portico::terminal
