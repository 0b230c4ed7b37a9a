#include "posix/program_file.h"

#include <cerrno>
#include <cstring>

#include "posix/files/requests.h"

namespace portico::posix {

int64_t ProgramFile::open(Thread& thread, int32_t directory, uint64_t path_address, bool allow_empty_path) {
    PathArgument argument;
    if (const int64_t error = load_path(thread, directory, path_address, FinalLink::Follow, argument,
                                        allow_empty_path ? EmptyPath::Allow : EmptyPath::Refuse);
        error != 0)
        return error;
    const ipc::Lend lend = argument.lend(std::as_writable_bytes(std::span(path_, sizeof(path_) - 1)));
    const auto opened = settled_call(argument.directory, file::OpenProgram{}, lend);
    if (!opened) return opened.error() == Error::NotSupported || opened.error() == Error::BadCall ? -EACCES : to_errno(opened.error());
    memory_.reset(opened->memory);
    file_bytes_ = opened->size_bytes;
    head_bytes_ = file_bytes_ < sizeof(head_) ? file_bytes_ : sizeof(head_);
    if (const auto read = native::call(abi::MemoryRead{memory_.get(), 0, reinterpret_cast<uint64_t>(head_), head_bytes_}); !read)
        return to_errno(read.error());
    // The path is only for show: what was asked for will do if the file has none (any more).
    path_bytes_ = opened->path_bytes;
    if (path_bytes_ == 0 || path_bytes_ >= sizeof(path_)) {
        path_bytes_ = argument.path.text().size();
        std::memcpy(path_, argument.path.text().data(), path_bytes_);
    }
    path_[path_bytes_] = '\0';
    return 0;
}

}  // namespace portico::posix
