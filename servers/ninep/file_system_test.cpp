#include "servers/ninep/file_system.h"

#include <unistd.h>

#include <random>

#include "servers/file/name_space.h"
#include "servers/file/test_pages.h"
#include "servers/ninep/file.h"
#include "servers/ninep/model_server.h"

namespace portico::ninep {
namespace {

using file_server::FinalLink;
using file_server::NameSpace;
using file_server::NodeRef;
using file_server::TestPages;
using file_server::TestPageSource;
using file_server::TestTransfer;

/// The caller's side for bytes of any memory: what is written comes out of the server's buffer, not out of pages.
class PlainTransfer final : public file_server::Transfer {
public:
    explicit PlainTransfer(std::string text) : bytes(std::move(text)) {}
    Result<> put(uint64_t, std::span<const std::byte>) override { return fail(Error::NotSupported); }
    Result<> get(uint64_t at, std::span<std::byte> to) override {
        std::memcpy(to.data(), bytes.data() + at, to.size());
        return {};
    }
    std::string bytes;
};

struct Mount {
    explicit Mount(Channel& channel, bool read_only = false)
        : file_system({.device = 7, .source = "tag", .read_only = read_only}, channel, source) {
        EXPECT_TRUE(file_system.start());
        names = std::make_unique<NameSpace>(file_system);
    }
    Result<std::shared_ptr<file_server::Content>> open(std::string_view path, uint32_t flags = file::kCreate | file::kReadWrite) {
        const NodeRef node = TRY(names->open(names->root(), path, flags, 0644)).node;
        return node->open_content(flags);
    }
    static Result<uint64_t> write(file_server::Content& content, uint64_t offset, std::string_view text) {
        PlainTransfer transfer{std::string(text)};
        return content.write(transfer, offset, text.size());
    }
    Result<uint64_t> write(std::string_view path, uint64_t offset, std::string_view text) {
        const auto content = TRY(open(path));
        return write(*content, offset, text);
    }
    std::string read(file_server::Content& content, uint64_t offset = 0, uint64_t length_bytes = 1 << 20) {
        TestTransfer transfer(source);
        const Result<uint64_t> done = content.read(transfer, offset, length_bytes);
        return done ? transfer.bytes.substr(0, *done) : std::string(abi::name_of(done.error()));
    }
    std::string read(std::string_view path, uint64_t offset = 0) {
        const auto content = open(path, file::kReadOnly);
        return content ? read(**content, offset) : std::string(abi::name_of(content.error()));
    }
    Result<NodeRef> find(std::string_view path) { return names->find(names->root(), path, FinalLink::Keep); }
    Result<> remove(std::string_view path, bool directory = false) { return names->remove(names->root(), path, directory); }
    Result<> rename(std::string_view from, std::string_view to, uint64_t flags = 0) {
        return names->rename(names->root(), from, names->root(), to, flags);
    }
    Result<> make(std::string_view path, const file_server::NewNode& node) { return names->make(names->root(), path, node); }
    Result<> make_directory(std::string_view path) { return make(path, {.kind = Kind::Directory, .mode = 0755}); }
    std::vector<std::string> list(std::string_view path, uint64_t cookie = 0, size_t count_max = ~size_t{0}, uint64_t* last = nullptr) {
        std::vector<std::string> found;
        const Result<> listed =
            (*names->find(names->root(), path, FinalLink::Follow))->list(cookie, [&](const file_server::ListedEntry& entry) {
                if (found.size() == count_max) return false;
                found.emplace_back(entry.name);
                if (last != nullptr) *last = entry.cookie;
                return true;
            });
        EXPECT_TRUE(listed);
        return found;
    }

    TestPageSource source;
    FileSystem file_system;
    std::unique_ptr<NameSpace> names;
};

TEST(NinepTest, WhatTheHostHasIsThere) {
    ModelServer host;
    host.put("file", std::string(10'000, 'x') + "end");
    const ModelFileRef folder = host.root->entries["folder"] = host.make(0040750);
    host.put("inner", "in", folder);
    host.root->entries["link"] = host.make(0120777, "folder/inner");
    Mount mount(host);
    EXPECT_EQ(mount.read("/file"), std::string(10'000, 'x') + "end");
    EXPECT_EQ(mount.read("/file", 10'000), "end");
    EXPECT_EQ(mount.read("/file", 20'000), "");
    EXPECT_EQ(mount.read("/link"), "in");
    EXPECT_EQ(mount.read("/none"), "NotFound");
    EXPECT_EQ(mount.read("/file/x"), "NotDirectory");
    EXPECT_EQ(mount.list("/"), (std::vector<std::string>{".", "..", "file", "folder", "link"}));
    const file_server::Attributes attributes = (*mount.find("/folder"))->attributes();
    EXPECT_EQ(attributes.mode, 0040750u);
    EXPECT_EQ(attributes.inode, folder->number);
    EXPECT_EQ(attributes.device, 7u);
    EXPECT_EQ(attributes.modify_ns, folder->modify_ns);
    EXPECT_EQ(*mount.names->path_of(*mount.find("/folder/inner")), "/folder/inner");
    EXPECT_EQ(mount.file_system.space().blocks_free, 50u);
}

TEST(NinepTest, WhatProgramsDoIsOnTheHost) {
    ModelServer host;
    Mount mount(host);
    ASSERT_TRUE(mount.make_directory("/d"));
    EXPECT_EQ(*mount.write("/d/file", 0, "text"), 4u);
    EXPECT_EQ(*mount.write("/d/file", 2, "xy!"), 3u);
    ASSERT_TRUE(mount.make("/d/link", {.kind = Kind::SymbolicLink, .target = "file"}));
    ASSERT_TRUE(mount.make("/d/fifo", {.kind = Kind::Fifo, .mode = 0600}));
    EXPECT_EQ(mount.make("/d/device", {.kind = Kind::BlockDevice, .mode = 0600}).error_or(Error::None), Error::AccessDenied);
    ModelFile& folder = *host.root->entries["d"];
    EXPECT_EQ(folder.entries["file"]->data, "texy!");
    EXPECT_EQ(folder.entries["file"]->mode, 0100644u);
    EXPECT_EQ(folder.entries["link"]->data, "file");
    EXPECT_EQ(folder.entries["fifo"]->mode, 0010600u);
    ASSERT_TRUE(mount.names->link(mount.names->root(), "/d/file", mount.names->root(), "/hard", FinalLink::Keep));
    EXPECT_EQ((*mount.find("/hard"))->attributes().links, 2u);
    EXPECT_EQ(*mount.find("/hard"), *mount.find("/d/file")) << "one file, one node";
    ASSERT_TRUE(mount.rename("/d/file", "/moved"));
    EXPECT_EQ(mount.read("/moved"), "texy!");
    EXPECT_EQ(mount.rename("/moved", "/d/x", 2).error_or(Error::None), Error::NotFound) << "nothing to exchange it with";
    EXPECT_EQ(mount.remove("/d", true).error_or(Error::None), Error::NotEmpty);
    ASSERT_TRUE(mount.remove("/d/link"));
    ASSERT_TRUE(mount.remove("/d/fifo"));
    ASSERT_TRUE(mount.remove("/d", true));
    EXPECT_EQ(mount.list("/"), (std::vector<std::string>{".", "..", "hard", "moved"}));
    const NodeRef node = *mount.find("/hard");
    constexpr auto kChanges = static_cast<uint32_t>(file::Change::Mode) | static_cast<uint32_t>(file::Change::ModifyTime);
    ASSERT_TRUE(node->change({.changes = kChanges, .mode = 0600, .modify_ns = -1}));
    EXPECT_EQ(host.root->entries["hard"]->mode, 0100600u);
    EXPECT_EQ(host.root->entries["hard"]->modify_ns, -1);
    EXPECT_EQ(node->attributes().modify_ns, -1);
    ASSERT_TRUE((*mount.open("/hard"))->resize(2));
    EXPECT_EQ(host.root->entries["hard"]->data, "te");
    EXPECT_EQ(node->attributes().size_bytes, 2u);
    ASSERT_TRUE((*mount.open("/hard"))->sync());
    EXPECT_EQ(host.syncs, 1u);
    EXPECT_LE(host.fid_count(), 10u) << "fids of files that nobody has open are closed";
}

TEST(NinepTest, ManyEntriesInParts) {
    ModelServer host;
    for (unsigned i = 0; i < 2'000; ++i) host.put("file" + std::to_string(i), "");
    Mount mount(host);
    std::vector<std::string> all;
    uint64_t last = 0;
    for (std::vector<std::string> some = mount.list("/", 0, 100, &last); !some.empty(); some = mount.list("/", last, 100, &last)) {
        all.insert(all.end(), some.begin(), some.end());
        if (all.size() == 300) {  // removed in between, others stay where they are
            for (unsigned i = 0; i < 50; ++i) ASSERT_TRUE(mount.remove("/" + all[2 + i]));
        }
    }
    EXPECT_EQ(all.size(), 2'002u);
    EXPECT_EQ(std::set(all.begin(), all.end()).size(), 2'002u);
    EXPECT_EQ(mount.list("/").size(), 1'952u);
}

TEST(NinepTest, ErrorsAreTheHosts) {
    ModelServer host;
    host.put("file", "x");
    Mount mount(host);
    for (const auto& [number, error] :
         {std::pair(EACCES, Error::AccessDenied), {ENOSPC, Error::NoSpace}, {EIO, Error::IoError}, {9999, Error::IoError}}) {
        host.fails_with = static_cast<uint32_t>(number);
        EXPECT_EQ(mount.make_directory("/d").error_or(Error::None), error) << number;
    }
    host.fails_with = 0;
    EXPECT_EQ(mount.read("/file"), "x");
}

TEST(NinepTest, WhatIsReadIsKeptUntilTheHostChangesIt) {
    ModelServer host;
    const ModelFileRef there = host.put("file", std::string(20'000, 'a'));
    Mount mount(host);
    EXPECT_EQ(mount.read("/file"), std::string(20'000, 'a'));
    const uint64_t reads = host.reads;
    EXPECT_EQ(mount.read("/file"), std::string(20'000, 'a'));
    EXPECT_EQ(host.reads, reads) << "out of pages";
    host.overwrite(*there, std::string(20'000, 'b'));
    EXPECT_EQ(mount.read("/file"), std::string(20'000, 'b')) << "the same size, another time";
    const auto open = *mount.open("/file", file::kReadOnly);
    there->data = std::string(20'000, 'c');
    there->modify_ns += 1;
    EXPECT_EQ(mount.read(*open).front(), 'b') << "while it is open, what was read stays";
    EXPECT_EQ(mount.read("/file").front(), 'c') << "opening it looks";
    host.put("file", "another file");
    EXPECT_EQ(mount.read("/file"), "another file");
    EXPECT_EQ(mount.read(*open).front(), 'c') << "who has the old one open has it";
    host.root->entries.erase("file");
    EXPECT_EQ(mount.read("/file"), "NotFound");
}

TEST(NinepTest, AFileThatHasJustChangedIsNotTrusted) {
    ModelServer host;
    const ModelFileRef there = host.put("file", "aaaa");
    there->modify_ns = file_server::realtime_ns() - 1'000'000;
    Mount mount(host);
    EXPECT_EQ(mount.read("/file"), "aaaa");
    there->data = "bbbb";  // within a tick of the host's clock
    EXPECT_EQ(mount.read("/file"), "bbbb");
}

TEST(NinepTest, AFileThatGrowsIsReadOn) {
    ModelServer host;
    const ModelFileRef there = host.put("log", "one\n");
    Mount mount(host);
    const auto open = *mount.open("/log", file::kReadOnly);
    EXPECT_EQ(mount.read(*open), "one\n");
    host.overwrite(*there, "one\ntwo\n");
    usleep(60'000);  // attributes are asked for no more often
    EXPECT_EQ(mount.read(*open, 4), "two\n");
}

TEST(NinepTest, MappingsAreWrittenBack) {
    ModelServer host;
    const ModelFileRef there = host.put("file", std::string(9'000, '.'));
    Mount mount(host);
    auto open = *mount.open("/file");
    (void)open->memory(abi::Rights::Read | abi::Rights::Write);
    TestPages& pages = *mount.source.all.back();
    pages.shared = true;
    pages.access(5'000, "mapped");
    EXPECT_EQ(there->data.find("mapped"), std::string::npos);
    ASSERT_TRUE(open->sync());
    EXPECT_EQ(there->data.substr(5'000, 6), "mapped");
    pages.access(0, "again");
    EXPECT_EQ(*Mount::write(*open, 2, "XX"), 2u) << "a write beside it, on the same page";
    EXPECT_EQ(there->data.substr(0, 6), "agXXn.");
    pages.access(8'990, "0123456789tail");
    open.reset();
    EXPECT_EQ(there->data.size(), 9'000u);
    EXPECT_EQ(there->data.substr(8'990), "0123456789") << "behind the end there is nothing";
    pages.access(100, "late");
    mount.file_system.tick();
    EXPECT_EQ(there->data.substr(100, 4), "late");
    EXPECT_GT(host.fid_count(), 1u) << "still mapped";
    pages.shared = false;
    mount.file_system.tick();
    EXPECT_EQ(mount.read("/file").substr(0, 6), "agXXn.");
    mount.source.evict_all();
    EXPECT_EQ(mount.read("/file").substr(100, 4), "late");
}

TEST(NinepTest, AFileWithoutANameGoesOn) {
    ModelServer host;
    Mount mount(host);
    const auto open = *mount.open("/file");
    const NodeRef node = *mount.find("/file");
    EXPECT_EQ(*Mount::write(*open, 0, std::string(6'000, 'x')), 6'000u);
    ASSERT_TRUE(mount.remove("/file"));
    EXPECT_EQ(mount.read("/file"), "NotFound");
    EXPECT_EQ(mount.read(*open), std::string(6'000, 'x'));
    EXPECT_EQ(node->attributes().links, 0u);
    EXPECT_EQ(*Mount::write(*open, 6'000, "more"), 4u);
    EXPECT_EQ(node->attributes().size_bytes, 6'004u);
    ASSERT_TRUE(open->resize(10));
    ASSERT_TRUE(open->resize(5'000));
    EXPECT_EQ(mount.read(*open), std::string(10, 'x') + std::string(4'990, '\0')) << "what was cut off is gone";
    EXPECT_EQ(*Mount::write(*open, 5'500, "end"), 3u);
    EXPECT_EQ(mount.read(*open), std::string(10, 'x') + std::string(5'490, '\0') + "end");
    ASSERT_TRUE(node->change({.changes = static_cast<uint32_t>(file::Change::Mode), .mode = 0400}));
    EXPECT_EQ(node->attributes().mode, 0100400u);
    // Another one may have its name, and even its number.
    host.put("file", "new")->number = node->attributes().inode;
    EXPECT_EQ(mount.read("/file"), "new");
    EXPECT_EQ(mount.read(*open, 5'500), "end");
}

TEST(NinepTest, ReadOnlySharesRefuse) {
    ModelServer host;
    host.put("file", "text");
    host.is_read_only = true;
    Mount mount(host, true);
    EXPECT_EQ(mount.read("/file"), "text");
    EXPECT_EQ(mount.open("/file", file::kReadWrite).error_or(Error::None), Error::ReadOnly);
    EXPECT_EQ(mount.open("/file", file::kTruncate).error_or(Error::None), Error::ReadOnly);
    EXPECT_EQ(mount.open("/new").error_or(Error::None), Error::ReadOnly);
    EXPECT_EQ(mount.make_directory("/d").error_or(Error::None), Error::ReadOnly);
    EXPECT_EQ(mount.remove("/file").error_or(Error::None), Error::ReadOnly);
    EXPECT_EQ(mount.rename("/file", "/x").error_or(Error::None), Error::ReadOnly);
    EXPECT_EQ((*mount.find("/file"))->change({.changes = 1}).error_or(Error::None), Error::ReadOnly);
    EXPECT_EQ(host.writes, 0u);
}

/// The session dies at each exchange of a story in turn, before or after the host has done what was asked. What may be done twice is; only
/// making a file or folder may fail, if it cannot be told who made it.
TEST(NinepTest, ASessionMayDieAtAnyMoment) {
    for (const unsigned kind : {0u, 1u, 2u}) {
        for (uint64_t at = 1;; ++at) {
            ModelServer host;
            host.put("old", std::string(5'000, 'o'));
            Mount mount(host);
            const uint64_t first = host.exchanges;
            host.dies_after_work = kind == 1;
            host.dies_unsure = kind == 2;
            host.dies_at = first + at;
            const auto told = [&](Error error) { return error == Error::None || (kind == 1 && error == Error::IoError); };
            EXPECT_TRUE(told(mount.make_directory("/d").error_or(Error::None))) << kind << " " << at;
            const auto made = mount.open("/d/file");
            EXPECT_TRUE(told(made.error_or(Error::None))) << kind << " " << at;
            const auto open = made ? made : mount.open("/d/file");
            ASSERT_TRUE(open) << kind << " " << at << " " << abi::name_of(open.error_or(Error::None));
            EXPECT_EQ(Mount::write(**open, 0, std::string(9'000, 'n')).value_or(0), 9'000u) << kind << " " << at;
            EXPECT_TRUE((*open)->resize(8'000));
            EXPECT_EQ(mount.read(**open), std::string(8'000, 'n')) << kind << " " << at;
            EXPECT_TRUE((*open)->sync());
            EXPECT_EQ(mount.read("/old"), std::string(5'000, 'o')) << kind << " " << at;
            EXPECT_TRUE(mount.rename("/old", "/d/moved")) << kind << " " << at;
            EXPECT_TRUE(mount.names->link(mount.names->root(), "/d/moved", mount.names->root(), "/hard", FinalLink::Keep))
                << kind << " " << at;
            EXPECT_EQ(mount.list("/d"), (std::vector<std::string>{".", "..", "file", "moved"})) << kind << " " << at;
            EXPECT_TRUE(mount.remove("/hard")) << kind << " " << at;
            EXPECT_EQ(host.root->entries.size(), 1u);
            EXPECT_EQ(host.root->entries["d"]->entries.size(), 2u);
            EXPECT_EQ(host.root->entries["d"]->entries["file"]->data, std::string(8'000, 'n'));
            EXPECT_TRUE(mount.find("/d"));
            if (host.exchanges <= first + at) break;  // at the very end nobody needs a new session
            EXPECT_EQ(host.connections, 2u);
        }
    }
}

/// Random operations on one file, and the same on a string; pages go and come, the host moves less than it is asked to.
TEST(NinepTest, BytesAreAsInAnyFile) {
    std::mt19937 random(3);
    for (unsigned round = 0; round < 16; ++round) {
        ModelServer host;
        if (round % 3 == 0) host.data_bytes_max = 1 + static_cast<uint32_t>(random() % 5'000);
        Mount mount(host);
        const auto open = *mount.open("/file");
        const bool is_removed = round % 2 == 1;
        if (is_removed) ASSERT_TRUE(mount.remove("/file"));
        std::string expected;
        for (unsigned step = 0; step < 150; ++step) {
            const uint64_t offset = random() % 30'000;
            switch (random() % 5) {
            case 0:
            case 1: {
                const std::string text(1 + random() % 9'000, static_cast<char>('a' + step % 26));
                ASSERT_EQ(Mount::write(*open, offset, text).value_or(0), text.size());
                if (expected.size() < offset + text.size()) expected.resize(offset + text.size());
                expected.replace(offset, text.size(), text);
                break;
            }
            case 2:
                ASSERT_TRUE(open->resize(offset));
                expected.resize(offset);
                break;
            case 3:
                mount.source.evict_all();
                break;
            default:
                ASSERT_EQ(mount.read(*open, offset, 5'000), offset < expected.size() ? expected.substr(offset, 5'000) : "")
                    << "round " << round << " step " << step << " at " << offset;
                break;
            }
            ASSERT_EQ(open->size_bytes(), expected.size());
        }
        if (!is_removed) EXPECT_EQ(host.root->entries["file"]->data, expected);
    }
}

/// A host that answers anything: every operation ends, and nothing else happens.
class HostileServer final : public ModelServer {
public:
    Result<size_t> exchange(size_t request_bytes) override {
        Result<size_t> size = ModelServer::exchange(request_bytes);
        if (!size || !is_hostile || random() % 4 != 0) return size;
        const std::span<std::byte> bytes = answer();
        const unsigned kind = random() % 6;
        if (kind == 0) return random() % (bytes.size() + 2);
        if (kind == 1) return fail(random() % 2 != 0 ? Error::PeerClosed : Error::IoError);
        for (unsigned i = 0; i < 1 + random() % 8; ++i) {
            const size_t from = kind == 2 ? 0 : kHeaderBytes;
            if (*size > from) bytes[from + random() % (*size - from)] = static_cast<std::byte>(random() % 3 == 0 ? 0xFF : random());
        }
        return size;
    }
    std::mt19937 random{23};
    bool is_hostile = false;
};

TEST(NinepTest, AHostileHostGetsNowhere) {
    for (unsigned round = 0; round < 30; ++round) {
        HostileServer host;
        host.random.seed(round);
        host.put("file", std::string(30'000, 'x'));
        host.root->entries["d"] = host.make(0040755);
        Mount mount(host);
        host.is_hostile = true;
        std::vector<std::shared_ptr<file_server::Content>> open;
        const std::array<std::string, 6> paths{"/file", "/d", "/d/a", "/d/b", "/d/d", "/c"};
        for (unsigned step = 0; step < 300; ++step) {
            const std::string& path = paths[host.random() % paths.size()];
            const std::string& other = paths[host.random() % paths.size()];
            switch (host.random() % 12) {
            case 0:
            case 1:
                if (auto content = mount.open(path, host.random() % 2 != 0 ? file::kReadOnly : file::kCreate | file::kReadWrite))
                    open.push_back(std::move(*content));
                if (open.size() > 4) open.erase(open.begin());
                break;
            case 2:
                if (!open.empty()) (void)mount.read(*open.front(), host.random() % 40'000, 5'000);
                break;
            case 3:
                if (!open.empty()) (void)Mount::write(*open.back(), host.random() % 40'000, std::string(3'000, 'y'));
                break;
            case 4:
                if (!open.empty()) (void)open.back()->resize(host.random() % 20'000);
                break;
            case 5:
                (void)mount.rename(path, other);
                break;
            case 6:
                (void)mount.remove(path, host.random() % 2 != 0);
                break;
            case 7:
                (void)mount.make_directory(path);
                break;
            case 8:
                if (const Result<NodeRef> node = mount.find(path)) {
                    (void)(*node)->attributes();
                    (void)(*node)->list(0, [](const file_server::ListedEntry&) { return true; });
                    (void)(*node)->target();
                }
                break;
            case 9:
                (void)mount.make(path, {.kind = Kind::SymbolicLink, .target = other});
                break;
            case 10:
                if (!mount.source.all.empty()) mount.source.all.back()->owner.page_in(host.random() % 8 * 4096, 4096);
                break;
            default:
                mount.file_system.tick();
                (void)mount.file_system.space();
                break;
            }
        }
    }
}

}  // namespace
}  // namespace portico::ninep
