#pragma once

#include <map>
#include <string>
#include <string_view>

#include "libs/result.h"
#include "servers/file/node.h"

namespace portico::file_server {

/// Extended attributes of one file: names with their class (user., trusted., security.) and values. Pure.
///
/// Bound: 64 KiB of names and values a file.
class ExtendedAttributes {
public:
    static constexpr size_t kNameBytesMax = 255;
    static constexpr size_t kBytesMax = 65536;

    enum class Mode : uint64_t { Any = 0, Create = 1, Replace = 2 };

    /// Whether a file of that kind may have an attribute of that name. Errors: InvalidArgument, NotSupported (class unknown),
    /// AccessDenied (user. only on files and directories).
    static Result<> check(Kind kind, std::string_view name);

    Result<std::string_view> get(std::string_view name) const;
    Result<> set(std::string_view name, std::string_view value, Mode mode);
    Result<> remove(std::string_view name);
    std::string list() const;  ///< each with a zero

private:
    std::map<std::string, std::string, std::less<>> values_;
    size_t bytes_ = 0;
};

}  // namespace portico::file_server
