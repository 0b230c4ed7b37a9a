#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "servers/terminal/output_filter.h"
#include "servers/terminal/termios.h"

namespace portico::terminal {

/// Turns typed bytes into what programs read, as termios(3) and Linux's n_tty say: editing, echo, signals, flow control.
///
///     byte ──▶ flow control ──▶ signals ──▶ CR/NL mapping ──▶ canonical: editing_ ──(NL, EOL, EOF)──▶ committed_ ──▶ read
///                                                        └──▶ otherwise: ─────────────────────────▶ committed_
///
/// Ownership: values only; borrows the output filter, through which echo goes. Locks: none, and no I/O.
/// Bound: committed_ and editing_ hold at most kBufferBytes together; editing_ at most kBufferBytes - 1 before its newline.
class LineDiscipline {
public:
    static constexpr size_t kBufferBytes = 4096;

    LineDiscipline(const Termios& settings, OutputFilter& filter) : settings_(settings), filter_(filter) {}

    /// What received bytes caused, in the order: drop unsent output, send signals, show echo.
    struct Outcome {
        std::string echo;
        std::vector<int> signals;
        bool flush_output = false;
    };

    /// Would a byte find room? If not it should be kept back until programs have read; if nothing can be read, then bytes
    /// are taken and dropped, so that a too long line can still be ended.
    bool can_receive() const;
    /// Does this byte send a signal? It then should not wait behind bytes kept back.
    bool raises_signal(uint8_t byte) const;
    void receive(uint8_t byte, Outcome& outcome);

    /// Has IXON input stopped the output?
    bool stopped() const { return stopped_; }
    void restart() { stopped_ = false; }

    /// A read: canonical, up to one line; else what there is. Taking it is a second step, so that a refused reply loses nothing.
    struct Peeked {
        std::string bytes;
        size_t cells = 0;  ///< for commit(): an end-of-file mark is a cell without a byte
    };
    /// Is there a line (maybe an empty one: end of file), or, not canonical, a byte?
    bool readable() const { return !committed_.empty(); }
    size_t readable_bytes() const;
    Peeked peek(size_t length_max) const;
    void commit(size_t cells);

    void flush_input();
    /// As if EOF were typed behind an unfinished line.
    void end_input() {
        if (!editing_.empty()) end_line(0, Mark::EndOfFile);
    }
    /// To be called after the settings have changed. What was typed stays.
    void settings_changed(const Termios& before);

private:
    enum class Mark : uint8_t { None, LineEnd, EndOfFile };
    struct Cell {
        uint8_t byte;
        Mark mark;
    };

    bool has_local(uint32_t flag) const { return settings_.local_has(flag); }
    bool is(uint8_t byte, Special index) const { return settings_.is(byte, index); }
    bool full() const { return committed_.size() + editing_.size() >= kBufferBytes - 1; }
    int signal_of(uint8_t byte) const;

    bool receive_flow_control(uint8_t byte);
    bool receive_signal(uint8_t byte, Outcome& outcome);
    bool receive_canonical(uint8_t byte, Outcome& outcome);
    void store(uint8_t byte, Outcome& outcome);
    void end_line(uint8_t byte, Mark mark);

    // line_editing.cpp
    void erase(Special how, uint8_t byte, std::string& echo);
    uint8_t drop_last();  ///< the last character's first byte
    void erase_last(std::string& echo);
    void reprint(uint8_t byte, std::string& echo);
    void echo_byte(uint8_t byte, std::string& echo);
    unsigned column_after(size_t count) const;
    unsigned width_of(uint8_t byte, unsigned column) const;

    const Termios& settings_;
    OutputFilter& filter_;
    std::deque<Cell> committed_;
    std::string editing_;          // empty unless canonical
    unsigned editing_column_ = 0;  // where its echo began
    bool literal_next_ = false;
    bool stopped_ = false;
};

}  // namespace portico::terminal
