#pragma once

#include <string>
#include <vector>

#include "servers/ninep/channel.h"
#include "servers/ninep/message.h"

namespace portico::ninep {

/// The server's number for a file, and in which life of the session it means that.
struct Fid {
    uint32_t number = kNoFid;
    uint64_t generation = 0;
};

class Session;

/// A fid that goes back to the server with its owner, if the session still knows it.
class OwnedFid {
public:
    OwnedFid() = default;
    OwnedFid(Session& session, Fid fid) : session_(&session), fid_(fid) {}
    OwnedFid(OwnedFid&& other) noexcept : session_(std::exchange(other.session_, nullptr)), fid_(other.fid_) {}
    OwnedFid& operator=(OwnedFid&& other) noexcept {
        if (this != &other) {
            reset();
            session_ = std::exchange(other.session_, nullptr);
            fid_ = other.fid_;
        }
        return *this;
    }
    ~OwnedFid() { reset(); }

    Fid get() const { return fid_; }
    /// Whether the session of today knows it.
    bool is_current() const;
    void reset();

private:
    Session* session_ = nullptr;
    Fid fid_;
};

/// What a client asks a 9P2000.L server, one request at a time. Every answer is looked at as if an enemy had written it: one that is not as
/// it must be gets IoError, and the session is begun anew, for nobody knows any more what the fids are.
///
///     dead ──begin()──▶ alive ──PeerClosed, WrongState, or a bad answer──▶ dead
///
/// A fid of an earlier life is refused with WrongState and not sent.
///
/// Errors, of all: WrongState (dead, nothing was done), PeerClosed (dead, it may have been done), IoError, NoDevice, and what the host
/// says.
///
/// Ownership: borrows the channel. Locks: none. Bound: one exchange.
class Session {
public:
    static constexpr uint32_t kMessageBytesMin = 8192;

    explicit Session(Channel& channel) : channel_(channel) {}

    /// The death of a session, rather than an answer of the host.
    static bool is_death(Error error) { return error == Error::WrongState || error == Error::PeerClosed; }

    bool is_alive() const { return is_alive_; }
    uint64_t generation() const { return generation_; }
    /// Version and attach.
    Result<> begin();
    Fid root() const { return {.number = 0, .generation = generation_}; }
    uint32_t data_bytes_max() const { return message_bytes_max_ - kDataHeaderBytes; }

    /// A new fid for an entry of a directory; for the same file if the name is empty.
    Result<OwnedFid> walk(Fid from, std::string_view name, Qid& qid);
    Result<> open(Fid fid, uint32_t flags);
    /// Makes a file in the directory, whose fid becomes the open file's.
    Result<> create(Fid directory, std::string_view name, uint32_t flags, uint32_t mode);
    /// Points into the answer: until the next request. Empty at the end.
    Result<std::span<std::byte>> read(Fid fid, uint64_t offset, uint64_t length_bytes);
    Result<uint64_t> write(Fid fid, uint64_t offset, std::span<const std::byte> bytes);
    Result<> sync(Fid fid);

    Result<HostAttributes> attributes(Fid fid);
    Result<> set_attributes(Fid fid, const AttributesToSet& attributes);
    Result<std::string> read_link(Fid fid);
    Result<FileSystemSpace> space(Fid fid);

    Result<> make_directory(Fid directory, std::string_view name, uint32_t mode);
    Result<> make_link(Fid directory, std::string_view name, std::string_view target);
    Result<> make_node(Fid directory, std::string_view name, uint32_t mode);
    Result<> link(Fid directory, Fid file, std::string_view name);
    Result<> rename(Fid old_directory, std::string_view old_name, Fid new_directory, std::string_view new_name);
    Result<> unlink(Fid directory, std::string_view name, uint32_t flags);

    struct Entry {
        uint64_t inode = 0, offset = 0;
        uint8_t type = 0;  ///< DT_ of Linux
        std::string name;
    };
    /// Entries behind an offset; none at the end.
    Result<std::vector<Entry>> list(Fid directory, uint64_t offset);

private:
    friend class OwnedFid;
    static constexpr uint16_t kTag = 1;

    Result<> check(Fid fid) const;
    /// Sends what was written; what the answer has behind its header.
    Result<MessageReader> ask(Request type, MessageWriter& message, uint16_t tag = kTag);
    Error refuse();  ///< a bad answer
    void clunk(Fid fid);
    uint32_t new_number();
    MessageWriter message(Request type) { return {channel_.request().first(message_bytes_max_), type, kTag}; }
    template <class... Fields>
    Result<> order(Request type, Fields... fields);

    Channel& channel_;
    uint32_t message_bytes_max_ = kMessageBytesMin;
    uint64_t generation_ = 0;
    bool is_alive_ = false;
    uint32_t next_number_ = 1;
    std::vector<uint32_t> free_numbers_;
};

}  // namespace portico::ninep
