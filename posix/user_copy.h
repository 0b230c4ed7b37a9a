#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "libs/result.h"

/// Access to the program's memory. The copying instructions are marked: a fault there makes the function return BadAddress
/// (entry.S, upcall.cpp). Nothing else in the library may touch memory whose address the program gave.
namespace portico::posix {

extern "C" {
/// 0, or -1 if memory was not accessible (a part may have been copied).
int portico_user_copy(void* to, const void* from, size_t length_bytes);
/// Length of the string without its zero, at most `length_max`; -1 if memory was not accessible.
int64_t portico_user_string_length(const void* string, size_t length_max);
int portico_user_clear(void* to, size_t length_bytes);
int portico_user_load_32(uint32_t* to, const void* address);
int portico_user_store_32(void* address, uint32_t value);
/// Compare and exchange; `expected` gets the value found. 0 or -1 as above.
int portico_user_exchange_32(void* address, uint32_t* expected, uint32_t desired);
/// 0, or -1 if one of the two bytes cannot be written; they stay as they are.
int portico_user_probe(void* one, void* other);
/// xsave64 with mask, or fxsave64 if it is 0; and xrstor64. Unaligned memory and a state that cannot be loaded are faults, too.
int portico_user_save_vector_state(void* area, uint64_t mask);
int portico_user_load_vector_state(const void* area, uint64_t mask);
}

/// False if the range wraps or leaves user space: what would be a general-protection fault instead of a page fault.
bool is_user_range(uint64_t address, uint64_t length_bytes);

Result<> copy_from_user(void* to, uint64_t address, size_t length_bytes);
Result<> copy_to_user(uint64_t address, const void* from, size_t length_bytes);
Result<> clear_user(uint64_t address, size_t length_bytes);

template <class T>
    requires std::is_trivially_copyable_v<T>
Result<T> read_user(uint64_t address) {
    T value;
    TRY(copy_from_user(&value, address, sizeof(T)));
    return value;
}

template <class T>
    requires std::is_trivially_copyable_v<T>
Result<> write_user(uint64_t address, const T& value) {
    return copy_to_user(address, &value, sizeof(T));
}

/// Length of a zero-terminated string, without the zero. Errors: BadAddress; TooLarge if there is no zero in `length_max` bytes.
Result<size_t> user_string_length(uint64_t address, size_t length_max);

/// Copies a string with its zero into `to`; returns its length without it. Errors: BadAddress, NameTooLong.
Result<size_t> copy_string_from_user(std::span<char> to, uint64_t address);

/// The live vector state, `length_bytes` long with this mask, at a 64-aligned address.
Result<> save_vector_state_to_user(uint64_t address, uint64_t length_bytes, uint64_t mask);
/// Errors also if it is none that could be loaded as it is.
Result<> load_vector_state_from_user(uint64_t address, uint64_t length_bytes, uint64_t mask);

/// Single 32-bit accesses, atomic as futexes need them; address must be 4-aligned.
Result<uint32_t> load_user_32(uint64_t address);
Result<> store_user_32(uint64_t address, uint32_t value);
/// Stores `desired` if the word is `expected`; returns what was found.
Result<uint32_t> exchange_user_32(uint64_t address, uint32_t expected, uint32_t desired);

}  // namespace portico::posix
