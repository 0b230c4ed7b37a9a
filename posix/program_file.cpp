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
    constexpr uint64_t kExecuteMode = 1;
    if (const int64_t error = request(argument.directory, file::CheckAccess{.mode = kExecuteMode, .no_follow = 0}, argument.lend());
        error != 0)
        return error;
    const auto opened = settled_call(argument.directory, file::Open{.flags = file::kReadOnly, .mode = 0, .session = 0, .process_group = 0},
                                     argument.lend());
    if (!opened) return to_errno(opened.error());
    const OwnedHandle object(opened->file);
    if (opened->kind != file::Kind::File) return -EACCES;
    const auto memory = settled_call(object.get(), file::GetMemory{});
    if (!memory) return memory.error() == Error::NotSupported ? -EACCES : to_errno(memory.error());
    memory_.reset(memory->memory);
    file_bytes_ = memory->size_bytes;
    head_bytes_ = file_bytes_ < kHeadBytes ? file_bytes_ : kHeadBytes;
    if (const auto read = native::call(abi::MemoryRead{memory_.get(), 0, reinterpret_cast<uint64_t>(head_), head_bytes_}); !read)
        return to_errno(read.error());
    // The path is only for show: what was asked for will do if the file has none (any more).
    const auto path =
        settled_call(object.get(), file::GetPath{}, ipc::Lend{.writable = std::as_writable_bytes(std::span(path_, sizeof(path_) - 1))});
    path_bytes_ = path && path->length_bytes < sizeof(path_) ? path->length_bytes : argument.path.text().size();
    if (!path || path->length_bytes >= sizeof(path_)) std::memcpy(path_, argument.path.text().data(), path_bytes_);
    path_[path_bytes_] = '\0';
    return 0;
}

}  // namespace portico::posix
