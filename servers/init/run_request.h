#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/result.h"

namespace portico::init {

enum class Link : uint8_t { Framed, Plain };
enum class Stream : uint8_t { Terminal, Host, None };

/// What to run, and how it is connected: the contents of boot/run (docs/architecture.md).
struct RunRequest {
    Link link = Link::Plain;
    Stream streams[3] = {Stream::Terminal, Stream::Terminal, Stream::Terminal};  ///< stdin, stdout, stderr
    std::string working_directory = "/";
    std::vector<std::string> environment;
    std::vector<std::string> arguments;
    bool keeps_files = false;               ///< what is written goes to a disk or to the host, and must be there at the end
    bool traced = false;                    ///< its Linux calls are written down by the strace server
    std::vector<std::string> server_words;  ///< what the servers are told of it, as it stood there

    /// Parses boot/run; variables that every program expects are added if they are not given.
    /// Errors: InvalidArgument; then `line` holds what was not understood.
    static Result<RunRequest> parse(std::string_view text, std::string& line);

    /// Without boot/run: an interactive shell on a plain terminal.
    static RunRequest shell();

    /// The value of an environment variable; empty if it is not set.
    std::string_view variable(std::string_view name) const;

private:
    Result<> take(std::string_view key, std::string_view value);
    void add_default(std::string_view name, std::string_view value);
    void add_defaults();
};

}  // namespace portico::init
