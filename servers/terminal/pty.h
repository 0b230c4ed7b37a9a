#pragma once

#include <memory>

#include "servers/terminal/open_object.h"
#include "servers/terminal/terminal.h"

namespace portico::terminal {

/// A pseudo-terminal: a terminal whose line is another process, that has opened its master.
///
///     master writes ──▶ Terminal::receive ──▶ slaves read
///     master reads  ◀── output ◀──────────── slaves write, echo
///
///     locked ──TIOCSPTLCK──▶ open ──master closed──▶ hung up: slaves read the end and cannot write
///
/// Ownership: shared by its open objects. Locks: none.
/// Bound: slaves wait while more than Terminal::kOutputLowBytes of output lie here, the master while kInputHeldMax of input do.
struct Pty {
    static constexpr unsigned kPtysMax = 256;
    static constexpr size_t kInputHeldMax = 4096;

    Pty(unsigned pty_number, Signaller& signaller)
        : number(pty_number),
          slave_name{.name = "", .target = Target::Slave, .mode = 0020620, .special_device = special_device(136, pty_number)},
          output(Framing::Plain),
          terminal(output, signaller, {}) {}

    const unsigned number;
    const Name slave_name;
    OutputQueue output;
    Terminal terminal;
    bool locked = true;
    bool hung_up = false;
    unsigned slaves = 0;
    bool had_slave = false;

    /// The master reads its end, not yet if output is left.
    bool slaves_gone() const { return had_slave && slaves == 0; }
    bool takes_input() const { return terminal.held_input_bytes() < kInputHeldMax; }
};

}  // namespace portico::terminal
