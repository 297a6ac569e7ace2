/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stuck.c - walks the BPF program's table. What isn't in it, the kernel's list of
 * sockets knows: those that were in such a state before the start, and handshakes
 * that have no socket yet. Of these, which an attacker can multiply, a listener's are
 * one event.
 */
#include "stuck.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECOND	    1000000000ull
#define QUEUED_LONG (10 * SECOND) /* not accepted, or not seen to be */

/* Of the kernel's numbers; those that are asked for. */
static const uint8_t state_of[16] = {
	[4] = CONN_STATE_FIN_WAIT1,
	[5] = CONN_STATE_FIN_WAIT2,
	[8] = CONN_STATE_CLOSE_WAIT,
	[9] = CONN_STATE_LAST_ACK,
};
#define TCP_SYN_RECV 3
#define HELD_STATES  (1 << 4 | 1 << 5 | 1 << 8 | 1 << 9)

unsigned retransmits_after(uint64_t ns)
{
	unsigned n = 1;

	while (n < 16 && ((1ull << n) - 1) * SECOND < ns)
		n++;
	return n;
}

/* --- lists ------------------------------------------------------------------ */

static struct held *append(struct held_list *l, struct held x)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct held *grown = realloc(l->at, room * sizeof(*grown));

		if (!grown)
			return NULL;
		l->at = grown;
		l->room = room;
	}
	l->at[l->n] = x;
	return &l->at[l->n++];
}

static int by_key(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static void sort(struct held_list *l)
{
	if (l->n)
		qsort(l->at, l->n, sizeof(*l->at), by_key);
}

static struct held *find(const struct held_list *l, uint64_t key)
{
	struct held x = {.key = key};

	return l->n ? bsearch(&x, l->at, l->n, sizeof(*l->at), by_key) : NULL;
}

static void swap(struct held_list *a, struct held_list *b)
{
	struct held_list c = *a;

	*a = *b;
	*b = c;
}

/* --- those in the table ------------------------------------------------------ */

static void say_stuck(struct stucks *s, const struct conn *c)
{
	struct stuck e = {0};

	SET_FIELDS(&e, c);
	e.state = c->state;
	e.preexisting = c->flags & CONN_PREEXISTING ? 1 : 0;
	e.held = s->now - c->since;
	e.sockets = 1;
	s->host->emit(s->h, s->stuck, &e, sizeof(e), s->now);
}

/* In the queue for long, or accepted unseen: reported without waiting for its end. */
static void say_queued(struct stucks *s, uint64_t key, const struct conn *c)
{
	uint64_t handshake = c->in_state[CONN_STATE_SYN_RECV];
	struct established e = {0};

	if (c->direction != CONN_DIRECTION_IN || c->accepted || !(c->flags & CONN_ASKED) ||
	    !c->born || s->now - c->born - handshake < QUEUED_LONG)
		return;
	if (s->host->map_delete(s->h, s->pending, &key) != 0)
		return;
	SET_FIELDS(&e, c);
	e.handshake = handshake;
	s->host->emit(s->h, s->established, &e, sizeof(e), s->now);
}

static int note_there(void *arg, const struct ti_socket *t)
{
	struct stucks *s = arg;

	return append(&s->there, (struct held){.key = t->cookie}) ? 0 : -ENOMEM;
}

/* The kernel has no such socket any more: nobody has seen its end. Asked once a
 * look, and only where something seems to be stuck. */
static bool is_gone(struct stucks *s, const struct conn *c)
{
	if (c->netns != s->netns || !c->cookie)
		return false;
	if (!s->asked) {
		s->there.n = 0;
		s->asked = s->host->sockets(s->h, HELD_STATES, note_there, s) == 0 ? 1 : -1;
		sort(&s->there);
	}
	return s->asked > 0 && !find(&s->there, c->cookie);
}

static int look_at(void *arg, const void *key, const void *value)
{
	struct stucks *s = arg;
	const struct conn *c = value;
	struct held x = {.since = c->since, .state = c->state};
	const struct held *said;

	memcpy(&x.key, key, sizeof(x.key));
	if (c->state >= CONN_STATES || !c->since || c->since > s->now || (c->flags & CONN_UNWANTED))
		return 0;
	say_queued(s, x.key, c);
	if (c->state == CONN_STATE_SYN_RECV || !s->limit[c->state] || s->now - c->since < s->limit[c->state])
		return 0;
	said = find(&s->said, x.key);
	if ((!said || said->since != c->since) && is_gone(s, c)) {
		s->host->map_delete(s->h, s->conns, key);
		s->unseen++;
		return 0;
	}
	if (!append(&s->saying, x))
		return -ENOMEM;
	if (!said || said->since != c->since)
		say_stuck(s, c);
	return 0;
}

/* --- those that are older ---------------------------------------------------- */

static int note_old(void *arg, const struct ti_socket *t)
{
	struct stucks *s = arg;
	struct held x = {.key = t->cookie, .since = s->now, .state = state_of[t->state & 15]};

	return append(&s->old, x) ? 0 : -ENOMEM;
}

/* The part of an event that a listed socket has. Who opened it is not known. */
static struct stuck describe(const struct ti_socket *t, uint64_t held, uint32_t netns)
{
	struct stuck e = {
		.src_ip = t->local,
		.dst_ip = t->peer,
		.src_port = t->local_port,
		.dst_port = t->peer_port,
		.uid = t->uid,
		.cookie = t->cookie,
		.netns = netns,
		.state = state_of[t->state & 15],
		.preexisting = 1,
		.held = held,
		.sockets = 1,
	};

	return e;
}

static int look_at_old(void *arg, const struct ti_socket *t)
{
	struct stucks *s = arg;
	struct held *x = find(&s->old, t->cookie);
	struct stuck e;

	if (!x || x->state != state_of[t->state & 15])
		return 0;
	x->there = true;
	if (x->said || !s->limit[x->state] || s->now - x->since < s->limit[x->state])
		return 0;
	e = describe(t, s->now - x->since, s->netns);
	x->said = true;
	s->host->emit(s->h, s->stuck, &e, sizeof(e), s->now);
	return 0;
}

static void look_at_all_old(struct stucks *s)
{
	size_t kept = 0;

	if (!s->old.n || s->host->sockets(s->h, HELD_STATES, look_at_old, s) < 0)
		return;
	for (size_t i = 0; i < s->old.n; i++) {
		if (!s->old.at[i].there)
			continue;
		s->old.at[kept] = s->old.at[i];
		s->old.at[kept++].there = false;
	}
	s->old.n = kept;
}

/* --- handshakes ---------------------------------------------------------------- */

static struct request *request_of(struct requests *r, const ti_addr *addr, ti_port port)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->at[i].port == port && r->at[i].addr.hi == addr->hi && r->at[i].addr.lo == addr->lo)
			return &r->at[i];
	return NULL;
}

static int look_at_request(void *arg, const struct ti_socket *t)
{
	struct stucks *s = arg;
	struct requests *r = &s->requests;
	uint64_t held = ((1ull << (t->retransmits & 31)) - 1) * SECOND;
	struct request *x;

	if (t->retransmits < retransmits_after(s->limit[CONN_STATE_SYN_RECV]))
		return 0;
	x = request_of(r, &t->local, t->local_port);
	if (!x && r->n < sizeof(r->at) / sizeof(*r->at)) {
		x = &r->at[r->n++];
		*x = (struct request){.addr = t->local, .port = t->local_port, .uid = t->uid};
	}
	if (!x)
		return 0;
	x->sockets++;
	if (x->held < held)
		x->held = held;
	return 0;
}

static void say_requests(struct stucks *s, const struct request *x)
{
	struct stuck e = {
		.dst_ip = x->addr,
		.dst_port = x->port,
		.direction = CONN_DIRECTION_IN,
		.uid = x->uid,
		.netns = s->netns,
		.state = CONN_STATE_SYN_RECV,
		.held = x->held,
		.sockets = x->sockets,
	};

	s->host->emit(s->h, s->stuck, &e, sizeof(e), s->now);
}

static void look_at_requests(struct stucks *s)
{
	struct requests *r = &s->requests;

	if (!s->limit[CONN_STATE_SYN_RECV])
		return;
	r->n = 0;
	if (s->host->sockets(s->h, 1 << TCP_SYN_RECV, look_at_request, s) < 0)
		return;
	for (size_t i = 0; i < r->n; i++)
		if (!request_of(&s->requests_before, &r->at[i].addr, r->at[i].port))
			say_requests(s, &r->at[i]);
	s->requests_before = *r;
}

/* --- all ------------------------------------------------------------------------ */

void stucks_look(struct stucks *s, uint64_t now)
{
	s->now = now;
	s->saying.n = s->unseen = 0;
	s->asked = 0;
	if (s->host->map_each(s->h, s->conns, look_at, s) == 0) {
		sort(&s->saying);
		swap(&s->said, &s->saying);
	}
	if (s->unseen)
		s->host->log(s->h, TI_LOG_WARNING, "%zu connections have ended unseen by this kernel's programs",
			     s->unseen);
	look_at_all_old(s);
	look_at_requests(s);
}

int stucks_init(struct stucks *s, const struct ti_host *host, struct ti_handle *h)
{
	struct stat st;

	s->host = host;
	s->h = h;
	if (stat("/proc/self/ns/net", &st) == 0)
		s->netns = st.st_ino;
	s->conns = host->map(h, "conns");
	s->pending = host->map(h, "pending");
	s->stuck = host->event(h, "stuck");
	s->established = host->event(h, "established");
	if (s->conns < 0 || s->pending < 0)
		return -ENOENT;
	s->now = host->now(h);
	host->sockets(h, HELD_STATES, note_old, s);
	sort(&s->old);
	return 0;
}

void stucks_free(struct stucks *s)
{
	struct held_list *lists[] = {&s->said, &s->saying, &s->old, &s->there};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		free(lists[i]->at);
		*lists[i] = (struct held_list){0};
	}
}
