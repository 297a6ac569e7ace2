/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plugin of ABI 1.MINOR: each callback says that it was called, with what it got. */
#include "old.h"

#include <stdio.h>
#include <stdlib.h>

__asm__(".pushsection .rodata.old,\"a\",%progbits\n.balign 16\nold_bpf:\n.incbin \"old.bpf.o\"\n"
	"old_bpf_end:\n.byte 0\n.popsection\n");
extern __attribute__((visibility("hidden"))) const char old_bpf[], old_bpf_end[];

/* As plain as code can run. */
__attribute__((constructor)) static void ran(void)
{
	const char *mark = getenv("OLD_RAN");
	FILE *f = mark ? fopen(mark, "w") : NULL;

	if (f)
		fclose(f);
}

struct config {
	uint32_t number;
};
static const struct ti_option options[] = {
	{ .key = "number", .type = TI_OPT_U32, .offset = offsetof(struct config, number), .def = "7",
	  .help = "a number" },
};

static struct {
	const struct old_host *host;
	struct ti_handle *h;
	unsigned ticks;
	int saw;
} me;

static int each(void *arg, const void *key, const void *value)
{
	(void)arg, (void)key;
	return *(const uint32_t *)value;
}

static int start(void **self, const struct old_host *host, struct ti_handle *h, const void *config)
{
	size_t size = 0;
	void *memory = host->memory(h, "ti_counters", &size);

	me.host = host;
	me.h = h;
	*self = &me;
	host->log(h, 2, "start: number %u, host %d, memory %d of %zu, event %d, %d CPUs",
		  ((const struct config *)config)->number, host->size >= sizeof(*host),
		  memory != NULL, size, host->event(h, "knock") >= 0, host->cpus(h));
	return 0;
}

static void attached(void *self)
{
	me.host->log(me.h, 2, "attached: %d at %s", self == &me, me.host->hook(me.h, "packets"));
}

static int event(void *self, const struct ti_record *rec, void *data)
{
	struct { uint16_t port; uint32_t value; } *e = data;

	(void)self;
	if (!me.saw++)
		me.host->log(me.h, 2, "event: port %u of %u bytes", e->port, rec->len);
	e->value += 41;
	return 0;
}

static void tick(void *self, uint64_t boot_ns)
{
	uint64_t now = me.host->now(me.h);

	(void)self;
	if (me.ticks++)
		return;
	me.host->log(me.h, 2, "tick: %d", now >= boot_ns && now - boot_ns < 10000000000);
}

static void stop(void *self)
{
	int map = me.host->map(me.h, "seen"), found;
	uint32_t key = 1, value = 0;

	(void)self;
	found = me.host->map_get(me.h, map, &key, &value);
#if MINOR >= 1
	me.host->log(me.h, 2, "map_each: %d", me.host->map_each(me.h, map, each, NULL));
#else
	(void)each;
#endif
	me.host->log(me.h, 2, "stop: map %d %u", found, value);
}

NOTE(1, struct old_plugin)
extern __attribute__((visibility("default"))) const struct old_plugin ti_plugin;
const struct old_plugin ti_plugin = {
	.prefix = PREFIX(1, MINOR, struct old_plugin),
	.version = "1.0", .summary = "a plugin of an older ABI",
	.bpf = old_bpf, .bpf_end = old_bpf_end,
	.options = options, .n_options = 1, .config_size = sizeof(struct config),
	.tick_ms = 50, .start = start, .attached = attached, .event = event, .tick = tick, .stop = stop,
};
