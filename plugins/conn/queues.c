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
	if (!dropped || q->overflows == before)
		return;
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
	return r;
}

void queues_free(struct queues *q)
{
	free(q->at);
	q->at = NULL;
	q->n = 0;
}
