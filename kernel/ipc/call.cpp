#include "kernel/ipc/call.h"

#include "kernel/ipc/port.h"
#include "kernel/object/account.h"

namespace portico::kernel {

static_assert(sizeof(Call) <= 256, "an idle thread with the record of a call is to stay within 2 KiB");

CallIds call_ids;

Call::Call(Account& account) : QueueNode(Kind::Call), payer(&account) {
    payer->add_reference();
}
Call::~Call() {
    payer->drop_reference();
}

}  // namespace portico::kernel
