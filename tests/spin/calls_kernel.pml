/* What the kernel does with calls. The inlines are named after the functions of kernel/ipc/calls.cpp and port.cpp that they model; each is
 * (part of) one entry of the kernel. A call's id stands for its record too. The processes that make these entries are in calls.pml.
 *
 * The variables under "onlooker" are not the kernel's: they tell what was promised, and the assertions are about them.
 */

#define CALLS 5
#define SERVERS 2
#define REPLY_PORT 2 /* of client 2; ports 0 and 1 are those of the servers */
#define NOBODY 3

#define mask(id) (1 << (id))
#define is_blocking(id) ((id) < 3)
#define client_of(id) ((id) < 2 -> 0 : ((id) == 2 -> 1 : 2))
#define in_table(server, id) ((table[server] & mask(id)) != 0)

mtype = { Unmade, Queued, Taken, Cancelled, Replied, Over };

mtype state[CALLS] = Unmade;
byte port_of[CALLS];               /* where it was posted last; 0 when Over */
byte receiver_of[CALLS] = NOBODY;  /* who took it */
byte table[SERVERS];               /* Process::calls(), as masks of ids */
byte async_table;                  /* Process::async_calls() of client 2 */
byte carrying;                     /* calls whose record carries a handle */
chan queue[3] = [CALLS] of { byte };
bool parked[3];                    /* the receivers of the ports: server 0, server 1, client 2 */
bool closed[3];
bool blocked[2];                   /* clients 0 and 1: in port_call */
bool alerted[2];                   /* clients 0 and 1: an alert came and was not delivered yet */
bool kicked[2];                    /* the CPU that runs the client is to enter the kernel, and will deliver it */

/* The onlooker's. */
byte holder[CALLS] = NOBODY;       /* which server was given the call last and may answer it */
byte ended;                        /* calls whose caller has its one result, or lives no more */
byte owed;                         /* calls whose receiver is to hear that they were cancelled */
byte travelling;                   /* handles that are in nobody's table */

/* Mean something within one step only. */
hidden byte head;
hidden byte dropped;
hidden byte place;
hidden byte each;
hidden byte who;

/* The caller has its result, of whatever kind. */
inline conclude_for_caller(id) {
    assert((ended & mask(id)) == 0);
    ended = ended | mask(id)
}

inline take_in_handles(id) {
    travelling++;
    carrying = carrying | mask(id)
}

/* They go into a table, or are closed. */
inline let_handles_go(id) {
    if
    :: (carrying & mask(id)) != 0 ->
        carrying = carrying & ~mask(id);
        travelling--
    :: else
    fi
}

inline destroy(id) {
    state[id] = Over;
    port_of[id] = 0
}

/* With what Scheduler::leave does on the way to user mode: a pending alert is delivered. */
inline finish_wait(client) {
    assert(blocked[client]);
    blocked[client] = false;
    alerted[client] = false
}

/* Port::take: the oldest node goes to the port's receiver. */
inline take(port) {
    queue[port] ? head;
    if
    :: state[head] == Queued ->
        let_handles_go(head);
        state[head] = Taken;
        receiver_of[head] = port;
        table[port] = table[port] | mask(head);
        assert(holder[head] == NOBODY);
        holder[head] = port
    :: state[head] == Cancelled ->
        assert((owed & mask(head)) != 0);
        owed = owed & ~mask(head);
        destroy(head)
    :: state[head] == Replied ->
        async_table = async_table & ~mask(head);
        let_handles_go(head);
        conclude_for_caller(head);
        destroy(head)
    :: else ->
        assert(false)  /* a call in a queue in another state: the kernel panics */
    fi
}

inline post(port, id) {
    assert(!closed[port]);
    queue[port] ! id;
    if
    :: parked[port] ->
        parked[port] = false;
        take(port)
    :: else
    fi
}

inline post_queued(id, port) {
    take_in_handles(id);
    state[id] = Queued;
    port_of[id] = port;
    post(port, id)
}

/* The end of an asynchronous call, to its reply port. */
inline post_reply(id) {
    if
    :: closed[REPLY_PORT] ->
        async_table = async_table & ~mask(id);
        let_handles_go(id);
        conclude_for_caller(id);
        destroy(id)
    :: else ->
        state[id] = Replied;
        port_of[id] = 0;
        post(REPLY_PORT, id)
    fi
}

/* PeerClosed to the caller of a call that is in no queue and no table. */
inline conclude(id) {
    let_handles_go(id);
    receiver_of[id] = NOBODY;
    holder[id] = NOBODY;
    if
    :: is_blocking(id) ->
        destroy(id);
        conclude_for_caller(id);
        finish_wait(client_of(id))
    :: else ->
        post_reply(id)
    fi
}

/* port_call and port_call_async, to an open port. */
inline call(id, port) {
    if
    :: is_blocking(id) ->
        blocked[client_of(id)] = true;
        kicked[client_of(id)] = false
    :: else -> async_table = async_table | mask(id)
    fi;
    post_queued(id, port)
}

inline leave_table(server, id) {
    table[server] = table[server] & ~mask(id);
    assert(holder[id] == server);
    holder[id] = NOBODY;
    receiver_of[id] = NOBODY
}

/* port_reply, by any server with any id. A refused reply drops the handles that it moves: they travel no further. */
inline reply(server, id) {
#ifdef BUG_REFUSED_REPLY_KEEPS_HANDLES
    travelling = travelling + (in_table(server, id) -> 0 : 1);
#endif
    if
#ifdef BUG_ID_IS_NOT_BOUND
    :: in_table(0, id) || in_table(1, id) ->
#else
    :: in_table(server, id) ->
#endif
        leave_table(server, id);
#ifdef BUG_REPLY_KEEPS_ENTRY
        table[server] = table[server] | mask(id);
#endif
        take_in_handles(id);
        if
        :: is_blocking(id) ->
            let_handles_go(id);
            destroy(id);
            conclude_for_caller(id);
#ifdef BUG_REPLY_OVERLOOKS_ALERT
            blocked[client_of(id)] = false
#else
            finish_wait(client_of(id))
#endif
        :: else ->
            post_reply(id)
        fi
    :: else ->
        assert(holder[id] != server)  /* NoSuchCall */
    fi
}

/* port_forward, by any server with any id. */
inline forward(server, id, port) {
    if
    :: !in_table(server, id) ->
        assert(holder[id] != server)  /* NoSuchCall */
    :: in_table(server, id) && closed[port] ->
#ifdef BUG_FORWARD_LOSES_CALL_ON_CLOSED_PORT
        leave_table(server, id);
#endif
        skip  /* PeerClosed */
    :: in_table(server, id) && !closed[port] ->
        leave_table(server, id);
#ifdef BUG_FORWARD_KEEPS_CLAIM
        table[server] = table[server] | mask(id);
#endif
        post_queued(id, port);
#ifdef BUG_FORWARD_KEEPS_OLD_PORT
        port_of[id] = server;
#endif
        skip
    fi
}

/* The caller no longer waits: deadline, alert, death, call_cancel. */
inline abandon(id) {
    conclude_for_caller(id);
    if
    :: state[id] == Queued ->
        queue[port_of[id]] ?? eval(id);
        let_handles_go(id);
        destroy(id)
    :: state[id] == Taken ->
        place = receiver_of[id];
        leave_table(place, id);
#ifdef BUG_CANCEL_LEAVES_ENTRY
        table[place] = table[place] | mask(id);
#endif
        place = port_of[id];
        if
        :: closed[place] ->
            destroy(id)
        :: else ->
            owed = owed | mask(id);
#ifdef BUG_CANCEL_TELLS_NOBODY
            destroy(id)
#else
            state[id] = Cancelled;
            post(place, id)
#endif
        fi
    :: state[id] == Replied ->
#ifndef BUG_CANCEL_LEAVES_REPLY
        queue[REPLY_PORT] ?? eval(id);
#endif
        let_handles_go(id);
        destroy(id)
    fi
}

inline end_wait(client, id) {
    abandon(id);
    finish_wait(client)
}

inline cancel_async(id) {
    async_table = async_table & ~mask(id);
    abandon(id)
}

/* Port::on_unreachable. */
inline close(port) {
    closed[port] = true;
    parked[port] = false;
    do
    :: len(queue[port]) != 0 ->
        queue[port] ? dropped;
        if
        :: state[dropped] == Queued ->
#ifdef BUG_CLOSE_FORGETS_CALLS
            let_handles_go(dropped);
            destroy(dropped)
#else
            conclude(dropped)
#endif
        :: state[dropped] == Cancelled ->
            owed = owed & ~mask(dropped);
            destroy(dropped)
        :: state[dropped] == Replied ->
            async_table = async_table & ~mask(dropped);
            let_handles_go(dropped);
            conclude_for_caller(dropped);
            destroy(dropped)
        :: else ->
            assert(false)
        fi
    :: else -> break
    od;
    dropped = 0  /* no step may end with a loop */
}

inline fail_all_calls(server) {
    for (each : 0 .. CALLS - 1) {
        if
        :: in_table(server, each) ->
#ifdef BUG_DEATH_FORGETS_A_CALL
            if
            :: each == 2 -> table[server] = table[server] & ~mask(each)
            :: else -> leave_table(server, each); conclude(each)
            fi
#else
            leave_table(server, each);
            conclude(each)
#endif
        :: state[each] == Cancelled && port_of[each] == server ->  /* what it took, it took there */
            owed = owed & ~mask(each);
#ifndef BUG_SUCCESSOR_HEARS_OF_CANCELLED
            queue[server] ?? eval(each);
            destroy(each);
#endif
            skip
        :: else
        fi
    }
}
