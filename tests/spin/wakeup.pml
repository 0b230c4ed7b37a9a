/* No wake-up is lost between those who post and those who park (docs/ipc.md): two ports and a set they can be in, two threads that receive
 * at either port, one message or a batch, or at the set; and at any moment posts, withdrawn calls, ports that join and leave the set,
 * deadlines and alerts, the closing of a port.
 *
 * The kernel has one lock, so an entry of the kernel is one step (atomic). The inlines are named after the functions of port.cpp,
 * port_set.cpp and message_source.cpp in kernel/ipc. A thread is woken in one of three ways: with a message; refused it, which then stays,
 * because the thread's handle table cannot grow; to make its system call again, if it waits for a batch. The last leaves the message
 * queued as that thread's task (Thread::task), and whoever posts wakes no more for it. The thread comes and takes some, or it does not:
 * it is refused, ends or does something else first; then the next one that waits is woken. So of the messages that somebody waits for no
 * more are queued than there are tasks: nobody sleeps beside a message that nobody comes for.
 *
 * BUG_… builds the kernel with one mistake; host/checks/model_tests.py tries all of them, and each must be found.
 *
 * The search is exhaustive: 13,921 states.
 */

#define SET 2 /* in the place of a port */
#define NOWHERE 3
#define QUEUED_MAX 3 /* in both ports: bounds the model */

mtype = { None, Message, Refused, Again, TimedOut, PeerClosed };

byte queue[2];              /* messages in each port */
bool closed[2];
bool in_set[2];
bool is_ready[2];           /* in the set's list of ports with messages */
chan ready = [2] of { byte };
byte parked_at[2] = NOWHERE;
bool for_batch[2];
bool blocked[2];
mtype result[2] = None;
byte task[2] = NOWHERE;     /* the port that a thread woken for a batch is to come to */
bool enough;                /* only in one step: wake no more */
byte outstanding;           /* the onlooker's: messages posted and neither received, withdrawn nor dropped */

#define serves(thread, port) (parked_at[thread] == (port) || (parked_at[thread] == SET && in_set[port]))

inline became_ready(port) {
    if
    :: !is_ready[port] ->
        is_ready[port] = true;
        ready ! port
    :: else
    fi
}

inline became_empty(port) {
    if
    :: is_ready[port] ->
        is_ready[port] = false;
        ready ?? eval(port)
    :: else
    fi
}

inline finish_wait(thread, why) {
    parked_at[thread] = NOWHERE;
    for_batch[thread] = false;
    result[thread] = why;
    blocked[thread] = false
}

/* Port::take, with left_queue. */
inline take(thread, port) {
    if
    :: queue[port]--;
       finish_wait(thread, Message);
       if
       :: queue[port] == 0 -> became_empty(port)
       :: else
       fi
    :: finish_wait(thread, Refused)
    fi
}

inline wake_receiver(thread, port) {
    if
    :: for_batch[thread] ->
        finish_wait(thread, Again);
        task[thread] = port;
        enough = true
    :: else ->
        take(thread, port);
#ifdef BUG_POST_STOPS_AT_A_REFUSAL
        enough = true;
#endif
        skip
    fi
}

#ifdef BUG_POST_OVERLOOKS_SET
#define waits_for(thread, port) (parked_at[thread] == (port))
#else
#define waits_for(thread, port) serves(thread, port)
#endif

inline wake_receivers(port) {
    do
    :: !enough && queue[port] != 0 && waits_for(0, port) -> wake_receiver(0, port)
    :: !enough && queue[port] != 0 && waits_for(1, port) -> wake_receiver(1, port)
    :: else -> break
    od;
    enough = false
}

inline pass_task_on(thread, port) {
    if
    :: task[thread] != NOWHERE ->
        port = task[thread];
        task[thread] = NOWHERE;
#ifndef BUG_TASK_IS_FORGOTTEN
        wake_receivers(port);
#endif
        port = NOWHERE
    :: else
    fi
}

/* What follows a wake-up for a batch: the thread makes its system call again and takes at least one message; or it is refused, finds none,
 * ends, or does something else. */
inline come_for_batch(thread, port) {
    if
    :: queue[task[thread]] != 0 ->
        port = task[thread];
        task[thread] = NOWHERE;
        do
        :: queue[port]--; outstanding--;
           if
           :: queue[port] == 0 -> break
           :: queue[port] != 0
           :: queue[port] != 0 -> break
           fi
        od;
        if
        :: queue[port] == 0 -> became_empty(port)
        :: else
        fi;
        port = NOWHERE
    :: pass_task_on(thread, port)
    fi
}

inline post(port) {
    queue[port]++;
    outstanding++;
    if
    :: in_set[port] -> became_ready(port)
    :: else
    fi;
    wake_receivers(port)
}

inline withdraw(port) {
    queue[port]--;
    outstanding--;
    if
    :: queue[port] == 0 -> became_empty(port)
    :: else
    fi
}

/* PortSet::take, with took_from: the first port of the list, which goes to its end if it has more. */
inline take_from_set(thread, first) {
    ready ? <first>;
    take(thread, first);
    if
    :: is_ready[first] ->
        became_empty(first);
#ifndef BUG_SET_FORGETS_THE_REST
        became_ready(first);
#endif
        skip
    :: else
    fi;
    first = NOWHERE
}

inline add(port) {
    in_set[port] = true;
#ifndef BUG_ADD_DOES_NOT_LOOK
    if
    :: queue[port] != 0 -> became_ready(port); wake_receivers(port)
    :: else
    fi;
#endif
    skip
}

inline remove(port) {
    became_empty(port);
    in_set[port] = false
}

inline close(port) {
    remove(port);
    closed[port] = true;
    outstanding = outstanding - queue[port];
    queue[port] = 0;
#ifndef BUG_CLOSE_FORGETS_PARKED
    if
    :: parked_at[0] == port -> finish_wait(0, PeerClosed)
    :: else
    fi;
    if
    :: parked_at[1] == port -> finish_wait(1, PeerClosed)
    :: else
    fi;
#endif
    skip
}

inline park(thread, place, batch) {
    printf("thread %d parks at %d, batch: %d\n", thread, place, batch);
    parked_at[thread] = place;
    for_batch[thread] = batch;
    blocked[thread] = true
}

#ifdef BUG_CHECK_AND_PARK_ARE_TWO_STEPS
#define park_if(check, thread, place, batch) check -> atomic { park(thread, place, batch) }
#else
#define park_if(check, thread, place, batch) atomic { check -> park(thread, place, batch) }
#endif

#ifdef BUG_DEADLINE_ENDS_ANOTHER_WAIT
#define time_out(thread) blocked[thread] -> atomic { printf("deadline of thread %d\n", thread); finish_wait(thread, TimedOut) }
#else
#define time_out(thread) atomic { blocked[thread] -> printf("deadline of thread %d\n", thread); finish_wait(thread, TimedOut) }
#endif

proctype receiver(byte me) {
    byte first = NOWHERE;
    do
    :: if
       :: atomic { queue[0] != 0 -> printf("thread %d receives at port 0\n", me); take(me, 0) }
       :: atomic { queue[1] != 0 -> printf("thread %d receives at port 1\n", me); take(me, 1) }
       :: atomic { len(ready) != 0 -> printf("thread %d receives at the set\n", me); take_from_set(me, first) }
       :: park_if(queue[0] == 0, me, 0, false)
       :: park_if(queue[0] == 0, me, 0, true)
       :: park_if(queue[1] == 0 && !closed[1], me, 1, false)
       :: park_if(queue[1] == 0 && !closed[1], me, 1, true)
       :: park_if(len(ready) == 0, me, SET, false)
       fi;
       atomic {
           !blocked[me] ->
           printf("thread %d goes on: %e\n", me, result[me]);
           if
           :: result[me] == Again -> come_for_batch(me, first)
           :: else
           fi;
           outstanding = outstanding - (result[me] == Message -> 1 : 0);
           result[me] = None
       }
    od
}

proctype timer(byte thread) {
    do
    :: time_out(thread)
    od
}

proctype others() {
    do
    :: atomic { queue[0] + queue[1] < QUEUED_MAX -> printf("post to port 0\n"); post(0) }
    :: atomic { queue[0] + queue[1] < QUEUED_MAX && !closed[1] -> printf("post to port 1\n"); post(1) }
    :: atomic { queue[0] != 0 -> printf("withdrawal from port 0\n"); withdraw(0) }
    :: atomic { queue[1] != 0 -> printf("withdrawal from port 1\n"); withdraw(1) }
    :: atomic { !in_set[0] -> printf("port 0 joins the set\n"); add(0) }
    :: atomic { !in_set[1] && !closed[1] -> printf("port 1 joins the set\n"); add(1) }
    :: atomic { in_set[0] -> printf("port 0 leaves the set\n"); remove(0) }
    :: atomic { in_set[1] -> printf("port 1 leaves the set\n"); remove(1) }
    :: atomic { !closed[1] -> printf("port 1 closes\n"); close(1) }
    od
}

inline inspect(port) {
    assert(queue[port] <= (task[0] == port -> 1 : 0) + (task[1] == port -> 1 : 0) || (!serves(0, port) && !serves(1, port)));
    assert(is_ready[port] == (in_set[port] && queue[port] != 0));
    assert(!closed[port] || (queue[port] == 0 && parked_at[0] != port && parked_at[1] != port))
}

proctype onlooker() {
    do
    :: d_step {
        inspect(0);
        inspect(1);
        assert(blocked[0] == (parked_at[0] != NOWHERE));
        assert(blocked[1] == (parked_at[1] != NOWHERE));
        assert(outstanding == queue[0] + queue[1] + (result[0] == Message -> 1 : 0) + (result[1] == Message -> 1 : 0))
    }
    od
}

init {
    atomic {
        run receiver(0);
        run receiver(1);
        run timer(0);
        run timer(1);
        run others();
        run onlooker()
    }
}
