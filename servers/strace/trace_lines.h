#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portico::strace {

/// Who a line is about: a thread of the traced programs, by its number in Linux.
struct Speaker {
    int64_t tid = 0;
    bool is_alone = true;  ///< else lines begin with "[pid N] "
};

/// Calls of several threads on one output. A call stands on one line if nobody else says anything while it is under way:
///
///     [pid     7] read(3,  <unfinished ...>
///     [pid     8] close(4)                    = 0
///     [pid     7] <... read resumed>"abc", 10) = 3
///
/// Bound: text() grows until take() is called.
class TraceLines {
public:
    void begin_call(const Speaker& speaker, std::string_view text);
    void end_call(const Speaker& speaker, std::string_view name, std::string_view rest, std::string_view result);
    /// A line of its own, which ends none.
    void say(const Speaker& speaker, std::string_view line);
    /// A line about nobody.
    void say(std::string_view line);

    bool empty() const { return text_.empty(); }
    std::string take();

private:
    static constexpr size_t kResultColumn = 40;

    void begin_line(const Speaker& speaker);
    void add(std::string_view text);
    void end_line();

    std::string text_;
    size_t column_ = 0;
    std::optional<int64_t> open_;  // whose call stands on the last line, without its result
};

}  // namespace portico::strace
