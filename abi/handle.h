#pragma once

#include <cstdint>

namespace portico::abi {

/// Names an object in the holder's handle table: index in bits 0-19, generation in bits 20-31. Zero names nothing.
/// A closed handle's value is not valid again until its slot's 12-bit generation wraps.
struct Handle {
    uint64_t value = 0;

    constexpr bool operator==(const Handle&) const = default;
    constexpr explicit operator bool() const { return value != 0; }
    constexpr uint32_t index() const { return static_cast<uint32_t>(value) & 0xF'FFFF; }
    constexpr uint32_t generation() const { return static_cast<uint32_t>(value) >> 20; }
    static constexpr Handle make(uint32_t index, uint32_t generation) { return {(uint64_t{generation & 0xFFF} << 20) | index}; }
};

inline constexpr uint32_t kHandleIndexMax = 0xF'FFFF;
inline constexpr Handle kNoHandle{0};

/// Pseudo-handles: always valid, name the caller's own objects with every right, in no table. (Index zero is never
/// in a table, so they cannot collide.)
inline constexpr Handle kSelfProcess = Handle::make(0, 1);
inline constexpr Handle kSelfThread = Handle::make(0, 2);
inline constexpr Handle kSelfSpace = Handle::make(0, 3);
inline constexpr Handle kSelfAccount = Handle::make(0, 4);

/// What a handle allows. Rights can only shrink when a handle is duplicated or sent.
enum class Rights : uint32_t {
    None = 0,
    Send = 1 << 0,       ///< post messages and call (send handles)
    Receive = 1 << 1,    ///< take messages, make send handles (ports)
    Duplicate = 1 << 2,  ///< make another handle to the object
    Transfer = 1 << 3,   ///< send the handle in a message
    Read = 1 << 4,       ///< map or read memory; query
    Write = 1 << 5,      ///< map writable or write memory
    Execute = 1 << 6,    ///< map executable
    Map = 1 << 7,        ///< change mappings of an address space
    Control = 1 << 8,    ///< start, stop, alert, kill, set up (processes, threads, timers, interrupts, accounts)
    All = (1 << 9) - 1,
};

constexpr Rights operator|(Rights a, Rights b) {
    return static_cast<Rights>(static_cast<uint32_t>(a) | static_cast<uint32_t>(b));
}
constexpr Rights operator&(Rights a, Rights b) {
    return static_cast<Rights>(static_cast<uint32_t>(a) & static_cast<uint32_t>(b));
}
constexpr Rights operator~(Rights a) {
    return static_cast<Rights>(~static_cast<uint32_t>(a)) & Rights::All;
}
constexpr bool has(Rights held, Rights wanted) {
    return (held & wanted) == wanted;
}

enum class ObjectType : uint8_t {
    None,
    Port,
    Sender,
    Process,
    AddressSpace,
    Thread,
    Memory,
    Account,
    Interrupt,
    IoPorts,
    Timer,
    Resource,
    PortSet,
};

}  // namespace portico::abi
