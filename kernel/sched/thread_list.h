#pragma once

#include <boost/intrusive/list.hpp>

namespace portico::kernel {

class Thread;

/// A thread's place in the one list it is in: a run queue, a port's receivers, a futex's waiters, a process's held threads.
struct ThreadLink : boost::intrusive::list_base_hook<> {
    explicit ThreadLink(Thread& owner) : thread(owner) {}
    Thread& thread;
};

using ThreadList = boost::intrusive::list<ThreadLink, boost::intrusive::constant_time_size<false>>;

}  // namespace portico::kernel
