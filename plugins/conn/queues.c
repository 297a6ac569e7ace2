/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * queues.c - listeners as the kernel lists them, each second. A listener's counter of
 * drops is exact, and its own; that some of them were for want of room in the accept
 * queue the namespace's ListenOverflows says.
 */
#include "queues.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_LISTEN 10
#define PORTS	   65536

/* --- listeners -------------------------------------------------------------- */

struct look {
	struct queue *at;
	size_t n, room;
};

static int saw(void *arg, const struct ti_socket *s)
{
	struct look *l = arg;

	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct queue *grown = realloc(l->at, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		l->at = grown;
		l->room = room;
	}
	l->at[l->n++] = (struct queue){
		.cookie = s->cookie,
		.addr = s->local,
		.port = s->local_port,
		.uid = s->uid,
		.queue = s->rqueue,
		.backlog = s->wqueue,
		.drops = s->drops,
	};
	return 0;
}

static int by_cookie(const void *a, const void *b)
{
	const struct queue *x = a, *y = b;

	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

static struct queue *find(const struct queues *q, uint64_t cookie)
{
	struct queue key = {.cookie = cookie};

	return q->n ? bsearch(&key, q->at, q->n, sizeof(*q->at), by_cookie) : NULL;
}

/* What was known of a listener goes on. One that is new has dropped nothing before. */
static void carry_over(const struct queues *before, struct queue *x)
{
	const struct queue *old = find(before, x->cookie);

	x->new_drops = x->drops - (old ? old->drops : 0);
	if (!old)
		return;
	x->owner = old->owner;
	x->connections = old->connections;
	x->accepted = old->accepted;
	x->told_connections = old->told_connections;
	x->told_accepted = old->told_accepted;
	x->period_drops = old->period_drops;
	x->period_connections = old->period_connections;
	x->period_accepted = old->period_accepted;
}

static int fill_in(void *arg, const void *key, const void *value)
{
	const struct listening *l = value;
	struct queue *x = find(arg, l->cookie);

	(void)key;
	if (!x)
		return 0;
	x->owner = l->owner;
	x->connections = l->connections;
	x->accepted = l->accepted;
	return 0;
}

/* --- metrics ---------------------------------------------------------------- */

static struct listener_totals *totals_of(const struct queues *q, const struct queue *x)
{
	return q->host->metrics(q->h, "listener_totals", &(struct by_listener){.ip = x->addr, .port = x->port});
}

/* Several listeners may have one address and port (SO_REUSEPORT). */
void queues_count(struct queues *q)
{
	struct listener_totals *m;

	q->host->map_each(q->h, q->map, fill_in, q);
	for (size_t i = 0; i < q->n; i++) {
		m = totals_of(q, &q->at[i]);
		if (m)
			m->listener_queue = m->listener_backlog = 0;
	}
	for (size_t i = 0; i < q->n; i++) {
		struct queue *x = &q->at[i];

		m = totals_of(q, x);
		if (!m)
			continue;
		m->listener_queue += x->queue;
		m->listener_backlog += x->backlog;
		m->listener_drops += x->new_drops;
		m->listener_connections += x->connections - x->told_connections;
		m->listener_accepted += x->accepted - x->told_accepted;
		x->new_drops = 0;
		x->told_connections = x->connections;
		x->told_accepted = x->accepted;
	}
}

static void count_states(const struct queues *q, const struct queue *x, const struct listener *e)
{
	const uint32_t n[LISTENER_STATES] = {
		[LISTENER_STATE_SYN_RECV] = e->syn_recv,     [LISTENER_STATE_ESTABLISHED] = e->established,
		[LISTENER_STATE_FIN_WAIT] = e->fin_wait,     [LISTENER_STATE_CLOSE_WAIT] = e->close_wait,
		[LISTENER_STATE_LAST_ACK] = e->last_ack,     [LISTENER_STATE_TIME_WAIT] = e->time_wait,
	};

	for (uint32_t i = 0; i < LISTENER_STATES; i++) {
		struct by_listener_state by = {.ip = x->addr, .port = x->port, .state = i};
		struct listener_states *m = q->host->metrics(q->h, "listener_states", &by);

		if (m)
			m->listener_sockets = n[i];
	}
}

static bool listens(const struct queue *at, size_t n, const struct queue *x)
{
	for (size_t i = 0; i < n; i++)
		if (at[i].port == x->port && at[i].addr.hi == x->addr.hi && at[i].addr.lo == x->addr.lo)
			return true;
	return false;
}

/* Those of before that listen no more, nor another at the same address and port. */
static void forget(const struct queues *q, const struct queue *now, size_t n)
{
	const struct queues after = {.at = (struct queue *)now, .n = n};

	for (size_t i = 0; i < q->n; i++) {
		const struct queue *x = &q->at[i];

		if (find(&after, x->cookie) || listens(now, n, x))
			continue;
		q->host->metrics_remove(q->h, "listener_totals", &(struct by_listener){.ip = x->addr, .port = x->port});
		for (uint32_t state = 0; state < LISTENER_STATES; state++)
			q->host->metrics_remove(q->h, "listener_states",
						&(struct by_listener_state){.ip = x->addr, .port = x->port, .state = state});
	}
}

/* --- looks ------------------------------------------------------------------ */

/* For the direction of connections that are older than the BPF program. */
static void tell_ports(struct queues *q)
{
	uint64_t ports[PORTS / 64] = {0};

	for (size_t i = 0; i < q->n; i++)
		ports[q->at[i].port / 64] |= 1ull << (q->at[i].port % 64);
	for (size_t i = 0; i < PORTS / 64; i++)
		if (q->listening[i] != ports[i])
			__atomic_store_n(&q->listening[i], ports[i], __ATOMIC_RELAXED);
}

static int look(struct queues *q)
{
	struct look l = {0};
	int r = q->host->sockets(q->h, 1 << TCP_LISTEN, saw, &l);

	if (r < 0) {
		if (!q->blind)
			q->host->log(q->h, TI_LOG_ERROR, "cannot list the listening sockets: %s; tried again each second",
				     strerror(-r));
		free(l.at);
		q->blind = true;
		return r;
	}
	q->blind = false;
	if (l.n)
		qsort(l.at, l.n, sizeof(*l.at), by_cookie);
	for (size_t i = 0; i < l.n; i++)
		carry_over(q, &l.at[i]);
	forget(q, l.at, l.n);
	free(q->at);
	q->at = l.at;
	q->n = l.n;
	tell_ports(q);
	return 0;
}

/* --- overflows -------------------------------------------------------------- */

uint64_t netstat_counter(const char *text, const char *name)
{
	size_t len = strlen(name);

	/* Pairs of lines: names, and below them the values. */
	while (*text) {
		const char *values = strchr(text, '\n'), *value = values ? values + 1 : NULL;

		for (const char *at = text; value && at && at < values; at = strchr(at + 1, ' ')) {
			if (at != text && !strncmp(at + 1, name, len) && (at[len + 1] == ' ' || at[len + 1] == '\n'))
				return strtoull(value, NULL, 10);
			value = strchr(value + 1, ' ');
		}
		values = values ? strchr(values + 1, '\n') : NULL;
		if (!values)
			break;
		text = values + 1;
	}
	return 0;
}

static uint64_t overflows(void)
{
	char text[16384];
	int fd = open("/proc/self/net/netstat", O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, got;

	while (fd >= 0 && n < (ssize_t)sizeof(text) - 1 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	if (fd >= 0)
		close(fd);
	text[n] = 0;
	return netstat_counter(text, "ListenOverflows");
}

#define SET_LISTENER(e, x)                                                                        \
	do {                                                                                      \
		(e)->dst_ip = (x)->addr;                                                          \
		(e)->dst_port = (x)->port;                                                        \
		(e)->uid = (x)->uid;                                                              \
		if ((x)->owner.pid)                                                               \
			SET_COMM(e, &(x)->owner);                                                 \
		(e)->cookie = (x)->cookie;                                                        \
		(e)->queue = (x)->queue;                                                          \
		(e)->backlog = (x)->backlog;                                                      \
	} while (0)

static void report_overflows(struct queues *q, uint64_t now)
{
	q->host->map_each(q->h, q->map, fill_in, q);
	for (size_t i = 0; i < q->n; i++) {
		struct accept_overflow e = {0};

		if (!q->at[i].new_drops)
			continue;
		SET_LISTENER(&e, &q->at[i]);
		e.drops = q->at[i].new_drops;
		q->host->emit(q->h, q->accept_overflow, &e, sizeof(e), now);
	}
}

void queues_look(struct queues *q, uint64_t now)
{
	uint64_t before = q->overflows;
	bool dropped = false;

	q->overflows = overflows();
	if (look(q) < 0)
		return;
	for (size_t i = 0; i < q->n; i++) {
		q->at[i].period_drops += q->at[i].new_drops;
		dropped |= q->at[i].new_drops;
	}
	if (dropped && q->overflows != before)
		report_overflows(q, now);
	queues_count(q);
}

/* --- periods ---------------------------------------------------------------- */

/* A socket's listener: on its address, else on any. */
static int count(void *arg, const struct ti_socket *s)
{
	struct queues *q = arg;
	struct queue *any = NULL;

	for (size_t i = 0; i < q->n; i++) {
		struct queue *x = &q->at[i];

		if (x->port != s->local_port)
			continue;
		if (!x->addr.hi && !x->addr.lo) {
			any = x;
		} else if (x->addr.hi == s->local.hi && x->addr.lo == s->local.lo) {
			any = x;
			break;
		}
	}
	if (any && s->state < 12)
		any->in_state[s->state]++;
	return 0;
}

void queues_report(struct queues *q, uint64_t now)
{
	for (size_t i = 0; i < q->n; i++)
		memset(q->at[i].in_state, 0, sizeof(q->at[i].in_state));
	q->host->map_each(q->h, q->map, fill_in, q);
	q->host->sockets(q->h, 0xfff & ~(1 << TCP_LISTEN), count, q);
	for (size_t i = 0; i < q->n; i++) {
		struct queue *x = &q->at[i];
		struct listener e = {0};

		SET_LISTENER(&e, x);
		e.window = now - q->period_began;
		e.drops = x->period_drops;
		e.connections = x->connections - x->period_connections;
		e.accepted = x->accepted - x->period_accepted;
		e.established = x->in_state[1];
		e.syn_recv = x->in_state[3];
		e.fin_wait = x->in_state[4] + x->in_state[5];
		e.time_wait = x->in_state[6];
		e.close_wait = x->in_state[8];
		e.last_ack = x->in_state[9];
		q->host->emit(q->h, q->listener, &e, sizeof(e), now);
		count_states(q, x, &e);
		x->period_drops = 0;
		x->period_connections = x->connections;
		x->period_accepted = x->accepted;
	}
	q->period_began = now;
}

int queues_init(struct queues *q, const struct ti_host *host, struct ti_handle *h)
{
	size_t size;
	int r;

	q->host = host;
	q->h = h;
	q->map = host->map(h, "listeners");
	q->listening = host->memory(h, "listening", &size);
	q->accept_overflow = host->event(h, "accept_overflow");
	q->listener = host->event(h, "listener");
	if (q->map < 0 || !q->listening)
		return -ENOENT;
	q->period_began = host->now(h);
	q->overflows = overflows();
	r = look(q);
	for (size_t i = 0; i < q->n; i++)
		q->at[i].new_drops = 0; /* before this start */
	return r;
}

void queues_free(struct queues *q)
{
	free(q->at);
	q->at = NULL;
	q->n = 0;
}
