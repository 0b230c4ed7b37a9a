#include <map>
#include <random>

#include "servers/init/pci.h"

namespace portico::init {
namespace {

class ModelFunction final : public PciFunction {
public:
    std::array<uint8_t, 256> bytes{};

    uint32_t read(uint32_t offset) override {
        uint32_t value;
        std::memcpy(&value, &bytes[offset & 0xFC], 4);
        return value;
    }
    void write(uint32_t offset, uint32_t value) override { std::memcpy(&bytes[offset & 0xFC], &value, 4); }

    void add_structure(uint8_t at, uint8_t next, uint8_t type, uint8_t bar, uint32_t offset, uint32_t length_bytes) {
        bytes[at] = 0x09;
        bytes[at + 1] = next;
        bytes[at + 3] = type;
        bytes[at + 4] = bar;
        write(at + 8u, offset);
        write(at + 12u, length_bytes);
    }
    /// As QEMU's virtio-blk-pci with disable-legacy=on looks.
    void be_disk() {
        write(0x00, 0x1042'1AF4);
        write(0x04, 0x0010'0003);
        write(0x14, 0xFEBD'1000);
        write(0x20, 0xFE00'000C);
        write(0x24, 0x0000'0001);
        write(0x34, 0x98);
        write(0x3C, 0x010B);
        bytes[0x98] = 0x11;
        bytes[0x99] = 0x84;
        write(0x9C, 0x0000'0001);
        add_structure(0x84, 0x70, 5, 0, 0, 0);
        add_structure(0x70, 0x60, 2, 4, 0x3000, 0x1000);
        write(0x80, 4);
        add_structure(0x60, 0x50, 4, 4, 0x2000, 0x1000);
        add_structure(0x50, 0x40, 3, 4, 0x1000, 0x1000);
        add_structure(0x40, 0, 1, 4, 0, 0x1000);
    }
};

TEST(PciVirtioTest, ADiskIsUnderstood) {
    ModelFunction function;
    function.be_disk();
    const auto found = virtio_of(function);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, 2);
    EXPECT_EQ(found->registers_physical, 0x1'FE00'0000u) << "a wide BAR";
    EXPECT_EQ(found->registers_bytes, 0x4000u);
    EXPECT_EQ(found->notify, 0x3000u);
    EXPECT_EQ(found->isr, 0x1000u);
    EXPECT_EQ(found->device, 0x2000u);
    EXPECT_EQ(found->message_capability, 0x98u);
    EXPECT_EQ(found->message_table_physical, 0xFEBD'1000u);
    EXPECT_EQ(found->line, 11);
    enable(function, true);
    EXPECT_EQ(function.read(4) & 0xFFFF, 0x0407u);
    enable(function, false);
    EXPECT_EQ(function.read(4) & 0xFFFF, 0x0007u);
}

TEST(PciVirtioTest, WhatCannotBeUsedIsNone) {
    const auto is_used = [](auto change) {
        ModelFunction function;
        function.be_disk();
        change(function);
        return virtio_of(function).has_value();
    };
    EXPECT_FALSE(is_used([](ModelFunction& f) { f.write(0, 0x1042'8086); })) << "another maker's";
    EXPECT_FALSE(is_used([](ModelFunction& f) { f.write(0, ~0u); })) << "nothing there";
    EXPECT_FALSE(is_used([](ModelFunction& f) { f.write(4, 3); })) << "no capabilities";
    EXPECT_FALSE(is_used([](ModelFunction& f) { f.bytes[0x43] = 9; })) << "no common structure";
    EXPECT_FALSE(is_used([](ModelFunction& f) {
        f.write(0x20, 0);
        f.write(0x24, 0);
    })) << "not placed";
    EXPECT_FALSE(is_used([](ModelFunction& f) { f.write(0x20, 0xC001); })) << "I/O ports";
    EXPECT_FALSE(is_used([](ModelFunction& f) { f.bytes[0x44] = 7; })) << "no such BAR";
    EXPECT_FALSE(is_used([](ModelFunction& f) { f.write(0x4C, ~0u); })) << "too long";
    EXPECT_TRUE(is_used([](ModelFunction& f) { f.bytes[0x41] = 0x40; })) << "capabilities in a circle";
}

TEST(PciVirtioTest, AnyBytesEnd) {
    std::mt19937 random(3);
    for (unsigned round = 0; round < 20'000; ++round) {
        ModelFunction function;
        function.be_disk();
        for (unsigned i = 0; i < 1 + random() % 40; ++i) function.bytes[4 + random() % 252] = static_cast<uint8_t>(random());
        const auto found = virtio_of(function);
        if (!found) continue;
        EXPECT_EQ(found->registers_physical % 4096, 0u);
        EXPECT_LE(found->registers_bytes, uint64_t{1} << 20);
    }
}

}  // namespace
}  // namespace portico::init
