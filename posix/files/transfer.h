#pragma once

#include "libs/result.h"
#include "posix/files/descriptor.h"
#include "posix/thread.h"
#include "protocols/file.h"

/// Moving bytes between a descriptor and memory, the program's or the library's own: what all read and write calls are made of.
namespace portico::posix {

struct OpenNumber {
    int32_t number;
    Descriptor descriptor;
};

/// An open descriptor that may be read; or written. -EBADF otherwise.
Result<OpenNumber> descriptor_to_read(Thread& thread, uint64_t number);
Result<OpenNumber> descriptor_to_write(Thread& thread, uint64_t number);

/// Moves up to `length_bytes`; the count, or a negative errno if nothing was moved. Reads of a file go on until the end or
/// the length is reached, others return what is there. Writes go on until all is taken or an error comes. `offset` may be
/// protocols::file::kCurrentOffset. An error EPIPE raises SIGPIPE.
int64_t read_to(Thread& thread, const OpenNumber& from, uint64_t address, uint64_t length_bytes, uint64_t offset);
int64_t write_from(Thread& thread, const OpenNumber& to, uint64_t address, uint64_t length_bytes, uint64_t offset);

}  // namespace portico::posix
