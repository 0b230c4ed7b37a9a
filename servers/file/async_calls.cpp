#include "servers/file/async_calls.h"

namespace portico::file_server {

bool AsyncCalls::deliver(const abi::Message& reply) {
    AsyncCall* const call = find(reply.id);
    if (call == nullptr) return false;
    pending_.erase(reply.id);
    call->reply_ = reply;
    call->done_.wake_one();  // ends the waiting coroutine and with it `call`
    return true;
}

AsyncCall::AsyncCall(AsyncCalls& calls, abi::Handle to, const abi::Message& request)
    : calls_(calls), id_(native::call_async(to, request, calls.port_)) {
    if (id_) calls_.pending_.emplace(*id_, this);
}

AsyncCall::~AsyncCall() {
    if (!id_ || reply_) return;
    calls_.pending_.erase(*id_);
    (void)native::call(abi::CallCancel{calls_.port_, *id_});  // if the reply is queued already, it finds nobody
}

}  // namespace portico::file_server
