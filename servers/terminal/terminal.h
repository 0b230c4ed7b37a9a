#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "servers/terminal/job_control.h"
#include "servers/terminal/line_discipline.h"
#include "servers/terminal/output_filter.h"
#include "servers/terminal/output_sink.h"
#include "servers/terminal/read_timing.h"
#include "servers/terminal/termios.h"

namespace portico::terminal {

/// Where a terminal's signals go.
class Signaller {
public:
    virtual ~Signaller() = default;
    virtual void signal_group(int64_t group, int signal) = 0;  ///< must not wait
};

/// The terminal itself: settings, line discipline, output, window size, job control. Knows nothing of calls and handles.
///
///                 receive() ─▶ held_input_ ─▶ LineDiscipline ─▶ peek(), commit()
///                                                  │ echo
///                    write() ─▶ OutputFilter ◀─────┘
///                                   └─▶ (stopped: held_output_) ─▶ OutputSink
///
/// Ownership: borrows sink and signaller. Locks: none, one thread.
/// Bound: held_input_ kHeldInputBytesMax (more is dropped, with a bell); output kOutputLowBytes, one processed write,
///        and kEchoBytesMax of echo.
/// Order: echo and writes reach the sink in the order in which they happened here.
class Terminal {
public:
    static constexpr size_t kHeldInputBytesMax = 64 * 1024;
    static constexpr size_t kWriteBytesMax = 256 * 1024;  ///< taken by one write
    static constexpr size_t kOutputLowBytes = 4 * 1024;   ///< writes wait while more than this is pending
    static constexpr size_t kEchoBytesMax = 8 * 1024;     ///< kept output beyond which stopped output gets no echo

    Terminal(OutputSink& output, Signaller& signaller, WindowSize window)
        : output_(output), signaller_(signaller), filter_(settings_), discipline_(settings_, filter_), window_(window) {}
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    // ---- from the other side of the line
    void receive(std::span<const uint8_t> bytes, uint64_t now_ns);
    /// How much can be received without a loss.
    size_t input_room() const { return kHeldInputBytesMax - held_input_.size(); }
    /// SIGWINCH to the foreground group if that is a change.
    void resize(const WindowSize& window);
    /// No more will be received: a line without its end can be read.
    void end_input() { discipline_.end_input(); }

    // ---- reading
    struct Read {
        uint64_t length_bytes;
        bool non_blocking;
        uint64_t started_ns;
    };
    /// `input_ended`: no more will come, so nothing is worth waiting for.
    ReadDecision plan(const Read& read, bool input_ended, uint64_t now_ns) const;
    LineDiscipline::Peeked peek(uint64_t length_max) const { return discipline_.peek(length_max); }
    void commit(size_t cells);
    bool poll_readable(bool input_ended) const;
    size_t readable_bytes() const { return discipline_.readable_bytes(); }

    // ---- writing
    bool stopped() const { return stopped_by_call_ || discipline_.stopped(); }
    bool has_output_room() const { return !stopped() && output_.pending_bytes() + held_output_.size() <= kOutputLowBytes; }
    void write(std::string_view bytes);
    size_t pending_output_bytes() const { return held_output_.size() + output_.pending_bytes(); }

    // ---- control
    const Termios& settings() const { return settings_; }
    void set(const Termios& settings);
    void flush_input();
    void flush_output();
    void stop_output();
    void restart_output();
    /// Sends VSTOP or VSTART to the other side.
    void send_special(Special character);
    const WindowSize& window() const { return window_; }
    JobControl& jobs() { return jobs_; }
    const JobControl& jobs() const { return jobs_; }
    void signal_foreground(int signal);

private:
    void feed(uint8_t byte, LineDiscipline::Outcome& outcome) { discipline_.receive(byte, outcome); }
    void feed_held();
    void apply(const LineDiscipline::Outcome& outcome);
    void show(std::string_view processed);
    /// Moves bytes between held_output_ and the queue as the flow control state wants it.
    void settle_output();

    OutputSink& output_;
    Signaller& signaller_;
    Termios settings_;
    OutputFilter filter_;
    LineDiscipline discipline_;
    WindowSize window_;
    JobControl jobs_;
    std::string held_input_;   // came while the discipline was full
    std::string held_output_;  // processed, but output is stopped
    uint64_t last_input_ns_ = 0;
    bool stopped_by_call_ = false;
};

}  // namespace portico::terminal
