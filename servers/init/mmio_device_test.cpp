#include "servers/init/virtio_devices.h"

namespace portico::init {
namespace {

TEST(MmioDeviceTest, WhatLinuxUnderstands) {
    EXPECT_EQ(parse_mmio_device("virtio_mmio.device=512@0xfeb00e00:12"), (MmioDevice{512, 0xFEB0'0E00, 12}));
    EXPECT_EQ(parse_mmio_device("virtio_mmio.device=4K@0xd0000000:5"), (MmioDevice{4096, 0xD000'0000, 5}));
    EXPECT_EQ(parse_mmio_device("virtio_mmio.device=0x200@0x1000:24:7"), (MmioDevice{512, 4096, 24}));
}

TEST(MmioDeviceTest, NothingElse) {
    for (const char* word :
         {"virtio_mmio.device=", "virtio_mmio.device=512", "virtio_mmio.device=512@", "virtio_mmio.device=512@0xfeb00000",
          "virtio_mmio.device=512@0xfeb00000:", "virtio_mmio.device=512@0xfeb00000:5x", "virtio_mmio.device=0@0x1000:5",
          "virtio_mmio.device=512@0x1000:5:", "virtio_mmio.device=99999M@0x1000:5", "virtio_mmio.device=-1@0x1000:5",
          "virtio_mmio.device=512@0xffffffffffffffffff:5", "virtio_mmio.device=512@0xffffffffffff0000:5", "trace", ""})
        EXPECT_FALSE(parse_mmio_device(word)) << word;
}

}  // namespace
}  // namespace portico::init
