#include "servers/ext4/file_system.h"

#include <map>
#include <random>

#include "servers/ext4/test_disk.h"
#include "servers/file/name_space.h"

namespace portico::ext4 {
namespace {

using file_server::FinalLink;
using file_server::NameSpace;

/// A mounted image; `disk` outlives a mount.
struct Mount {
    explicit Mount(TestDisk& disk) {
        std::string why;
        Result<std::unique_ptr<Volume>> volume = Volume::open(disk, why);
        EXPECT_TRUE(volume) << why;
        if (!volume) std::abort();
        file_system = std::make_unique<FileSystem>(7, std::move(*volume), source);
        EXPECT_TRUE(file_system->start());
        names = std::make_unique<NameSpace>(*file_system);
    }
    Result<NodeRef> open(std::string_view path, uint32_t flags = file::kCreate | file::kReadWrite) {
        return TRY(names->open(names->root(), path, flags, 0644)).node;
    }
    Result<> write(std::string_view path, uint64_t offset, std::string_view text) {
        const NodeRef node = TRY(open(path));
        const auto content = TRY(node->content());
        TestTransfer transfer(source, std::string(text));
        if (TRY(content->write(transfer, offset, text.size())) != text.size()) return fail(Error::IoError);
        return {};
    }
    std::string read(std::string_view path, uint64_t offset = 0, uint64_t length_bytes = 1 << 20) {
        const Result<NodeRef> node = open(path, file::kReadOnly);
        if (!node) return std::string(abi::name_of(node.error()));
        TestTransfer transfer(source);
        const Result<uint64_t> done = (*(*node)->content())->read(transfer, offset, length_bytes);
        return done ? transfer.bytes : std::string(abi::name_of(done.error()));
    }
    Result<> resize(std::string_view path, uint64_t size_bytes) {
        const NodeRef node = TRY(open(path));
        return TRY(node->content())->resize(size_bytes);
    }
    Result<> remove(std::string_view path) { return names->remove(names->root(), path, false); }
    Result<> rename(std::string_view from, std::string_view to, uint64_t flags = 0) {
        return names->rename(names->root(), from, names->root(), to, flags);
    }
    Result<> make_directory(std::string_view path) { return names->make(names->root(), path, {.kind = Kind::Directory, .mode = 0755}); }
    std::vector<std::string> list(std::string_view path) {
        std::vector<std::string> found;
        (void)(*names->find(names->root(), path, FinalLink::Follow))->list(2, [&](const file_server::ListedEntry& entry) {
            found.emplace_back(entry.name);
            return true;
        });
        return found;
    }

    TestPageSource source;
    std::unique_ptr<FileSystem> file_system;
    std::unique_ptr<NameSpace> names;
};

TEST(Ext4Test, WhatIsMadeIsThereAfterTheNextMount) {
    TestDisk disk(make_image(4096));
    {
        Mount mount(disk);
        EXPECT_TRUE(mount.make_directory("/a"));
        EXPECT_TRUE(mount.make_directory("/a/b"));
        EXPECT_TRUE(mount.write("/a/b/text", 0, "hello"));
        EXPECT_TRUE(mount.write("/a/sparse", 1'000'000, "end"));
        EXPECT_TRUE(mount.names->link(mount.names->root(), "/a/b/text", mount.names->root(), "/hard", FinalLink::Keep));
        EXPECT_TRUE(mount.names->make(mount.names->root(), "/short", {.kind = Kind::SymbolicLink, .mode = 0777, .target = "a/b"}));
        EXPECT_TRUE(
            mount.names->make(mount.names->root(), "/long", {.kind = Kind::SymbolicLink, .mode = 0777, .target = std::string(100, '/')}));
        EXPECT_TRUE(
            mount.names->make(mount.names->root(), "/null", {.kind = Kind::CharacterDevice, .mode = 0666, .special_device = 0x103}));
        EXPECT_TRUE(mount.names->make(mount.names->root(), "/fifo", {.kind = Kind::Fifo, .mode = 0600}));
        const NodeRef node = *mount.open("/hard");
        EXPECT_TRUE(
            node->change({.changes = 1 | 2 | 4 | 16, .mode = 04711, .uid = 70000, .gid = 5, .modify_ns = 4'000'000'000'000'000'123}));
        EXPECT_EQ(mount.file_system->end(), Result<>{});
        EXPECT_EQ(mount.write("/late", 0, "x").error(), Error::ReadOnly);
    }
    EXPECT_EQ(check_image(disk.bytes), "");
    Mount mount(disk);
    EXPECT_EQ(mount.read("/short/text"), "hello");
    EXPECT_EQ(mount.read("/a/sparse", 999'998), std::string(2, '\0') + "end");
    EXPECT_EQ(*(*mount.names->find(mount.names->root(), "/long", FinalLink::Keep))->target(), std::string(100, '/'));
    EXPECT_EQ((*mount.names->find(mount.names->root(), "/null", FinalLink::Keep))->attributes().special_device, 0x103u);
    const Attributes attributes = (*mount.open("/hard", 0))->attributes();
    EXPECT_EQ(attributes.mode, 0104711u);
    EXPECT_EQ(attributes.links, 2u);
    EXPECT_EQ(attributes.uid, 70000u);
    EXPECT_EQ(attributes.modify_ns, 4'000'000'000'000'000'123);
    EXPECT_LE((*mount.open("/a/sparse", 0))->attributes().blocks_512, 16u);
}

TEST(Ext4Test, NamesMoveAndGo) {
    TestDisk disk(make_image(4096));
    Mount mount(disk);
    ASSERT_TRUE(mount.make_directory("/a"));
    ASSERT_TRUE(mount.make_directory("/b"));
    ASSERT_TRUE(mount.make_directory("/a/moves"));
    ASSERT_TRUE(mount.write("/a/moves/file", 0, "1"));
    ASSERT_TRUE(mount.write("/b/other", 0, "2"));
    EXPECT_EQ(mount.rename("/a", "/a/moves/x").error(), Error::InvalidArgument);
    EXPECT_EQ(mount.rename("/a/moves", "/b").error(), Error::NotEmpty);
    EXPECT_EQ(mount.rename("/b/other", "/a").error(), Error::IsDirectory);
    EXPECT_TRUE(mount.rename("/a/moves", "/b/moved"));
    EXPECT_TRUE(mount.rename("/b/moved/file", "/b/other"));
    EXPECT_EQ(mount.read("/b/other"), "1");
    EXPECT_TRUE(mount.rename("/b/moved", "/a", 2));  // exchanged: one of them is not empty, which does not matter
    EXPECT_EQ(mount.list("/b"), (std::vector<std::string>{"other", "moved"}));
    EXPECT_EQ(mount.names->remove(mount.names->root(), "/b", true).error(), Error::NotEmpty);
    EXPECT_TRUE(mount.names->remove(mount.names->root(), "/b/moved", true));
    EXPECT_TRUE(mount.remove("/b/other"));
    EXPECT_TRUE(mount.names->remove(mount.names->root(), "/b", true));
    EXPECT_EQ(mount.read("/b/other"), "NotFound");
    EXPECT_TRUE(mount.file_system->end());
    EXPECT_EQ(check_image(disk.bytes), "");
}

TEST(Ext4Test, ADirectoryOfThousands) {
    TestDisk disk(make_image(8192, "-J size=4 -N 6000"));
    {
        Mount mount(disk);
        for (int i = 0; i < 3000; ++i) ASSERT_TRUE(mount.open("/a rather long name of a file, number " + std::to_string(i)));
        for (int i = 0; i < 3000; i += 2) ASSERT_TRUE(mount.remove("/a rather long name of a file, number " + std::to_string(i)));
        EXPECT_TRUE(mount.file_system->end());
    }
    EXPECT_EQ(check_image(disk.bytes), "");
    Mount mount(disk);
    EXPECT_EQ(mount.list("/").size(), 1501u);  // and lost+found
    EXPECT_EQ(mount.read("/a rather long name of a file, number 1"), "");
    EXPECT_EQ(mount.read("/a rather long name of a file, number 2"), "NotFound");
}

TEST(Ext4Test, RemovedFilesLiveWhileTheyAreUsed) {
    TestDisk disk(make_image(4096));
    Mount mount(disk);
    const uint64_t free_before = mount.file_system->space().blocks_free;
    ASSERT_TRUE(mount.write("/open", 0, std::string(100'000, 'x')));
    NodeRef node = *mount.open("/open");
    ASSERT_TRUE(mount.file_system->sync());
    ASSERT_TRUE(mount.remove("/open"));
    TestTransfer transfer(mount.source);
    EXPECT_EQ(*(*node->content())->read(transfer, 0, 200'000), 100'000u);
    std::vector<std::byte> in_between = disk.bytes;
    ASSERT_TRUE(mount.file_system->sync());
    std::vector<std::byte> as_orphan = disk.bytes;
    node.reset();
    ASSERT_TRUE(mount.file_system->sync());
    EXPECT_EQ(mount.file_system->space().blocks_free, free_before);
    // The power fails while it is an orphan: the next mount frees it.
    TestDisk after(as_orphan);
    {
        Mount again(after);
        EXPECT_EQ(again.file_system->space().blocks_free, free_before);
        EXPECT_TRUE(again.file_system->end());
    }
    EXPECT_EQ(check_image(after.bytes), "");
    EXPECT_TRUE(mount.file_system->end());
    EXPECT_EQ(check_image(disk.bytes), "");
}

TEST(Ext4Test, AFullDiskTellsWhoWrites) {
    TestDisk disk(make_image(3072, "-J size=4"));
    {
        Mount mount(disk);
        const std::string part(1 << 20, 'x');
        uint64_t written = 0;
        Result<> outcome;
        for (; outcome; written += outcome ? part.size() : 0) outcome = mount.write("/big", written, part);
        EXPECT_EQ(outcome.error(), Error::NoSpace);
        EXPECT_GT(written, 3u << 20);
        EXPECT_TRUE(mount.file_system->sync()) << "what was accepted is written";
        EXPECT_EQ((*mount.open("/big"))->attributes().size_bytes, written);
        ASSERT_TRUE(mount.remove("/big"));
        EXPECT_TRUE(mount.write("/again", 0, part)) << "freed blocks are used again";
        EXPECT_TRUE(mount.file_system->end());
    }
    EXPECT_EQ(check_image(disk.bytes), "");
}

TEST(Ext4Test, MappingsAndWritesSeeTheSame) {
    TestDisk disk(make_image(4096));
    Mount mount(disk);
    ASSERT_TRUE(mount.write("/mapped", 0, std::string(10'000, 'a')));
    TestPages& pages = *mount.source.all.back();
    pages.access(5000, "mapped");
    EXPECT_EQ(mount.read("/mapped", 4999, 8), "amappeda");
    pages.access(10'001, "behind the end");
    ASSERT_TRUE(mount.resize("/mapped", 10'010));
    EXPECT_EQ(mount.read("/mapped", 9999), "a" + std::string(10, '\0'));
    pages.shared = true;
    ASSERT_TRUE(mount.file_system->sync());
    pages.access(100, "later");
    pages.evict();
    EXPECT_TRUE(pages.present.empty());
    EXPECT_EQ(mount.read("/mapped", 99, 7), "alatera");
    pages.shared = false;
    ASSERT_TRUE(mount.resize("/mapped", 50));
    ASSERT_TRUE(mount.file_system->sync());
    mount.source.evict_all();
    ASSERT_TRUE(mount.resize("/mapped", 200));
    EXPECT_EQ(mount.read("/mapped"), std::string(50, 'a') + std::string(150, '\0'));
    EXPECT_TRUE(mount.file_system->end());
    EXPECT_EQ(check_image(disk.bytes), "");
}

TEST(Ext4Test, PagesGoWhenMemoryIsShort) {
    TestDisk disk(make_image(8192));
    Mount mount(disk);
    mount.source.is_short = true;
    const std::string part(1 << 20, 'x');
    for (uint64_t i = 0; i < 12; ++i) ASSERT_TRUE(mount.write("/large", i * part.size(), part));
    EXPECT_LT(mount.source.all.back()->present.size(), 12u * 256 - 1000);
    for (uint64_t i = 0; i < 12; ++i) ASSERT_EQ(mount.read("/large", i * part.size()), part);
    EXPECT_LT(mount.source.all.back()->present.size(), 12u * 256 - 1000);
    EXPECT_TRUE(mount.file_system->end());
    EXPECT_EQ(check_image(disk.bytes), "");
}

TEST(Ext4Test, AbsentMemoryOfTheCallerIsItsOwnMatter) {
    TestDisk disk(make_image(4096));
    Mount mount(disk);
    ASSERT_TRUE(mount.write("/file", 0, "abc"));
    const auto content = *(*mount.open("/file"))->content();
    TestTransfer transfer(mount.source, "defghi");
    transfer.is_absent = true;
    EXPECT_EQ(content->write(transfer, 1, 6).error(), Error::BadAddress);
    EXPECT_EQ(content->read(transfer, 0, 3).error(), Error::BadAddress);
    EXPECT_EQ(mount.read("/file"), "abc");
}

TEST(Ext4Test, BadSectorsCostOnlyWhoReadsThem) {
    TestDisk disk(make_image(4096));
    {
        Mount mount(disk);
        ASSERT_TRUE(mount.write("/file", 0, std::string(8 * kBlockBytes, 'x')));
        ASSERT_TRUE(mount.file_system->end());
    }
    Mount mount(disk);
    const NodeRef node = *mount.open("/file", 0);
    Inode inode = static_cast<Node&>(*node).inode();
    disk.bad_block = mount.file_system->volume().extent_at(static_cast<Node&>(*node).number(), inode, 3)->start;
    EXPECT_EQ(mount.read("/file", 0, 3 * kBlockBytes), std::string(3 * kBlockBytes, 'x'));
    EXPECT_EQ(mount.read("/file", 3 * kBlockBytes, 1), "IoError");
    EXPECT_EQ(mount.read("/file", 4 * kBlockBytes, 1), "x");
    mount.source.all.back()->owner.page_in(3 * kBlockBytes, kBlockBytes);
    EXPECT_EQ(mount.source.all.back()->refused, std::set<uint64_t>{3});
}

TEST(Ext4Test, ADiskThatFailsIsNotWrittenAnyMore) {
    TestDisk disk(make_image(4096));
    Mount mount(disk);
    ASSERT_TRUE(mount.write("/before", 0, "x"));
    ASSERT_TRUE(mount.file_system->sync());
    ASSERT_TRUE(mount.make_directory("/lost"));
    disk.fails_to_write = true;
    EXPECT_EQ(mount.file_system->sync().error(), Error::IoError);
    disk.fails_to_write = false;
    EXPECT_EQ(mount.make_directory("/more").error(), Error::IoError);
    EXPECT_EQ(mount.read("/before"), "x");
    EXPECT_EQ(check_image(disk.bytes, true), "");
}

/// What a file must hold after a crash: what it held at the last sync, or anything later.
class CrashTest : public testing::TestWithParam<const char*> {};

TEST_P(CrashTest, AtAnyWriteTheDiskIsSound) {
    const std::vector<std::byte> image = make_image(4096, GetParam());
    const auto work = [](Mount& mount, const std::function<void(std::string)>& synced) {
        (void)mount.make_directory("/d");
        (void)mount.write("/d/kept", 0, "first");
        if (mount.file_system->sync()) synced("first");
        for (int i = 0; i < 30; ++i)
            (void)mount.write("/d/file" + std::to_string(i), 0, std::string(5000, static_cast<char>('a' + i % 26)));
        (void)mount.write("/d/new", 0, "second");
        (void)mount.rename("/d/new", "/d/kept");
        if (mount.file_system->sync()) synced("second");
        for (int i = 0; i < 30; i += 2) (void)mount.remove("/d/file" + std::to_string(i));
        (void)mount.make_directory("/d/deep");
        for (int i = 1; i < 30; i += 2) (void)mount.rename("/d/file" + std::to_string(i), "/d/deep/moved" + std::to_string(i));
        (void)mount.write("/d/third", 0, std::string(200'000, 'z'));
        (void)mount.rename("/d/third", "/d/kept");
        if (mount.file_system->sync()) synced(std::string(200'000, 'z'));
        (void)mount.file_system->end();
    };
    uint64_t total = 0;
    {
        TestDisk disk(image);
        Mount mount(disk);
        work(mount, [](const std::string&) {});
        total = disk.writes;
    }
    ASSERT_GT(total, 30u);
    for (uint64_t kept = 0; kept <= total; kept += 1 + total / 40) {
        TestDisk disk(image);
        disk.writes_kept = kept;
        std::string safe;  // at the last sync that ended before the power failed
        {
            Mount mount(disk);
            work(mount, [&](const std::string& text) {
                if (disk.writes <= kept) safe = text;
            });
        }
        EXPECT_EQ(check_image(disk.bytes, true), "") << "after " << kept << " of " << total << " writes";
        disk.writes_kept = ~uint64_t{0};
        Mount mount(disk);
        const std::string found = mount.read("/d/kept");
        EXPECT_TRUE(found == safe || found == "second" || found == std::string(200'000, 'z') || (safe.empty() && found == "first") ||
                    (safe.empty() && found == "NotFound"))
            << "after " << kept << " writes: " << found.substr(0, 40);
        if (safe == "second") {
            EXPECT_NE(found, "first");
        }
    }
}
INSTANTIATE_TEST_SUITE_P(Kinds, CrashTest, testing::Values("-J size=4", "-J size=4 -O ^metadata_csum", "-J size=4 -O ^64bit,^flex_bg"));

TEST(Ext4Test, WhatMustBeReplayedOrIsNoExt4IsRefused) {
    std::string why;
    TestDisk empty(std::vector<std::byte>(1 << 20));
    EXPECT_EQ(Volume::open(empty, why).error(), Error::NotSupported);
    TestDisk small_blocks([] {
        const std::string path = in_temporary_folder("made");
        EXPECT_EQ(shell("/sbin/mke2fs -q -F -t ext4 -b 1024 " + path + " 8192"), 0);
        std::ifstream file(path, std::ios::binary | std::ios::ate);
        std::vector<std::byte> bytes(static_cast<size_t>(file.tellg()));
        file.seekg(0);
        file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        return bytes;
    }());
    EXPECT_EQ(Volume::open(small_blocks, why).error(), Error::NotSupported);
    EXPECT_NE(why.find("4096"), std::string::npos);
}

/// fsx: random operations beside a model in memory, with pages evicted and mounts in between.
TEST(Ext4Test, RandomOperationsAgreeWithAModel) {
    for (unsigned seed = 1; seed <= 3; ++seed) {
        std::mt19937 random(seed);
        TestDisk disk(make_image(8192));
        std::map<std::string, std::string> model;
        auto mount = std::make_unique<Mount>(disk);
        for (int step = 0; step < 1200; ++step) {
            const std::string path = "/f" + std::to_string(random() % 5);
            const uint64_t offset = random() % 150'000, length = 1 + random() % 30'000;
            switch (random() % 12) {
            case 0 ... 3: {
                std::string text(length, static_cast<char>('a' + random() % 26));
                ASSERT_TRUE(mount->write(path, offset, text)) << seed << " " << step;
                std::string& held = model[path];
                if (held.size() < offset + length) held.resize(offset + length);
                held.replace(offset, length, text);
                break;
            }
            case 4:
            case 5:
                ASSERT_TRUE(mount->resize(path, offset)) << seed << " " << step;
                model[path].resize(offset);
                break;
            case 6:
                ASSERT_EQ(mount->remove(path).has_value(), model.erase(path) != 0) << seed << " " << step;
                break;
            case 7: {
                const std::string other = "/f" + std::to_string(random() % 5);
                ASSERT_EQ(mount->rename(path, other).has_value(), model.contains(path)) << seed << " " << step;
                if (model.contains(path) && path != other) {
                    model[other] = model[path];
                    model.erase(path);
                }
                break;
            }
            case 8:
                mount->source.evict_all();
                break;
            case 9:
                ASSERT_TRUE(mount->file_system->sync());
                break;
            case 10:
                if (random() % 10 != 0) break;
                ASSERT_TRUE(mount->file_system->end());
                mount.reset();
                ASSERT_EQ(check_image(disk.bytes), "") << seed << " " << step;
                mount = std::make_unique<Mount>(disk);
                break;
            default:
                break;
            }
            if (model.contains(path)) {
                ASSERT_EQ(mount->read(path, offset, length), offset < model[path].size() ? model[path].substr(offset, length) : "")
                    << seed << " " << step;
            }
        }
        ASSERT_TRUE(mount->file_system->end());
        mount.reset();
        ASSERT_EQ(check_image(disk.bytes), "");
    }
}

/// Whatever an image says, it costs nothing but an error.
TEST(Ext4Test, DamagedImagesAreSurvived) {
    TestDisk whole(make_image(3072));
    {
        Mount mount(whole);
        ASSERT_TRUE(mount.make_directory("/d"));
        for (int i = 0; i < 20; ++i) ASSERT_TRUE(mount.write("/d/" + std::to_string(i), 0, std::string(6000, 'x')));
        ASSERT_TRUE(mount.file_system->end());
    }
    std::mt19937 random(5);
    unsigned opened = 0;
    for (int round = 0; round < 150; ++round) {
        TestDisk disk(whole.bytes);
        for (int i = 0; i < 40; ++i) disk.bytes[random() % (64 * kBlockBytes)] = static_cast<std::byte>(random());
        if (round % 2 == 0) std::copy_n(whole.bytes.begin(), kBlockBytes, disk.bytes.begin());  // not the superblock
        std::string why;
        Result<std::unique_ptr<Volume>> volume = Volume::open(disk, why);
        if (!volume) continue;
        TestPageSource source;
        FileSystem file_system(7, std::move(*volume), source);
        if (!file_system.start()) continue;
        ++opened;
        NameSpace names(file_system);
        for (int i = 0; i < 20; ++i) {
            const auto found = names.open(names.root(), "/d/" + std::to_string(i), file::kReadWrite, 0);
            if (!found || found->node->kind() != Kind::File) continue;
            const auto content = *found->node->content();
            TestTransfer transfer(source, std::string(5000, 'y'));
            (void)content->read(transfer, 0, 6000);
            (void)content->write(transfer, 3000, 5000);
            (void)names.remove(names.root(), "/d/" + std::to_string(i), false);
        }
        (void)file_system.sync();
    }
    EXPECT_GT(opened, 10u);
}

}  // namespace
}  // namespace portico::ext4
