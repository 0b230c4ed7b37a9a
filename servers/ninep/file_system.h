#pragma once

#include <unordered_set>

#include "servers/file/kept_nodes.h"
#include "servers/file/pages.h"
#include "servers/ninep/node.h"
#include "servers/ninep/session.h"

namespace portico::ninep {

class File;

/// A folder of the host, for the name space.
///
/// Nodes:   one for each file of the host's that is used, and the kNodesMax last used ones (KeptNodes).
/// Names:   every lookup asks the host, so what is made, moved and removed there is seen at once.
/// Session: when it dies (the driver ended, the device was reset) it is begun anew, and fids are walked again from names as they are
/// needed.
///          What was on its way is made again where that does no harm (repeat).
/// Locks:   none, the server is one thread.
class FileSystem final : public file_server::FileSystem {
public:
    struct Description {
        uint64_t device = 0;
        std::string source{};  ///< what the host calls it
        bool read_only = false;
    };
    FileSystem(Description description, Channel& channel, file_server::PageSource& source);
    ~FileSystem() override;

    /// Errors: IoError, NoDevice, what the host says of its folder.
    Result<> start();

    file_server::NodeRef root() override { return root_; }
    std::string_view type() const override { return "9p"; }
    std::string_view source() const override { return description_.source; }
    bool read_only() const override { return description_.read_only; }
    file::GetSpace::Reply space() override;
    Result<> rename(file_server::Node& old_directory, std::string_view old_name, file_server::Node& new_directory,
                    std::string_view new_name, file_server::RenameMode mode) override;
    Result<> sync() override;
    Result<> end() override { return sync(); }
    void tick() override;

    Session& session() { return session_; }
    file_server::PageSource& pages() { return pages_; }

    /// Does what asks the host, in a session that lives, and again if it died meanwhile. `operation` is told whether a request of an
    /// earlier try may have been carried out. Errors: IoError if it dies again and again.
    template <class Operation>
    auto repeat(Operation operation) -> decltype(operation(false)) {
        constexpr unsigned kTriesMax = 5;  // init gives up on a driver that ends more often
        bool maybe_done = false;
        for (unsigned tries = 0; tries < kTriesMax; ++tries) {
            const Result<> alive = session_.is_alive() ? Result<>{} : session_.begin();
            if (!alive && !Session::is_death(alive.error())) return fail(alive.error());
            if (!alive) continue;
            auto outcome = operation(maybe_done);
            if (outcome || !Session::is_death(outcome.error())) return outcome;
            maybe_done = maybe_done || outcome.error() == Error::PeerClosed;
        }
        return fail(Error::IoError);
    }

    /// A node's fid, walked from the root if the session is a new one. Errors: NotFound (its name is gone), IoError (another file has it
    /// now), those of the session.
    Result<Fid> fid_of(Node& node);
    /// The node that a walk found. Errors: IoError if it can be none.
    Result<std::shared_ptr<Node>> node(std::shared_ptr<Directory> parent, std::string_view name, OwnedFid fid,
                                       const HostAttributes& attributes);
    /// It has no name any more.
    void forget(Node& node) { nodes_.forget(node); }

    void count_pages(uint64_t count);
    void make_room() { nodes_.evict(kPagesToFree); }

    /// Files that have fids open, or may have dirty pages.
    void add_busy(File& file) { busy_.insert(&file); }
    void remove_busy(File& file) { busy_.erase(&file); }

private:
    static constexpr size_t kNodesMax = 1024;
    static constexpr uint64_t kPagesToFree = 1024, kPagesBetweenLooks = 64;

    Description description_;
    Session session_;
    file_server::PageSource& pages_;
    std::unordered_set<File*> busy_;
    file_server::KeptNodes<Node> nodes_{kNodesMax};
    std::shared_ptr<Node> root_;
    uint64_t pages_since_look_ = 0;
};

}  // namespace portico::ninep
