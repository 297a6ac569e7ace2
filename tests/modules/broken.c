/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broken.c - a plugin, or with -DSINK a sink, that does in one of its callbacks
 * (option `in`) what none should (`how`). -DNAME=x names it. With
 * -DIN_CONSTRUCTOR it already crashes when it is loaded.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <tcpinspect/sink.h>
#include <unistd.h>

enum how { NOTHING, CRASH, OVERFLOW, DIVIDE, ILLEGAL, ABORT, FREE_TWICE, EXIT, SLOW, VERY_SLOW, LOG_BADLY };
static const char *const hows[] = { "nothing", "crash", "overflow", "divide", "illegal", "abort",
				    "free_twice", "exit", "slow", "very_slow", "log_badly", NULL };

static struct config {
	char *in;
	uint32_t how;
	bool emit; /* an event each tick */
} config;
static const struct ti_host *host;
static struct ti_handle *handle;

static const struct ti_option options[] = {
	{ .key = "in", .type = TI_OPT_STRING, .offset = offsetof(struct config, in), .def = "none",
	  .help = "callback that is broken" },
	{ .key = "how", .type = TI_OPT_ENUM, .offset = offsetof(struct config, how), .def = "nothing",
	  .choices = hows, .help = "what it does" },
	{ .key = "emit", .type = TI_OPT_BOOL, .offset = offsetof(struct config, emit), .def = "no",
	  .help = "emit an event each tick" },
};

static volatile int zero;
static volatile char *volatile nowhere = (char *)16;

static int overflow(volatile char *outer)
{
	volatile char bytes[1024];

	bytes[0] = *outer;
	return overflow(bytes) + bytes[0];
}

static void wait_ms(unsigned ms)
{
	usleep(ms * 1000);
}

static void break_down(void)
{
	char *twice = malloc(32);

	switch ((enum how)config.how) {
	case NOTHING: break;
	case CRASH: *nowhere = 1; break;
	case OVERFLOW: overflow(&(char){ 1 }); break;
	case DIVIDE: zero = 7 / zero; break;
	case ILLEGAL: __builtin_trap(); break;
	case ABORT: abort();
	case FREE_TWICE: free(twice); free(*(char *volatile *)&twice); return;
	case EXIT: exit(0);
	case SLOW: wait_ms(30); break;
	case VERY_SLOW: wait_ms(130); break;
	case LOG_BADLY: host->log(handle, TI_LOG_INFO, "%s", (const char *)nowhere); break;
	}
	free(twice);
}

static void broken(const char *callback)
{
	if (config.in && !strcmp(config.in, callback))
		break_down();
}

#ifdef IN_CONSTRUCTOR
__attribute__((constructor)) static void load(void)
{
	config.how = CRASH;
	break_down();
}
#endif

#ifdef SINK
static int start(void **self, const struct ti_sink_host *h, struct ti_handle *handle_, const void *c)
{
	(void)self, (void)h, (void)handle_;
	config = *(const struct config *)c;
	broken("start");
	return 0;
}

static ssize_t write_lines(void *self, const char *data, size_t len)
{
	(void)self, (void)data;
	broken("write");
	return len;
}

static int reopen(void *self)
{
	(void)self;
	broken("reopen");
	return 0;
}

static void stop(void *self)
{
	(void)self;
	broken("stop");
}

TI_SINK(NAME, .version = "2.0", .summary = "a sink that breaks", .options = options,
	.n_options = sizeof(options) / sizeof(options[0]), .config_size = sizeof(config),
	.start = start, .write = write_lines, .reopen = reopen, .stop = stop);
#else
static int call;

static int start(void **self, const struct ti_host *h, struct ti_handle *handle_, const void *c)
{
	(void)self;
	host = h;
	handle = handle_;
	call = h->event(handle_, "call");
	config = *(const struct config *)c;
	broken("start");
	return 0;
}

static void attached(void *self)
{
	(void)self;
	broken("attached");
}

static int event(void *self, const struct ti_record *rec, void *data)
{
	(void)self, (void)rec, (void)data;
	broken("event");
	return 0;
}

static void tick(void *self, uint64_t boot_ns)
{
	(void)self;
	broken("tick");
	if (config.emit)
		host->emit(handle, call, &(struct { __u64 seq; __u32 cpu, pid; }){ 1, 0, 0 }, 16, boot_ns);
}

static void stop(void *self)
{
	(void)self;
	broken("stop");
}

/* Has an event `call`, for each system call of the processes called ti_flood. */
#ifndef OBJECT
#define OBJECT "t_flood.bpf.o"
#endif
TI_BPF_OBJECT(broken_bpf, OBJECT);
TI_PLUGIN(NAME, .version = "1.5", .summary = "a plugin that breaks", TI_PLUGIN_BPF(broken_bpf),
	  .options = options, .n_options = sizeof(options) / sizeof(options[0]),
	  .config_size = sizeof(config), .tick_ms = 50, .start = start, .attached = attached,
	  .event = event, .tick = tick, .stop = stop);
#endif
