/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conn.c - the descriptor and its callbacks. Connections are followed and reported
 * by the BPF program; what user space does is look for what goes on too long and for
 * accept queues that overflow.
 */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tcpinspect/plugin.h>
#include "queues.h"
#include "stuck.h"

#define SECOND	   1000000000ull
#define LOOK_EVERY (5 * SECOND)
#define SAY_EVERY  (60 * SECOND)

struct options {
	uint64_t stuck_syn_recv, stuck_close_wait, stuck_fin_wait, stuck_last_ack;
	uint64_t listener_period;
};

struct self {
	const struct ti_host *host;
	struct ti_handle *h;
	const struct options *o;
	uint32_t *accepts_seen; /* in the BPF object */
	uint64_t *untracked;    /* in the BPF object */
	uint64_t untracked_said, said, looked; /* boot ns the last two */
	struct queues queues;
	struct stucks stucks;
};

#define OPT(field, ...)                                                               \
	{                                                                             \
		.key = #field, .offset = offsetof(struct options, field), __VA_ARGS__ \
	}
#define DURATION .type = TI_OPT_DURATION, .min = 0, .max = 86400000000000
static const struct ti_option options[] = {
	OPT(stuck_syn_recv, DURATION, .def = "10s",
	    .help = "report listeners whose handshakes wait this long for the last ACK; 0: never"),
	OPT(stuck_close_wait, DURATION, .def = "60s",
	    .help = "report connections that the peer has closed and this side hasn't for so long; 0: never"),
	OPT(stuck_fin_wait, DURATION, .def = "120s",
	    .help = "report connections in FIN_WAIT1 or FIN_WAIT2 for so long; 0: never"),
	OPT(stuck_last_ack, DURATION, .def = "60s",
	    .help = "report connections in LAST_ACK for so long; 0: never"),
	OPT(listener_period, DURATION, .def = "0",
	    .help = "report every listener this often; 0: never"),
};
#undef OPT

/* Ticks come a second apart, more or less. */
static bool is_due(uint64_t now, uint64_t since, uint64_t period)
{
	return period && now - since + SECOND / 2 >= period;
}

static void say_untracked(struct self *s, uint64_t now)
{
	uint64_t n = __atomic_load_n(s->untracked, __ATOMIC_RELAXED);

	if (n == s->untracked_said || (s->said && !is_due(now, s->said, SAY_EVERY)))
		return;
	s->host->log(s->h, TI_LOG_WARNING,
		     "no room for %llu connections (option connections): they were reported without owner and times",
		     (unsigned long long)(n - s->untracked_said));
	s->untracked_said = n;
	s->said = now;
}

static void tick(void *self, uint64_t now)
{
	struct self *s = self;

	queues_look(&s->queues, now);
	if (is_due(now, s->queues.period_began, s->o->listener_period))
		queues_report(&s->queues, now);
	if (is_due(now, s->looked, LOOK_EVERY)) {
		stucks_look(&s->stucks, now);
		s->looked = now;
	}
	say_untracked(s, now);
}

static int find_memory(struct self *s)
{
	size_t size;

	s->accepts_seen = s->host->memory(s->h, "accepts_seen", &size);
	s->untracked = s->host->memory(s->h, "untracked", &size);
	return s->accepts_seen && s->untracked ? 0 : -ENOENT;
}

static void release(void *self)
{
	struct self *s = self;

	queues_free(&s->queues);
	stucks_free(&s->stucks);
	free(s);
}

static int start(void **self, const struct ti_host *host, struct ti_handle *h, const void *config)
{
	struct self *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->host = host;
	s->h = h;
	s->o = config;
	s->looked = host->now(h);
	s->stucks.limit[CONN_STATE_SYN_RECV] = s->o->stuck_syn_recv;
	s->stucks.limit[CONN_STATE_CLOSE_WAIT] = s->o->stuck_close_wait;
	s->stucks.limit[CONN_STATE_FIN_WAIT1] = s->stucks.limit[CONN_STATE_FIN_WAIT2] = s->o->stuck_fin_wait;
	s->stucks.limit[CONN_STATE_LAST_ACK] = s->o->stuck_last_ack;
	r = find_memory(s);
	if (r == 0)
		r = queues_init(&s->queues, host, h);
	if (r == 0)
		r = stucks_init(&s->stucks, host, h);
	if (r < 0) {
		release(s);
		return r;
	}
	*self = s;
	return 0;
}

/* Without such a hook, connections that come in are reported at their handshake. */
static void attached(void *self)
{
	struct self *s = self;

	__atomic_store_n(s->accepts_seen, s->host->hook(s->h, "accepts") != NULL, __ATOMIC_RELAXED);
}

static void stop(void *self)
{
	struct self *s = self;

	if (s->o->listener_period)
		queues_report(&s->queues, s->host->now(s->h));
	queues_count(&s->queues);
	say_untracked(s, s->host->now(s->h));
	release(s);
}

TI_BPF_OBJECT(conn_bpf, "conn.bpf.o");
TI_PLUGIN(conn, .version = "1.0",
	  .summary = "connections established and closed, those that are stuck, accept queues that overflow",
	  TI_PLUGIN_BPF(conn_bpf), .options = options, .n_options = sizeof(options) / sizeof(*options),
	  .config_size = sizeof(struct options), .start = start, .attached = attached, .tick = tick,
	  .stop = stop);
