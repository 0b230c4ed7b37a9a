#include "servers/terminal/output_filter.h"

namespace portico::terminal {

using namespace output_flag;

void OutputFilter::advance(uint8_t byte) {
    if (byte == '\b') {
        if (column_ > 0) --column_;
    } else if (byte == '\t') {
        column_ = (column_ | 7) + 1;
    } else if (!is_control(byte) && !(settings_.in(input_flag::kUtf8) && is_utf8_continuation(byte))) {
        ++column_;
    }
}

void OutputFilter::put(uint8_t byte, std::string& out) {
    if (!settings_.out(kProcess)) {
        if (byte == '\r')
            column_ = 0;
        else
            advance(byte);
        out.push_back(static_cast<char>(byte));
        return;
    }
    switch (byte) {
    case '\n':
        if (settings_.out(kNewlineReturns)) column_ = 0;
        if (settings_.out(kNewlineToReturnNewline)) {
            column_ = 0;
            out.push_back('\r');
        }
        out.push_back('\n');
        return;
    case '\r':
        if (settings_.out(kNoReturnAtColumn0) && column_ == 0) return;
        if (settings_.out(kReturnToNewline)) {
            if (settings_.out(kNewlineReturns)) column_ = 0;
            out.push_back('\n');
            return;
        }
        column_ = 0;
        out.push_back('\r');
        return;
    case '\t':
        if ((settings_.output & kTabDelay) == kExpandTabs) {
            const unsigned spaces = 8 - (column_ & 7);
            out.append(spaces, ' ');
            column_ += spaces;
            return;
        }
        break;
    default:
        if (settings_.out(kUpperCase) && byte >= 'a' && byte <= 'z') byte -= 'a' - 'A';
        break;
    }
    advance(byte);
    out.push_back(static_cast<char>(byte));
}

}  // namespace portico::terminal
