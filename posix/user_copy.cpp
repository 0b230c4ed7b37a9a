#include "posix/user_copy.h"

#include "abi/types.h"

namespace portico::posix {

namespace {

void* pointer(uint64_t address) {
    return reinterpret_cast<void*>(address);
}

Result<> outcome(int status) {
    if (status != 0) return fail(Error::BadAddress);
    return {};
}

}  // namespace

bool is_user_range(uint64_t address, uint64_t length_bytes) {
    return length_bytes <= abi::kUserAddressMax && address <= abi::kUserAddressMax - length_bytes;
}

Result<> copy_from_user(void* to, uint64_t address, size_t length_bytes) {
    if (!is_user_range(address, length_bytes)) return fail(Error::BadAddress);
    return outcome(portico_user_copy(to, pointer(address), length_bytes));
}

Result<> copy_to_user(uint64_t address, const void* from, size_t length_bytes) {
    if (!is_user_range(address, length_bytes)) return fail(Error::BadAddress);
    return outcome(portico_user_copy(pointer(address), from, length_bytes));
}

Result<> clear_user(uint64_t address, size_t length_bytes) {
    if (!is_user_range(address, length_bytes)) return fail(Error::BadAddress);
    return outcome(portico_user_clear(pointer(address), length_bytes));
}

Result<size_t> user_string_length(uint64_t address, size_t length_max) {
    if (!is_user_range(address, 1)) return fail(Error::BadAddress);
    const size_t readable = abi::kUserAddressMax - address;
    const size_t bound = length_max < readable ? length_max : readable;
    const int64_t length = portico_user_string_length(pointer(address), bound);
    if (length < 0) return fail(Error::BadAddress);
    if (static_cast<size_t>(length) == bound) return fail(bound < length_max ? Error::BadAddress : Error::TooLarge);
    return static_cast<size_t>(length);
}

Result<size_t> copy_string_from_user(std::span<char> to, uint64_t address) {
    const Result<size_t> length = user_string_length(address, to.size());
    if (!length) return fail(length.error() == Error::TooLarge ? Error::NameTooLong : length.error());
    TRY(copy_from_user(to.data(), address, *length));
    to[*length] = '\0';  // the program may have changed the string meanwhile
    return *length;
}

Result<> save_vector_state_to_user(uint64_t address, uint64_t length_bytes, uint64_t mask) {
    if (!is_user_range(address, length_bytes)) return fail(Error::BadAddress);
    return outcome(portico_user_save_vector_state(pointer(address), mask));
}

Result<> load_vector_state_from_user(uint64_t address, uint64_t length_bytes, uint64_t mask) {
    if (!is_user_range(address, length_bytes)) return fail(Error::BadAddress);
    return outcome(portico_user_load_vector_state(pointer(address), mask));
}

Result<uint32_t> load_user_32(uint64_t address) {
    if (!is_user_range(address, 4)) return fail(Error::BadAddress);
    uint32_t value = 0;
    TRY(outcome(portico_user_load_32(&value, pointer(address))));
    return value;
}

Result<> store_user_32(uint64_t address, uint32_t value) {
    if (!is_user_range(address, 4)) return fail(Error::BadAddress);
    return outcome(portico_user_store_32(pointer(address), value));
}

Result<uint32_t> exchange_user_32(uint64_t address, uint32_t expected, uint32_t desired) {
    if (!is_user_range(address, 4)) return fail(Error::BadAddress);
    TRY(outcome(portico_user_exchange_32(pointer(address), &expected, desired)));
    return expected;
}

}  // namespace portico::posix
