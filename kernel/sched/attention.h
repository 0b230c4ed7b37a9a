#pragma once

namespace portico::kernel {

/// Says that this kernel entry changed something that Scheduler::leave must see: a thread became ready or stopped, a deadline was set,
/// an object is to be destroyed. Entries that did none of that go straight back to user mode.
void request_attention();

}  // namespace portico::kernel
