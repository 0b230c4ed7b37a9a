#include "servers/file/pts_file_system.h"

#include <charconv>

namespace portico::file_server {
namespace {

using protocols::terminal::kFirstPseudoInode;

constexpr uint64_t kRootInode = 1, kMultiplexerInode = 2;
constexpr std::string_view kMultiplexerName = "ptmx";
constexpr uint64_t kFirstCookie = 4;  // behind ".", "..", ptmx

PseudoTerminals& terminals_of(FileSystem& file_system) {
    return static_cast<PtsFileSystem&>(file_system).terminals();
}

class Multiplexer final : public Node {
public:
    Multiplexer(FileSystem& file_system, NodeRef parent) : Node(file_system, Kind::CharacterDevice), parent_(std::move(parent)) {
        attributes_.device = file_system.device();
        attributes_.inode = kMultiplexerInode;
        attributes_.links = 1;
        attributes_.mode = type_bits(Kind::CharacterDevice) | 0666;
        attributes_.special_device = PtsFileSystem::kMultiplexer;
        attributes_.access_ns = attributes_.modify_ns = attributes_.change_ns = realtime_ns();
    }
    Attributes attributes() override { return attributes_; }
    Result<Location> location() override { return Location{.parent = parent_, .name = std::string(kMultiplexerName)}; }

private:
    NodeRef parent_;
    Attributes attributes_;
};

class PseudoNode final : public Node {
public:
    PseudoNode(FileSystem& file_system, NodeRef parent, uint32_t number, const Attributes& attributes)
        : Node(file_system, Kind::CharacterDevice), parent_(std::move(parent)), number_(number), attributes_(attributes) {}

    Attributes attributes() override {
        if (const Result<Attributes> now = terminals_of(file_system()).describe(number_)) attributes_ = *now;
        return attributes_;
    }
    Result<> change(const AttributeChange& change) override {
        return terminals_of(file_system())
            .change({.number = number_,
                     .changes = change.changes,
                     .mode = change.mode,
                     .uid = change.uid,
                     .gid = change.gid,
                     .access_ns = change.access_ns,
                     .modify_ns = change.modify_ns});
    }
    Result<Location> location() override { return Location{.parent = parent_, .name = std::to_string(number_)}; }

private:
    NodeRef parent_;
    uint32_t number_;
    Attributes attributes_;  // as they were when they could last be asked for
};

class PtsDirectory final : public Node {
public:
    explicit PtsDirectory(FileSystem& file_system) : Node(file_system, Kind::Directory) {
        attributes_.device = file_system.device();
        attributes_.inode = kRootInode;
        attributes_.links = 2;
        attributes_.mode = type_bits(Kind::Directory) | 0755;
        attributes_.access_ns = attributes_.modify_ns = attributes_.change_ns = realtime_ns();
    }

    Attributes attributes() override { return attributes_; }
    Result<> change(const AttributeChange&) override { return fail(Error::AccessDenied); }
    Result<Location> location() override { return Location{}; }

    Result<NodeRef> lookup(std::string_view name) override {
        if (name == kMultiplexerName) return std::make_shared<Multiplexer>(file_system(), shared_from_this());
        uint32_t number = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (error != std::errc{} || end != name.data() + name.size() || (name.front() == '0' && name != "0")) return fail(Error::NotFound);
        const Attributes attributes = TRY(terminals_of(file_system()).describe(number));
        return std::make_shared<PseudoNode>(file_system(), shared_from_this(), number, attributes);
    }

    Result<> list(uint64_t cookie, const TakeEntry& take) override {
        if (cookie < 1 && !take({.name = ".", .inode = kRootInode, .cookie = 1, .kind = Kind::Directory})) return {};
        if (cookie < 2 && !take({.name = "..", .inode = kRootInode, .cookie = 2, .kind = Kind::Directory})) return {};
        if (cookie < 3 && !take({.name = kMultiplexerName, .inode = kMultiplexerInode, .cookie = 3, .kind = Kind::CharacterDevice}))
            return {};
        for (const uint32_t number : TRY(terminals_of(file_system()).numbers())) {
            const std::string name = std::to_string(number);
            if (cookie < kFirstCookie + number &&
                !take({.name = name, .inode = kFirstPseudoInode + number, .cookie = kFirstCookie + number, .kind = Kind::CharacterDevice}))
                return {};
        }
        return {};
    }

private:
    Attributes attributes_;
};

}  // namespace

PtsFileSystem::PtsFileSystem(PseudoTerminals& terminals)
    : FileSystem(protocols::terminal::kPseudoDevice), terminals_(terminals), root_(std::make_shared<PtsDirectory>(*this)) {}

}  // namespace portico::file_server
