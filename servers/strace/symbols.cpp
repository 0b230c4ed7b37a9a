#include "servers/strace/symbols.h"

#include <cstring>

#include "servers/strace/text.h"

namespace portico::strace {

std::string named(uint64_t value, const Symbols& symbols) {
    std::string text;
    uint64_t left = value;
    for (const Symbol& symbol : symbols.all) {
        if ((value & symbol.mask) != symbol.value) continue;
        if (symbol.value != 0 && (left & symbol.value) != symbol.value) continue;  // a larger one has said it
        if (!text.empty()) text += '|';
        text += symbol.name;
        left &= ~symbol.value;
    }
    if (text.empty()) return value == 0 ? "0" : hexadecimal(value) + " /* " + std::string(symbols.family) + "??? */";
    if (left != 0) text += "|" + hexadecimal(left);
    return text;
}

std::string signal_name(uint64_t number) {
    const char* name = number > 0 && number < 32 ? ::sigabbrev_np(static_cast<int>(number)) : nullptr;
    if (name != nullptr) return std::string("SIG") + name;
    if (number >= 32 && number <= 64) return number == 32 ? "SIGRTMIN" : "SIGRT_" + std::to_string(number - 32);
    return std::to_string(static_cast<int64_t>(number));
}

std::string signal_set(uint64_t bits) {
    const bool most = __builtin_popcountll(bits) > 32;
    std::string text = most ? "~[" : "[";
    bool first = true;
    for (uint64_t number = 1; number <= 64; ++number) {
        if (((bits >> (number - 1)) & 1) == (most ? 1u : 0u)) continue;
        if (!first) text += ' ';
        first = false;
        const std::string name = signal_name(number);
        text += name.starts_with("SIG") ? name.substr(3) : name;
    }
    return text + "]";
}

std::string_view error_name(int error) {
    switch (error) {  // the kernel's own, which no program sees
    case 512:
        return "ERESTARTSYS";
    case 514:
        return "ERESTARTNOHAND";
    default:
        break;
    }
    const char* name = ::strerrorname_np(error);
    return name != nullptr ? name : "";
}

std::string_view error_meaning(int error) {
    switch (error) {
    case 512:
        return "To be restarted if SA_RESTART is set";
    case 514:
        return "To be restarted if no handler";
    default:
        break;
    }
    const char* meaning = ::strerrordesc_np(error);
    return meaning != nullptr ? meaning : "";
}

}  // namespace portico::strace
