/* The life of calls: made, taken, forwarded, answered, cancelled, failed by a death or a closing (docs/ipc.md, "Calls").
 *
 * The kernel has one lock, so an entry of the kernel is one step (d_step) whatever it does; the steps of all come in every order.
 *
 *   client 0   two blocking calls, one after the other; a deadline or an alert may end them
 *   client 1   one blocking call, steady and without a deadline: only its reply, PeerClosed or a death ends it; an alert waits for that
 *   client 2   two asynchronous calls, both at once if it likes; it may cancel them and close its reply port
 *   server 0   may die and be started again at port 0, whose receive right init keeps until it gives it up
 *   server 1   alone has a receive right to port 1: the port closes with the handle or with its death, and stays closed
 *
 * Servers answer in any order or never, forward to either port, and try in every state to answer and to forward all calls that they do
 * not hold, late, twice or forged. Clients may die at any moment. Messages and replies carry a handle each.
 *
 * What must hold is asserted in three places: where something happens, about the onlooker's variables (calls_kernel.pml); in inspect(),
 * which is done in every state; and in finish_all_work(), which is tried from every state: once the living servers do their duty, nobody
 * waits any more but at a port that waits for its server. This is more than the absence of deadlocks, and there are no end states.
 *
 * BUG_… builds the kernel with one mistake; host/checks/model_tests.py tries all of them, and each must be found.
 *
 * The search is exhaustive: 1.31 million states, at most 1,700 steps deep, 330 MB.
 */

#include "calls_kernel.pml"

#define is_steady(client) ((client) == 1)
#define call_of(client) ((client) == 1 -> 2 : (state[1] == Unmade -> 0 : 1)) /* the last one of a blocking client */

bool init_has_right = true;
bool server_has_right[SERVERS] = true;
bool server_lives[SERVERS] = true;
bool client_lives[3] = true;

#define may_act(client) (client_lives[client] && ((client) == 2 -> !parked[REPLY_PORT] && !closed[REPLY_PORT] : !blocked[client]))
/* What happens to a client afterwards is of no interest. */
#define has_more_to_do(client) \
    (client_lives[client] && ((client) == 2 -> state[4] == Unmade || async_table != 0 \
                                            : blocked[client] || state[(client) + 1] == Unmade))

#define is_in_servers_queue(id) (state[id] == Queued || state[id] == Cancelled)
#define has_caller(id) (state[id] == Queued || state[id] == Taken || state[id] == Replied)

inline inspect_call(id) {
    assert((queue[0] ?? [eval(id)] -> 1 : 0) == (is_in_servers_queue(id) && port_of[id] == 0));
    assert((queue[1] ?? [eval(id)] -> 1 : 0) == (is_in_servers_queue(id) && port_of[id] == 1));
    assert((queue[2] ?? [eval(id)] -> 1 : 0) == (state[id] == Replied));
    assert((state[id] == Taken) == (holder[id] != NOBODY));
    assert(holder[id] == receiver_of[id]);
    assert(in_table(0, id) == (holder[id] == 0));
    assert(in_table(1, id) == (holder[id] == 1));
    assert(((owed & mask(id)) != 0) == (state[id] == Cancelled));
    assert(((ended & mask(id)) != 0) == (state[id] == Cancelled || state[id] == Over));
    assert(((async_table & mask(id)) != 0) == (!is_blocking(id) && has_caller(id)));
    assert((carrying & mask(id)) == 0 || state[id] == Queued || state[id] == Replied)
}

inline inspect_receiver(port) {
    assert(!parked[port] || (len(queue[port]) == 0 && !closed[port]));
    assert(!closed[port] || len(queue[port]) == 0)
}

inline inspect_blocking_client(client) {
    assert(blocked[client] == has_caller(call_of(client)));
    assert(!blocked[client] || client_lives[client]);
    assert(!alerted[client] || (blocked[client] -> is_steady(client) : kicked[client]))
}

/* Whatever the living servers try with calls that they do not hold is refused and changes nothing; and the lists are in order. */
inline inspect() {
    for (each : 0 .. CALLS - 1) {
        for (who : 0 .. SERVERS - 1) {
            if
            :: server_lives[who] && holder[each] != who ->
                reply(who, each);
                forward(who, each, 0)
            :: else
            fi
        }
        inspect_call(each)
    }
    inspect_receiver(0);
    inspect_receiver(1);
    inspect_receiver(REPLY_PORT);
    inspect_blocking_client(0);
    inspect_blocking_client(1);
    assert(server_lives[0] || table[0] == 0);
    assert(server_lives[1] || table[1] == 0);
    assert((travelling == 0) == (carrying == 0))
}

/* From here on servers only take and answer, and client 2 takes its replies. */
inline finish_all_work() {
    for (who : 0 .. 2) {
        parked[who] = false;
        do
        :: len(queue[who]) != 0 && (who == REPLY_PORT || server_lives[who]) -> take(who)
        :: else -> break
        od;
        for (each : 0 .. CALLS - 1) {
            if
            :: who < SERVERS && holder[each] == who -> reply(who, each)
            :: else
            fi
        }
    }
    for (each : 0 .. CALLS - 1) {
        assert((owed & mask(each)) == 0 || is_in_servers_queue(each));
        assert(state[each] == Unmade || state[each] == Over ||
               (is_in_servers_queue(each) && port_of[each] == 0 && !server_lives[0] && init_has_right))
    }
    each = 0
}

#define may_be_made(id) \
    (state[id] == Unmade && may_act(client_of(id)) && ((id) == 1 -> state[0] != Unmade : ((id) == 4 -> state[3] != Unmade : true)))

#define may_be_handled(id) (holder[id] != NOBODY && !parked[holder[id]])

/* The call, and the check at the end of the entry for an alert that came while the caller was on its way into the kernel. */
inline make(id, port) {
    printf("client %d makes call %d at port %d\n", client_of(id), id, port);
    call(id, port);
#ifndef BUG_ALERT_LOST_AT_THE_DOOR
    if
    :: client_of(id) == 0 && blocked[0] && alerted[0] -> printf("its alert ends the call\n"); end_wait(0, id)
    :: else
    fi;
#endif
    skip
}

/* One call: its making, and all that those do who know its id. */
proctype call_with_id(byte id) {
    do
    :: d_step { may_be_made(id) && !closed[0] -> make(id, 0) }
    :: d_step { may_be_made(id) && !closed[1] -> make(id, 1) }
    :: d_step { may_be_handled(id) -> who = holder[id]; printf("server %d answers call %d\n", who, id); reply(who, id) }
    :: d_step { may_be_handled(id) -> who = holder[id]; printf("server %d forwards call %d to port 0\n", who, id); forward(who, id, 0) }
    :: d_step { may_be_handled(id) -> who = holder[id]; printf("server %d forwards call %d to port 1\n", who, id); forward(who, id, 1) }
    :: d_step { !is_blocking(id) && may_act(2) && has_caller(id) -> printf("client 2 cancels call %d\n", id); cancel_async(id) }
    od
}

inline end_server(server) {
    server_lives[server] = false;
    parked[server] = false;
    fail_all_calls(server);
    if
    :: server_has_right[server] ->
        server_has_right[server] = false;
        if
        :: server == 0 && init_has_right
        :: else -> close(server)
        fi
    :: else
    fi
}

proctype server(byte me) {
    do
    :: d_step { server_has_right[me] && !parked[me] && len(queue[me]) != 0 -> printf("server %d receives\n", me); take(me) }
    :: d_step { server_has_right[me] && !parked[me] && len(queue[me]) == 0 -> printf("server %d parks\n", me); parked[me] = true }
    :: d_step { parked[me] -> printf("server %d no longer waits\n", me); parked[me] = false }
    :: d_step { server_lives[me] -> printf("server %d dies\n", me); end_server(me) }
    :: d_step {
        me == 1 && server_has_right[1] && !parked[1] ->
        printf("server 1 closes its port\n");
        server_has_right[1] = false;
        close(1)
    }
    od
}

proctype blocking_client(byte me) {
    do
    :: d_step { blocked[me] && !is_steady(me) -> printf("deadline or alert of client %d\n", me); end_wait(me, call_of(me)) }
    :: d_step {
        has_more_to_do(me) && !alerted[me] && (!blocked[me] || is_steady(me)) ->
        printf("alert to client %d\n", me);
        alerted[me] = true;
        kicked[me] = !blocked[me]
    }
    :: d_step { kicked[me] -> printf("upcall of client %d\n", me); kicked[me] = false; alerted[me] = false }
    :: d_step {
        has_more_to_do(me) ->
        printf("client %d dies\n", me);
        if
        :: blocked[me] -> end_wait(me, call_of(me))
        :: else
        fi;
        client_lives[me] = false;
        alerted[me] = false;
        kicked[me] = false
    }
    od
}

proctype asynchronous_client() {
    do
    :: d_step { may_act(2) && len(queue[REPLY_PORT]) != 0 -> printf("client 2 receives\n"); take(REPLY_PORT) }
    :: d_step { may_act(2) && len(queue[REPLY_PORT]) == 0 && has_more_to_do(2) -> printf("client 2 parks\n"); parked[REPLY_PORT] = true }
    :: d_step { parked[REPLY_PORT] -> printf("client 2 no longer waits\n"); parked[REPLY_PORT] = false }
    :: d_step { may_act(2) && has_more_to_do(2) -> printf("client 2 closes its reply port\n"); close(REPLY_PORT) }
    :: d_step {
        has_more_to_do(2) ->
        printf("client 2 dies\n");
        client_lives[2] = false;
        parked[REPLY_PORT] = false;
        for (each : 3 .. CALLS - 1) {
            if
            :: (async_table & mask(each)) != 0 -> cancel_async(each)
            :: else
            fi
        }
        if
        :: !closed[REPLY_PORT] -> close(REPLY_PORT)
        :: else
        fi
    }
    od
}

proctype onlooker() {
    do
    :: d_step { inspect() }
    :: d_step { printf("the living do their duty\n"); finish_all_work() }
    od
}

init {
    atomic {
        for (each : 0 .. CALLS - 1) {
            run call_with_id(each)
        }
        run server(0);
        run server(1);
        run blocking_client(0);
        run blocking_client(1);
        run asynchronous_client();
        run onlooker()
    }
    do
    :: d_step { init_has_right && !server_lives[0] -> printf("init starts server 0\n"); server_lives[0] = true; server_has_right[0] = true }
    :: d_step {
        init_has_right ->
        printf("init closes port 0\n");
        init_has_right = false;
        if
        :: !server_has_right[0] -> close(0)
        :: else
        fi
    }
    od
}
