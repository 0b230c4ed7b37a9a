#include "servers/file/pts_file_system.h"

#include <charconv>

#include "protocols/terminal.h"
#include "servers/file/memory_devices.h"

namespace portico::file_server {
namespace {

namespace terminal = protocols::terminal;

constexpr uint64_t kRootInode = 1, kFirstCookie = 3;

class PtsNode final : public Node {
public:
    PtsNode(PtsFileSystem& file_system, NodeRef parent, uint64_t number)
        : Node(file_system, Kind::CharacterDevice), parent_(std::move(parent)), number_(number) {}

    Attributes attributes() override {
        Attributes attributes;
        attributes.device = file_system().device();
        attributes.inode = terminal::kPtsInodeFirst + number_;
        attributes.links = 1;
        attributes.mode = 0020620;
        attributes.special_device = device_number(terminal::kPtsMajor, number_);
        attributes.access_ns = attributes.modify_ns = attributes.change_ns = realtime_ns();
        return attributes;
    }
    Result<> change(const AttributeChange&) override { return {}; }  // owner and mode are as good as any: nobody checks them
    Result<Location> location() override { return Location{.parent = parent_, .name = std::to_string(number_)}; }

private:
    NodeRef parent_;
    uint64_t number_;
};

class PtsRoot final : public Node {
public:
    explicit PtsRoot(PtsFileSystem& file_system) : Node(file_system, Kind::Directory) {}

    Attributes attributes() override {
        Attributes attributes;
        attributes.device = file_system().device();
        attributes.inode = kRootInode;
        attributes.links = 2;
        attributes.mode = 0040755;
        attributes.access_ns = attributes.modify_ns = attributes.change_ns = realtime_ns();
        return attributes;
    }
    Result<Location> location() override { return Location{.parent = nullptr, .name = {}}; }

    Result<NodeRef> lookup(std::string_view name) override {
        uint64_t number = 0;
        const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
        const bool plain = parsed.ec == std::errc{} && parsed.ptr == name.data() + name.size() && std::to_string(number) == name;
        if (!plain || !is_there(number)) return fail(Error::NotFound);
        return std::make_shared<PtsNode>(pts(), shared_from_this(), number);
    }

    Result<> list(uint64_t cookie, const TakeEntry& take) override {
        const std::array<uint64_t, 4> numbers = pts().list().numbers();
        for (uint64_t number = cookie < kFirstCookie ? 0 : cookie - kFirstCookie + 1; number < 64 * numbers.size(); ++number) {
            if ((numbers[number / 64] >> (number % 64) & 1) == 0) continue;
            const std::string name = std::to_string(number);
            const ListedEntry entry{
                .name = name, .inode = terminal::kPtsInodeFirst + number, .cookie = kFirstCookie + number, .kind = Kind::CharacterDevice};
            if (!take(entry)) return {};
        }
        return {};
    }

private:
    PtsFileSystem& pts() const { return static_cast<PtsFileSystem&>(file_system()); }
    bool is_there(uint64_t number) const {
        const std::array<uint64_t, 4> numbers = pts().list().numbers();
        return number < 64 * numbers.size() && (numbers[number / 64] >> (number % 64) & 1) != 0;
    }
};

}  // namespace

PtsFileSystem::PtsFileSystem(uint64_t device, PtyList& list) : FileSystem(device), list_(list), root_(std::make_shared<PtsRoot>(*this)) {}

}  // namespace portico::file_server
