#include "servers/file/pts_file_system.h"

#include <gtest/gtest.h>

#include <map>

namespace portico::file_server {
namespace {

struct Terminals final : PseudoTerminals {
    std::map<uint32_t, Attributes> all;
    Result<std::vector<uint32_t>> numbers() override {
        std::vector<uint32_t> found;
        for (const auto& [number, attributes] : all) found.push_back(number);
        return found;
    }
    Result<Attributes> describe(uint32_t number) override {
        if (!all.contains(number)) return fail(Error::NotFound);
        return all[number];
    }
    Result<> change(const protocols::terminal::ChangePseudo& change) override {
        all[change.number].mode = change.mode;
        return {};
    }
};

std::vector<std::string> names(Node& directory, uint64_t cookie, size_t count_max) {
    std::vector<std::string> found;
    EXPECT_TRUE(directory.list(cookie, [&](const ListedEntry& entry) {
        if (found.size() == count_max) return false;
        found.emplace_back(entry.name);
        return true;
    }));
    return found;
}

TEST(PtsFileSystem, ListsWhatThereIsAtThatMoment) {
    Terminals terminals;
    PtsFileSystem pts(terminals);
    EXPECT_EQ(names(*pts.root(), 0, 9), (std::vector<std::string>{".", "..", "ptmx"}));
    terminals.all[2] = {};
    terminals.all[11] = {};
    EXPECT_EQ(names(*pts.root(), 0, 9), (std::vector<std::string>{".", "..", "ptmx", "2", "11"}));
    EXPECT_EQ(names(*pts.root(), 4 + 2, 9), (std::vector<std::string>{"11"}));
}

TEST(PtsFileSystem, ANodeIsTheTerminalOfItsNumber) {
    Terminals terminals;
    PtsFileSystem pts(terminals);
    terminals.all[3] = {.mode = 0020620, .special_device = 0x8803};
    const Result<NodeRef> node = pts.root()->lookup("3");
    ASSERT_TRUE(node);
    EXPECT_EQ((*node)->kind(), Kind::CharacterDevice);
    EXPECT_EQ((*node)->attributes().special_device, 0x8803u);
    ASSERT_TRUE((*node)->change({.changes = 1, .mode = 0600}));
    EXPECT_EQ((*node)->attributes().mode, 0600u);
    for (const char* const name : {"4", "03", "3x", "-1", "x"}) EXPECT_FALSE(pts.root()->lookup(name)) << name;
    terminals.all.clear();
    EXPECT_FALSE(pts.root()->lookup("3"));
}

TEST(PtsFileSystem, HasTheMultiplexer) {
    Terminals terminals;
    PtsFileSystem pts(terminals);
    const Result<NodeRef> node = pts.root()->lookup("ptmx");
    ASSERT_TRUE(node);
    EXPECT_EQ((*node)->attributes().special_device, PtsFileSystem::kMultiplexer);
    EXPECT_EQ((*node)->attributes().mode, 0020666u);
}

}  // namespace
}  // namespace portico::file_server
