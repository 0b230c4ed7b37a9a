#pragma once

#include <optional>
#include <string_view>

namespace portico::posix {

inline constexpr size_t kScriptLineBytesMax = 256;

/// The first line of a script, "#! INTERPRETER [ARGUMENT]", as Linux reads it: the argument is all the rest, trimmed.
struct ScriptLine {
    std::string_view interpreter;
    std::string_view argument;  ///< empty if there is none

    /// `head` holds the file's first bytes, at most kScriptLineBytesMax. Nothing if it is no script, names no interpreter,
    /// or the interpreter's name does not end within `head`.
    static constexpr std::optional<ScriptLine> parse(std::string_view head) {
        if (!head.starts_with("#!")) return std::nullopt;
        head = head.substr(2);
        const size_t newline = head.find('\n');
        const bool complete = newline != std::string_view::npos;
        std::string_view line = trim(head.substr(0, newline));
        const size_t space = line.find_first_of(" \t");
        const std::string_view interpreter = line.substr(0, space);
        if (interpreter.empty()) return std::nullopt;
        if (space == std::string_view::npos) {
            if (!complete && head.size() == kScriptLineBytesMax - 2) return std::nullopt;  // cut off in the name
            return ScriptLine{.interpreter = interpreter, .argument = {}};
        }
        return ScriptLine{.interpreter = interpreter, .argument = trim(line.substr(space))};
    }

private:
    static constexpr std::string_view trim(std::string_view text) {
        while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
        while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\0')) text.remove_suffix(1);
        return text;
    }
};

}  // namespace portico::posix
