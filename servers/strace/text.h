#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// How values are written.
namespace portico::strace {

std::string hexadecimal(uint64_t value);  ///< "0x2f"; "0" for 0
std::string octal(uint64_t value);        ///< "0644"; "0" for 0
std::string pointer(uint64_t address);    ///< as hexadecimal, NULL for 0

/// In double quotes, with C's escapes; "..." behind it if there is more.
std::string quoted(std::string_view bytes, bool is_all = true);

}  // namespace portico::strace
