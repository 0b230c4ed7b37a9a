#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "protocols/terminal.h"
#include "servers/terminal/terminal_device.h"

namespace portico::terminal {

/// What a pseudo-terminal's programs wrote and its outer side has not read yet.
class OuterQueue final : public OutputSink {
public:
    void send(std::string_view bytes) override { bytes_.append(bytes); }
    size_t pending_bytes() const override { return bytes_.size(); }
    std::string take_back() override { return std::exchange(bytes_, {}); }
    std::string peek(size_t length_max) const { return bytes_.substr(0, length_max); }
    void consume(size_t count) { bytes_.erase(0, count); }

private:
    std::string bytes_;
};

/// Holds the queue, which has to be there before the terminal that writes to it.
struct OuterSide {
    OuterQueue outer;
};

/// A pair: who has opened /dev/ptmx is the line of a terminal that others open as /dev/pts/NUMBER.
///
///     outer.write ──▶ Terminal.receive ─▶ (line discipline) ─▶ inner reads
///     outer.read ◀── OuterQueue ◀── output and echo ◀── inner writes
///
/// States: locked ─(TIOCSPTLCK)─▶ openable ─(the outer side's last close)─▶ without a line, for good.
///         Of the inner side: never opened → open ⇄ closed; what the outer side reads ends while it is closed.
/// Ownership: as TerminalDevice. Bound: of input Terminal::kHeldInputBytesMax and a line; of output as Terminal says.
class PseudoTerminal final : private OuterSide, public TerminalDevice {
public:
    PseudoTerminal(Signaller& signaller, uint32_t number, int64_t now_ns) : TerminalDevice(outer, signaller, {}), number_(number) {
        Termios settings;
        settings.control &= ~control_flag::kHangUpOnClose;
        terminal().set(settings);
        attributes_.access_ns = attributes_.modify_ns = attributes_.change_ns = attributes_.birth_ns = now_ns;
    }

    PseudoTerminal* pseudo() override { return this; }
    uint32_t number() const { return number_; }
    OuterQueue& queue() { return outer; }
    const OuterQueue& queue() const { return outer; }

    bool locked() const { return locked_; }
    void set_locked(bool locked) { locked_ = locked; }

    bool has_line() const override { return has_line_; }
    /// The outer side was closed.
    void lose_line() {
        has_line_ = false;
        hang_up();
    }

    void opened() override {
        ++open_count_;
        was_opened_ = true;
    }
    void closed() override {
        --open_count_;
        changed();
    }
    /// Programs had it open, and none has now.
    bool is_left() const { return was_opened_ && open_count_ == 0; }

    protocols::file::Attributes attributes() const {
        protocols::file::Attributes told = attributes_;
        told.inode = protocols::terminal::kFirstPseudoInode + number_;
        told.special_device = protocols::terminal::special_device(protocols::terminal::kPseudoMajor, number_);
        return told;
    }
    void change(const protocols::terminal::ChangePseudo& change, int64_t now_ns);

private:
    uint32_t number_;
    bool locked_ = true, has_line_ = true, was_opened_ = false;
    size_t open_count_ = 0;
    protocols::file::Attributes attributes_{.device = protocols::terminal::kPseudoDevice,
                                            .links = 1,
                                            .mode = 0020620,
                                            .gid = protocols::terminal::kPseudoGroup,
                                            .block_bytes = 1024};
};

}  // namespace portico::terminal
