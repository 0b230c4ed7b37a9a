#include <charconv>

#include "servers/init/virtio_devices.h"

namespace portico::init {

namespace {

/// Takes a number, decimal or 0x…, off the front.
std::optional<uint64_t> take_number(std::string_view& text) {
    const bool hexadecimal = text.starts_with("0x");
    if (hexadecimal) text.remove_prefix(2);
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hexadecimal ? 16 : 10);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return value;
}

bool take(std::string_view& text, char wanted) {
    if (!text.starts_with(wanted)) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::optional<MmioDevice> parse_mmio_device(std::string_view word) {
    constexpr std::string_view kKey = "virtio_mmio.device=";
    constexpr uint64_t kSizeBytesMax = 1 << 20, kPhysicalMax = uint64_t{1} << 46;
    if (!word.starts_with(kKey)) return std::nullopt;
    word.remove_prefix(kKey.size());
    auto size = take_number(word);
    if (!size || *size > kSizeBytesMax) return std::nullopt;
    if (take(word, 'K') || take(word, 'k'))
        *size <<= 10;
    else if (take(word, 'M') || take(word, 'm'))
        *size <<= 20;
    if (*size == 0 || *size > kSizeBytesMax || !take(word, '@')) return std::nullopt;
    const auto physical = take_number(word);
    if (!physical || *physical >= kPhysicalMax || !take(word, ':')) return std::nullopt;
    const auto line = take_number(word);
    if (!line) return std::nullopt;
    if (take(word, ':') && !take_number(word)) return std::nullopt;
    if (!word.empty()) return std::nullopt;
    return MmioDevice{.size_bytes = *size, .physical = *physical, .line = *line};
}

}  // namespace portico::init
