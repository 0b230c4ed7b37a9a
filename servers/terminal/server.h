#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "protocols/file.h"
#include "protocols/terminal.h"
#include "runtime/ipc.h"
#include "servers/terminal/frame_counter.h"
#include "servers/terminal/host_terminal.h"
#include "servers/terminal/input_stream.h"
#include "servers/terminal/link.h"
#include "servers/terminal/open_object.h"
#include "servers/terminal/output_queue.h"
#include "servers/terminal/settings.h"
#include "servers/terminal/slip.h"

namespace portico::terminal {

namespace file = protocols::file;

/// Serves the terminal, pseudo-terminals and the host's streams by protocols/file.h and protocols/terminal.h: docs/terminal.md.
///
/// Ownership: owns all state of terminal and streams; borrows the handles.
/// Locks: none: one thread, one port, one loop. Handlers that wait do so in changed_ and check their condition again whenever
///        anything changed; so nobody is woken from inside another handler.
/// Bound: kObjectsMax open objects, kPseudoMax pseudo-terminals; one waiting handler a call.
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
    Result<protocols::Empty> on(const ipc::Call& call, const protocols::terminal::Report& request);
    void on_notification(uint64_t badge, uint64_t bits);
    void on_other(const abi::Message& message);
    // opening.cpp
    Result<file::Open::Reply> on(const ipc::Call& call, const file::Open& request);
    // attributes.cpp
    Result<file::Seek::Reply> on(const ipc::Call& call, const file::Seek& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::GetAttributes& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::SetAttributes& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::Truncate& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::Sync& request);
    Result<file::GetFlags::Reply> on(const ipc::Call& call, const file::GetFlags& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::SetFlags& request);
    Result<file::GetPath::Reply> on(const ipc::Call& call, const file::GetPath& request);
    Result<protocols::Empty> on(const ipc::Call& call, const protocols::terminal::SetNode& request);
    Result<protocols::terminal::ListPseudo::Reply> on(const ipc::Call& call, const protocols::terminal::ListPseudo& request);
    Result<protocols::Empty> on(const ipc::Call& call, const protocols::terminal::DescribePseudo& request);
    Result<protocols::Empty> on(const ipc::Call& call, const protocols::terminal::ChangePseudo& request);
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
    Terminal& host() { return host_->terminal(); }
    bool input_ended(const OpenObject& object) const { return object.device == host_ && terminal_input_ended(); }
    std::shared_ptr<PseudoTerminal> pseudo(uint64_t number) const;
    Result<std::shared_ptr<PseudoTerminal>> make_pseudo();
    Result<Object> make_object(const ipc::Call& call, const file::Open& request);
    Result<Object> make_object_anew(const Object& object, const file::Open& request);
    Result<Object> open_terminal(const Name& name, std::shared_ptr<TerminalDevice> device, const file::Open& request);
    void close(const OpenObject& object);

    bool has_room(const OpenObject& object) const;
    bool deliver(const ipc::Call& call, std::string_view bytes) const;
    ipc::Task read_stream(ipc::Call call, Object object, uint64_t length_bytes);
    ipc::Task read_outer(ipc::Call call, Object object, uint64_t length_bytes);
    void take_written(OpenObject& object, std::string_view bytes);
    uint64_t ready_events(const OpenObject& object) const;
    /// Of a caller as Read and Write name it: group, and session in the upper half.
    Standing standing(const Terminal& terminal, uint64_t caller, int signal, uint64_t& deadline_ns);

    Result<file::Control::Reply> control_stream(const ipc::Call& call, OpenObject& object, const file::Control& request);
    Result<file::Control::Reply> control_terminal(const ipc::Call& call, OpenObject& object, const file::Control& request);
    Result<file::Control::Reply> control_outer(const ipc::Call& call, OpenObject& object, const file::Control& request);

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
    std::shared_ptr<HostTerminal> host_;
    std::map<uint32_t, std::weak_ptr<PseudoTerminal>> pseudo_;        // by number, which is in use while somebody has one of its sides
    std::map<std::string_view, protocols::terminal::SetNode> nodes_;  // by name in kNames
    std::map<uint64_t, Object> objects_;                              // by badge
    uint64_t next_badge_ = file::kFirstObjectBadge;
    ipc::WaitQueue changed_;
    std::set<uint64_t> alarms_;
    bool changed_now_ = false;
    bool ready_ = false;         // the host was told so
    bool input_opened_ = false;  // somebody has opened "stdin"
};

}  // namespace portico::terminal
