#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "protocols/file.h"
#include "protocols/terminal.h"
#include "runtime/ipc.h"
#include "servers/terminal/frame_counter.h"
#include "servers/terminal/input_stream.h"
#include "servers/terminal/link.h"
#include "servers/terminal/open_object.h"
#include "servers/terminal/output_queue.h"
#include "servers/terminal/settings.h"
#include "servers/terminal/slip.h"
#include "servers/terminal/terminal.h"

namespace portico::terminal {

namespace file = protocols::file;

/// Serves the terminal and the host's streams by protocols/file.h and protocols/terminal.h: docs/terminal.md.
///
/// Ownership: owns all state of terminal and streams; borrows the handles.
/// Locks: none: one thread, one port, one loop. Handlers that wait do so in changed_ and check their condition again whenever
///        anything changed; so nobody is woken from inside another handler.
/// Bound: kObjectsMax open objects; one waiting handler a call.
class Server final : private Signaller {
public:
    struct Handles {
        abi::Handle port;     ///< Receive: requests, replies of the uart
        abi::Handle uart;     ///< Send
        abi::Handle process;  ///< Send, for SignalGroup
    };
    Server(const Handles& handles, const Settings& settings);

    [[noreturn]] void run();

    // server.cpp
    Result<file::Open::Reply> on(const ipc::Call& call, const file::Open& request);
    Result<protocols::Empty> on(const ipc::Call& call, const protocols::terminal::Report& request);
    void on_notification(uint64_t badge, uint64_t bits);
    void on_other(const abi::Message& message);
    // attributes.cpp
    Result<file::Seek::Reply> on(const ipc::Call& call, const file::Seek& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::GetAttributes& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::Truncate& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::Sync& request);
    Result<file::GetFlags::Reply> on(const ipc::Call& call, const file::GetFlags& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::SetFlags& request);
    Result<file::GetPath::Reply> on(const ipc::Call& call, const file::GetPath& request);
    // transfer.cpp
    ipc::Task on(ipc::Call call, file::Read request);
    ipc::Task on(ipc::Call call, file::Write request);
    ipc::Task on(ipc::Call call, file::Poll request);
    // control.cpp
    ipc::Task on(ipc::Call call, file::Control request);

private:
    static constexpr size_t kObjectsMax = 4096;
    static constexpr uint64_t kCredits = 64;  // messages one open object may have queued
    static constexpr size_t kReadBytesMax = 64 * 1024;
    static constexpr uint64_t kSignalTakenNs = 1'000'000'000;  // see Standing

    /// Of a group that wants the terminal. A background group was sent a signal and waits for that to interrupt it; if nothing
    /// did within kSignalTakenNs, the signal must be ignored or blocked.
    enum class Standing : uint8_t { Foreground, Waiting, SignalIgnored };

    using Object = std::shared_ptr<OpenObject>;
    Result<Object> find(const ipc::Call& call) const;
    void signal_group(int64_t group, int signal) override;
    void on_line_loss();
    void on_line_bytes(std::span<const uint8_t> bytes);
    void on_frame(std::span<const uint8_t> frame);
    void on_control_line(std::string_view line);
    void send_control(std::string_view line) { output_.send(Channel::Control, line); }
    void grant_credit();
    void send_all_output();

    bool terminal_input_ended() const { return input_.ended() && !input_opened_ && settings_.framing == Framing::Framed; }
    bool has_room(Target target) const;
    bool deliver(const ipc::Call& call, std::string_view bytes) const;
    ipc::Task read_stream(ipc::Call call, Object object, uint64_t length_bytes);
    uint64_t ready_events(const OpenObject& object) const;
    Standing standing(uint64_t group, int signal, uint64_t& deadline_ns);

    Result<file::Control::Reply> control_stream(const ipc::Call& call, OpenObject& object, const file::Control& request);
    Result<file::Control::Reply> control_terminal(const ipc::Call& call, OpenObject& object, const file::Control& request);
    Result<> set_termios(const ipc::Call& call, uint64_t request);
    Result<> control_flow(uint64_t action);
    Result<> flush(uint64_t which);

    void changed() { changed_now_ = true; }
    /// Has changed() happen at a time.
    void set_alarm(uint64_t deadline_ns) { alarms_.insert(deadline_ns); }
    uint64_t next_deadline() const;

    Handles handles_;
    Settings settings_;
    Link link_;
    SlipDecoder decoder_;
    FrameCounter frames_;
    OutputQueue output_;
    InputStream input_;
    Terminal terminal_;
    std::map<uint64_t, Object> objects_;  // by badge
    uint64_t next_badge_ = file::kFirstObjectBadge;
    ipc::WaitQueue changed_;
    std::set<uint64_t> alarms_;
    bool changed_now_ = false;
    bool ready_ = false;         // the host was told so
    bool input_opened_ = false;  // somebody has opened "stdin"
};

}  // namespace portico::terminal
