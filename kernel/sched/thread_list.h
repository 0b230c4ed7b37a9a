#pragma once

#include <boost/intrusive/list.hpp>

namespace portico::kernel {

/// Whether list nodes know if they are linked, which costs stores on every way in and out: in hosted builds.
#ifdef PORTICO_HOSTED
using ListChecks = boost::intrusive::link_mode<boost::intrusive::safe_link>;
#else
using ListChecks = boost::intrusive::link_mode<boost::intrusive::normal_link>;
#endif

class Thread;

/// A thread's place in the one list it is in: a run queue, a port's receivers, a futex's waiters, a process's held threads.
struct ThreadLink : boost::intrusive::list_base_hook<ListChecks> {
    explicit ThreadLink(Thread& owner) : thread(owner) {}
    Thread& thread;
};

using ThreadList = boost::intrusive::list<ThreadLink, boost::intrusive::constant_time_size<false>>;

}  // namespace portico::kernel
