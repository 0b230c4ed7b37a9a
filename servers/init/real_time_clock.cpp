#include "servers/init/real_time_clock.h"

#include <chrono>

#include "runtime/handle.h"

namespace portico::init {

namespace {

constexpr uint8_t kStatusBinary = 4, kStatus24Hours = 2, kHourAfternoon = 0x80, kUpdateInProgress = 0x80;
constexpr unsigned kUpdatePollsMax = 10'000;  // an update takes 2 ms, one poll at least a microsecond
constexpr unsigned kReadsMax = 8;

Result<uint8_t> read_register(const OwnedHandle& ports, uint8_t index) {
    TRY(native::call(abi::IoWrite{ports.get(), 0, 1, index}));
    return static_cast<uint8_t>(TRY(native::call(abi::IoRead{ports.get(), 1, 1})).value);
}

Result<ClockRegisters> read_registers(const OwnedHandle& ports) {
    for (unsigned polls = 0; (TRY(read_register(ports, 0x0A)) & kUpdateInProgress) != 0; ++polls)
        if (polls >= kUpdatePollsMax) return fail(Error::IoError);
    ClockRegisters registers;
    registers.second = TRY(read_register(ports, 0x00));
    registers.minute = TRY(read_register(ports, 0x02));
    registers.hour = TRY(read_register(ports, 0x04));
    registers.day = TRY(read_register(ports, 0x07));
    registers.month = TRY(read_register(ports, 0x08));
    registers.year = TRY(read_register(ports, 0x09));
    registers.status_b = TRY(read_register(ports, 0x0B));
    return registers;
}

}  // namespace

Result<int64_t> seconds_of(const ClockRegisters& registers) {
    const bool binary = (registers.status_b & kStatusBinary) != 0;
    const auto number = [binary](uint8_t value) -> unsigned { return binary ? value : (value >> 4) * 10u + (value & 15u); };
    const bool counts_24 = (registers.status_b & kStatus24Hours) != 0;
    unsigned hour = number(counts_24 ? registers.hour : registers.hour & static_cast<uint8_t>(~kHourAfternoon));
    if (!counts_24) {
        if (hour < 1 || hour > 12) return fail(Error::IoError);
        hour = hour % 12 + ((registers.hour & kHourAfternoon) != 0 ? 12 : 0);
    }
    const unsigned year = number(registers.year);
    const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year + (year < 70 ? 2000 : 1900))),
                                           std::chrono::month(number(registers.month)), std::chrono::day(number(registers.day)));
    const unsigned minute = number(registers.minute), second = number(registers.second);
    if (year > 99 || !date.ok() || hour > 23 || minute > 59 || second > 60) return fail(Error::IoError);
    const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

Result<int64_t> read_real_time_clock(abi::Handle resource) {
    const OwnedHandle ports(TRY(native::call(abi::IoCreate{resource, 0x70, 2})).io);
    // The registers change while they are read: two equal readings are a time.
    ClockRegisters last = TRY(read_registers(ports));
    for (unsigned reads = 0; reads < kReadsMax; ++reads) {
        const ClockRegisters again = TRY(read_registers(ports));
        if (again == last) return seconds_of(again);
        last = again;
    }
    return fail(Error::IoError);
}

}  // namespace portico::init
