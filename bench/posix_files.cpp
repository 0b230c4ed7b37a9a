#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "bench/posix_rows.h"

/// Names and bytes of files in memory.
namespace portico::bench {
namespace {

constexpr char kPath[] = "/tmp/measured";

void must(bool good, const char* what) {
    if (!good) [[unlikely]]
        give_up(what, errno);
}

/// A file that is there as long as this object.
class TemporaryFile {
public:
    TemporaryFile() : descriptor_(open(kPath, O_RDWR | O_CREAT | O_TRUNC, 0600)) { must(descriptor_ >= 0, "open /tmp/measured"); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        close(descriptor_);
        unlink(kPath);
    }
    int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

void open_and_close(Measure& measure) {
    const TemporaryFile file;
    measure.each([] {
        const int opened = open(kPath, O_RDONLY);
        must(opened >= 0, "open");
        close(opened);
    });
}

void stat_by_name(Measure& measure) {
    const TemporaryFile file;
    measure.each([] {
        struct stat status;
        must(stat(kPath, &status) == 0, "stat");
    });
}

void create_and_unlink(Measure& measure) {
    measure.each([] {
        const int made = open("/tmp/created", O_RDWR | O_CREAT | O_EXCL, 0600);
        must(made >= 0, "create");
        close(made);
        must(unlink("/tmp/created") == 0, "unlink");
    });
}

constexpr size_t kTransferBytes = 64 << 10;

void write_64k(Measure& measure) {
    const TemporaryFile file;
    const std::vector<std::byte> bytes(kTransferBytes, std::byte{1});
    measure.each([&] { must(pwrite(file.descriptor(), bytes.data(), kTransferBytes, 0) == kTransferBytes, "pwrite"); });
}

void read_64k(Measure& measure) {
    const TemporaryFile file;
    std::vector<std::byte> bytes(kTransferBytes, std::byte{1});
    must(pwrite(file.descriptor(), bytes.data(), kTransferBytes, 0) == kTransferBytes, "pwrite");
    measure.each([&] { must(pread(file.descriptor(), bytes.data(), kTransferBytes, 0) == kTransferBytes, "pread"); });
}

/// A folder with so many empty files.
class FilledFolder {
public:
    explicit FilledFolder(unsigned count) : count_(count) {
        must(mkdir(kFolder, 0700) == 0, "mkdir");
        for (unsigned i = 0; i < count_; ++i) {
            const int made = open(name(i).c_str(), O_WRONLY | O_CREAT, 0600);
            must(made >= 0, "create");
            close(made);
        }
    }
    FilledFolder(const FilledFolder&) = delete;
    FilledFolder& operator=(const FilledFolder&) = delete;
    ~FilledFolder() {
        for (unsigned i = 0; i < count_; ++i) unlink(name(i).c_str());
        rmdir(kFolder);
    }

    static constexpr char kFolder[] = "/tmp/filled";

private:
    static std::string name(unsigned i) { return std::string(kFolder) + "/entry" + std::to_string(i); }

    unsigned count_;
};

/// From the first entry to the last, with the buffer that glibc's readdir has.
void list_1000(Measure& measure) {
    constexpr unsigned kEntries = 1000, kListingsMax = 20;
    const FilledFolder folder(kEntries);
    const int directory = open(FilledFolder::kFolder, O_RDONLY | O_DIRECTORY);
    must(directory >= 0, "open");
    static char buffer[32 << 10];
    const auto list = [&] {
        must(lseek(directory, 0, SEEK_SET) == 0, "lseek");
        long got;
        while ((got = syscall(SYS_getdents64, directory, buffer, sizeof(buffer))) > 0) {
        }
        must(got == 0, "getdents64");
    };
    measure.each_then(std::min(kListingsMax, measure.settings().operations), list, [] {});
    close(directory);
}

constexpr Row kRows[] = {
    {"open_close", open_and_close}, {"stat", stat_by_name},   {"create_unlink", create_and_unlink},
    {"read_64k", read_64k},         {"write_64k", write_64k}, {"getdents_1000", list_1000},
};

}  // namespace

const Rows kPosixFileRows = kRows;

}  // namespace portico::bench
