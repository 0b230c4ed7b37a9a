#include "kernel/memory/swap.h"

namespace portico::kernel {

Swap swap;

}  // namespace portico::kernel
