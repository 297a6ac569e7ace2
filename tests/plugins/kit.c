/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kit.c - a plugin that does a bit of everything, for tests of the test kit. */
#include "kit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tcpinspect/plugin.h>

struct options {
	char *word;
	uint64_t every;
};

struct self {
	const struct ti_host *host;
	struct ti_handle *h;
	const struct options *o;
	uint64_t notes, ticks;
};

static const struct ti_option options[] = {
	{ .key = "word", .type = TI_OPT_STRING, .offset = offsetof(struct options, word), .max = 8,
	  .help = "a word to tell" },
	{ .key = "every", .type = TI_OPT_DURATION, .offset = offsetof(struct options, every), .def = "2s",
	  .min = 0, .max = 3600000000000, .help = "tell a summary this often" },
};

static int count(void *arg, const struct ti_socket *s)
{
	struct summary *e = arg;

	(void)s;
	e->sockets++;
	return 0;
}

static void put_word(const char *from, __u16 *len, char *to)
{
	*len = from ? strlen(from) : 0;
	memcpy(to, from ? from : "", *len);
}

static void summarize(struct self *s)
{
	struct summary e = { .balance = -5, .large = UINT64_MAX, .notes = s->notes, .ticks = s->ticks, .ifname = 2 };

	if (s->host->sockets(s->h, 1 << 1, count, &e) < 0)
		s->host->log(s->h, TI_LOG_WARNING, "no sockets today");
	put_word(s->o->word, &e.word.len, e.word.str);
	e.items.len = 2;
	e.items.item[0] = (struct item){ .host = { 0, 0x010200c0ffff0000 } };
	put_word("a\"b\n", &e.items.item[0].name.len, e.items.item[0].name.str);
	put_word("z", &e.items.item[1].name.len, e.items.item[1].name.str);
	e.numbers.len = 3;
	memcpy(e.numbers.item, (__u16[]){ 3, 0, 65535 }, 6);
	s->host->emit(s->h, s->host->event(s->h, "summary"), &e, sizeof(e), 0);
}

static int start(void **self, const struct ti_host *host, struct ti_handle *h, const void *config)
{
	struct self *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct self){ .host = host, .h = h, .o = config };
	if (s->o->word && !strcmp(s->o->word, "refuse")) {
		free(s);
		return -EBUSY;
	}
	*self = s;
	return 0;
}

static void attached(void *self)
{
	struct self *s = self;
	const char *name = s->host->ifname(s->h, 2), *hook = s->host->hook(s->h, "packets");

	s->host->log(s->h, TI_LOG_INFO, "at %s, by %s", name ? name : "nothing", hook ? hook : "nothing");
}

static void keep(struct self *s, const struct note *n)
{
	struct by_key key = { n->key };
	struct kept *kept;

	if (!n->n) {
		s->host->metrics_remove(s->h, "kept", &key);
		return;
	}
	kept = s->host->metrics(s->h, "kept", &key);
	if (kept)
		kept->held = n->n;
}

static int event(void *self, const struct ti_record *rec, void *data)
{
	struct self *s = self;

	if (rec->event == s->host->event(s->h, "note")) {
		const struct note *n = data;

		s->notes++;
		keep(s, n);
		return s->host->map_set(s->h, s->host->map(s->h, "sized"), &n->key, &n->n);
	}
	return rec->event == s->host->event(s->h, "seen") && ((struct seen *)data)->dst_port == 666;
}

static void tick(void *self, uint64_t now)
{
	struct self *s = self;

	s->ticks++;
	if (s->o->every && now % s->o->every == 0)
		summarize(s);
}

static void stop(void *self)
{
	struct self *s = self;

	s->host->log(s->h, TI_LOG_WARNING, "stopping after %d ticks", (int)s->ticks);
	free(s);
}

TI_BPF_OBJECT(kit_bpf, "kit.bpf.o");
TI_PLUGIN(kit, .version = "1.0", .summary = "for tests of the test kit", TI_PLUGIN_BPF(kit_bpf),
	  .options = options, .n_options = 2, .config_size = sizeof(struct options), .tick_ms = 500,
	  .start = start, .attached = attached, .event = event, .tick = tick, .stop = stop);
