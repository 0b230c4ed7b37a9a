#pragma once

#include "abi/handle.h"
#include "libs/result.h"

/// The PC's battery-backed clock (MC146818), which tells the time of day in UTC.
namespace portico::init {

/// Its time registers as read, and status register B, which says how they count.
struct ClockRegisters {
    uint8_t second = 0, minute = 0, hour = 0, day = 1, month = 1, year = 0;
    uint8_t status_b = 0;
    bool operator==(const ClockRegisters&) const = default;
};

/// Seconds since 1970. Years 70 to 99 are of the last century. Errors: IoError if the registers make no date.
Result<int64_t> seconds_of(const ClockRegisters& registers);

/// Reads the clock through the I/O ports 0x70 and 0x71. Errors: IoError if it does not answer sensibly in bounded time.
Result<int64_t> read_real_time_clock(abi::Handle resource);

}  // namespace portico::init
