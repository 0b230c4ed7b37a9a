#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "servers/swap/space.h"

/// Fakes for the tests on the host: a swap object as the kernel keeps it, and a disk with bad slots. Either may "die" with the server after
/// a number of steps: what the server does from then on has no effect.
namespace portico::swap {

using Content = std::vector<std::byte>;

inline Content content_of(uint64_t seed) {
    Content content(kPageBytes);
    for (uint64_t at = 0; at < kPageBytes; at += sizeof seed) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        std::memcpy(content.data() + at, &seed, sizeof seed);
    }
    return content;
}

/// How long the server lives.
struct Life {
    uint64_t steps_left = ~uint64_t{0};
    std::span<std::byte> map{};
    std::vector<std::byte> map_at_death{};

    bool step() {
        if (steps_left == 0) return false;
        if (--steps_left == 0) map_at_death.assign(map.begin(), map.end());
        return steps_left > 0;
    }
};

class TestDisk final : public block_store::BlockStore {
public:
    TestDisk(Life& life, uint64_t slots) : bytes(slots * kPageBytes), life_(life) {}

    uint64_t size_bytes() const override { return bytes.size(); }
    bool read_only() const override { return false; }
    Result<> read(uint64_t position, std::span<std::byte> to) override {
        if (!life_.step()) return fail(Error::NoDevice);
        ++reads;
        TRY(look(position, to.size(), unreadable));
        std::memcpy(to.data(), bytes.data() + position, to.size());
        return {};
    }
    /// What is before a bad slot gets written all the same. A server that dies meanwhile leaves a part behind.
    Result<> write(uint64_t position, std::span<const std::byte> from) override {
        const bool lives = life_.step();
        if (!lives && was_dead_) return fail(Error::NoDevice);
        was_dead_ = !lives;
        ++writes;
        const Result<> outcome = look(position, from.size(), unwritable);
        std::memcpy(bytes.data() + position, from.data(), outcome && lives ? from.size() : from.size() / 2);
        return lives ? outcome : fail(Error::NoDevice);
    }
    Result<> flush() override { return {}; }
    void revive() { was_dead_ = false; }

    std::vector<std::byte> bytes;
    std::set<uint64_t> unreadable, unwritable;  // slots
    unsigned reads = 0, writes = 0;

private:
    Result<> look(uint64_t position, uint64_t length_bytes, const std::set<uint64_t>& bad) {
        EXPECT_EQ(position % kPageBytes, 0u);
        EXPECT_LE(position + length_bytes, bytes.size());
        for (uint64_t slot = position / kPageBytes; slot < (position + length_bytes) / kPageBytes; ++slot)
            if (bad.contains(slot)) return fail(Error::IoError);
        return {};
    }
    Life& life_;
    bool was_dead_ = false;
};

class TestPages final : public Pages {
public:
    explicit TestPages(Life& life) : life_(life) {}

    struct Page {
        Content content;
        bool dirty = false, marked = false;
    };

    Result<uint64_t> copy(uint64_t first, std::span<std::byte> landing) override {
        if (!life_.step()) return fail(Error::PeerClosed);
        EXPECT_LE(landing.size(), kPagesAtOnce * kPageBytes);
        uint64_t landed = 0;
        for (uint64_t i = 0; i < landing.size() / kPageBytes; ++i) {
            const auto found = present.find(first + i);
            if (found == present.end() || !found->second.dirty) continue;
            found->second.marked = true;
            std::ranges::copy(found->second.content, landing.begin() + static_cast<ptrdiff_t>(i * kPageBytes));
            landed |= uint64_t{1} << i;
        }
        return landed;
    }
    void written(uint64_t first, std::span<std::byte> landed) override {
        if (on_written) std::exchange(on_written, nullptr)();
        if (!life_.step()) return;
        std::ranges::fill(landed, std::byte{0});
        for (uint64_t page = first; page < first + landed.size() / kPageBytes; ++page)
            if (const auto found = present.find(page); found != present.end() && found->second.marked) present.erase(found);
    }
    Result<> supply(uint64_t first, std::span<std::byte> pages) override {
        if (!life_.step()) return fail(Error::PeerClosed);
        for (uint64_t i = 0; i < pages.size() / kPageBytes; ++i) {
            const auto page = pages.subspan(i * kPageBytes, kPageBytes);
            present.try_emplace(first + i, Page{.content = Content(page.begin(), page.end())});
            std::ranges::fill(page, std::byte{0});
        }
        return {};
    }
    void refuse(uint64_t page) override {
        if (life_.step()) refused.insert(page);
    }
    bool is_memory_short() override { return is_short; }

    void put(uint64_t page, uint64_t seed) { present[page] = {.content = content_of(seed), .dirty = true}; }

    std::map<uint64_t, Page> present;
    std::set<uint64_t> refused;
    std::function<void()> on_written;
    bool is_short = false;

private:
    Life& life_;
};

/// The swap server without a kernel.
struct TestSwap {
    explicit TestSwap(uint64_t slots) : layout(Layout::of_disk(slots * kPageBytes)), disk(life, slots), pages(life) {
        memory.resize(layout.map_bytes());
        life.map = memory;
        start();
    }
    void start() {
        map.emplace(layout, memory);
        space.emplace(*map, pages, disk, Space::Buffers{.landing = landing, .reading = reading});
    }
    /// A successor, after a death.
    void restart() {
        if (!life.map_at_death.empty()) std::ranges::copy(life.map_at_death, memory.begin());
        life.map_at_death.clear();
        life.steps_left = ~uint64_t{0};
        disk.revive();
        start();
    }
    void put(uint64_t first, uint64_t count, uint64_t seed) {
        for (uint64_t page = first; page < first + count; ++page) pages.put(page, seed + page);
    }
    /// Whether the page, missed, comes back as it was.
    bool comes_back(uint64_t page, uint64_t seed, uint64_t absent = 1) {
        if (!pages.present.contains(page)) space->page_in(page, absent);
        const auto found = pages.present.find(page);
        return found != pages.present.end() && found->second.content == content_of(seed);
    }

    Layout layout;
    Life life;
    TestDisk disk;
    TestPages pages;
    std::vector<std::byte> memory;
    std::vector<std::byte> landing = std::vector<std::byte>(kPagesAtOnce * kPageBytes), reading = landing;
    std::optional<SlotMap> map;
    std::optional<Space> space;
};

}  // namespace portico::swap
