#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "servers/ext4/file_system.h"
#include "servers/file/test_pages.h"

/// Fakes for the tests on the host: a disk in memory that can lose power.
namespace portico::ext4 {

using file_server::TestPages;
using file_server::TestPageSource;
using file_server::TestTransfer;

/// A disk whose writes are lost from some moment on, as if the power had failed; those that were not flushed may be lost one by one.
class TestDisk final : public BlockStore {
public:
    explicit TestDisk(std::vector<std::byte> image) : bytes(std::move(image)) {}

    uint64_t size_bytes() const override { return bytes.size(); }
    bool read_only() const override { return is_read_only; }
    Result<> read(uint64_t position, std::span<std::byte> to) override {
        if (position + to.size() > bytes.size()) return fail(Error::InvalidArgument);
        if (bad_block != 0 && position <= bad_block * kBlockBytes && bad_block * kBlockBytes < position + to.size())
            return fail(Error::IoError);
        std::memcpy(to.data(), bytes.data() + position, to.size());
        return {};
    }
    Result<> write(uint64_t position, std::span<const std::byte> from) override {
        if (position + from.size() > bytes.size()) return fail(Error::InvalidArgument);
        if (fails_to_write) return fail(Error::IoError);
        ++writes;
        if (writes <= writes_kept) std::memcpy(bytes.data() + position, from.data(), from.size());
        return {};
    }
    Result<> flush() override { return {}; }

    std::vector<std::byte> bytes;
    bool is_read_only = false, fails_to_write = false;
    uint64_t bad_block = 0;
    uint64_t writes = 0, writes_kept = ~uint64_t{0};
};

inline std::string in_temporary_folder(const char* name) {
    static const std::string folder = [] {
        char pattern[] = "/tmp/ext4-test-XXXXXX";
        return std::string(mkdtemp(pattern));
    }();
    return folder + "/" + name;
}

inline int shell(const std::string& command) {
    const int status = std::system((command + " > " + in_temporary_folder("output") + " 2>&1").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

inline std::vector<std::byte> make_image(uint64_t blocks, const std::string& more = "-J size=4") {
    const std::string path = in_temporary_folder("made");
    std::remove(path.c_str());
    const std::string command =
        "/sbin/mke2fs -q -F -t ext4 -b 4096 -I 256 -m 0 -O ^resize_inode " + more + " " + path + " " + std::to_string(blocks);
    EXPECT_EQ(shell(command), 0);
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    std::vector<std::byte> bytes(static_cast<size_t>(file.tellg()));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return bytes;
}

inline void save(const std::vector<std::byte>& image, const std::string& path) {
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(image.data()), static_cast<std::streamsize>(image.size()));
}

/// "" if e2fsck finds nothing wrong with an image, else what it says. `replay`: after the journal was replayed, and nothing else repaired.
inline std::string check_image(std::vector<std::byte>& image, bool replay = false) {
    const std::string path = in_temporary_folder("checked");
    save(image, path);
    if (replay && shell("/sbin/e2fsck -E journal_only -fy " + path) > 1) return "the journal cannot be replayed";
    if (replay) {
        std::ifstream file(path, std::ios::binary);
        file.read(reinterpret_cast<char*>(image.data()), static_cast<std::streamsize>(image.size()));
    }
    if (shell("/sbin/e2fsck -fn " + path) == 0) return "";
    std::ifstream output(in_temporary_folder("output"));
    return {std::istreambuf_iterator<char>(output), {}};
}

}  // namespace portico::ext4
