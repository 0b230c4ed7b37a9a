#pragma once

#include <cstdint>

namespace portico::kernel::arch {

/// The interrupt controller of the CPU it is called on (xAPIC, memory-mapped: the same address is each CPU's own).
namespace local_apic {

inline constexpr unsigned kNmi = 4, kInit = 5, kStartUp = 6;  ///< delivery modes of send

void find();  ///< reads own_id; the registers are not mapped yet
void use(volatile uint32_t* registers);
void start();  ///< on each CPU: enables it, with all its own sources masked but the timer
unsigned own_id();
void end_of_interrupt();
void send_interrupt(unsigned apic_id, unsigned vector);
void send(unsigned apic_id, unsigned mode, unsigned vector);
void send_nmi_to_others();
void set_timer(uint32_t count);  ///< one shot at the undivided rate; 0 stops it
uint32_t timer_count();

}  // namespace local_apic
}  // namespace portico::kernel::arch
