/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * callback.c - calls of modules' code: their time, and what is said when one
 * doesn't come back. What runs after a crash is async-signal-safe: it reads
 * these structs, writes one line and lets the signal take its course.
 */
#define _GNU_SOURCE 1 /* dl_iterate_phdr, REG_RIP */
#include "callback.h"

#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "module.h"
#include "put.h"

#define MS 1000000ull

/* What they are called, and how long one may take. Nothing waits yet, or any more,
 * while modules are loaded, started and stopped. */
static const struct {
	const char *name;
	uint64_t most; /* ns */
} callbacks[TI_CALL_MAX] = {
	[TI_CALL_LOAD] = { "constructors", UINT64_MAX },
	[TI_CALL_UNLOAD] = { "destructors", UINT64_MAX },
	[TI_CALL_START] = { "start()", 100 * MS },
	[TI_CALL_ATTACHED] = { "attached()", 10 * MS },
	[TI_CALL_EVENT] = { "event()", 10 * MS },
	[TI_CALL_TICK] = { "tick()", 10 * MS },
	[TI_CALL_WRITE] = { "write()", 10 * MS },
	[TI_CALL_REOPEN] = { "reopen()", 10 * MS },
	[TI_CALL_STOP] = { "stop()", 100 * MS },
};

/* The innermost that runs in this thread; modules may have others. */
static __thread struct ti_call *running;
static uint64_t batch; /* end of the event before in this batch; 0: it is the first */
static uint64_t batch_waited; /* at its beginning */
static struct ti_calls *all;
static bool timed;
static int schedstat = -1; /* of the loop's thread; kernels may be built without */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* How long the thread has been runnable without running, since its start: the second
 * number there. Some 500 ns, so not for each event. */
static uint64_t waited_ns(void)
{
	char text[96];
	ssize_t n = pread(schedstat, text, sizeof(text) - 1, 0);
	char *second = text;

	text[n < 0 ? 0 : n] = '\0';
	strtoull(text, &second, 10);
	return strtoull(second, NULL, 10);
}

static bool is_sink(const struct ti_module *m)
{
	return m->prefix.kind == TI_MODULE_SINK;
}

/* --- who is called ------------------------------------------------------- */

/* The object whose code is around `from`, which is something in it. */
static int find_code(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct ti_calls *c = arg;
	uintptr_t from = UINTPTR_MAX, to = 0;

	(void)size;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type != PT_LOAD)
			continue;
		from = at < from ? at : from;
		to = at + ph->p_memsz > to ? at + ph->p_memsz : to;
	}
	if (c->from < from || c->from >= to)
		return 0;
	c->base = info->dlpi_addr;
	c->from = from;
	c->to = to;
	return 1;
}

void ti_calls_init(struct ti_calls *c, const struct ti_module *m, const char *name)
{
	*c = (struct ti_calls){ .module = m, .name = name, .next = all };
	c->from = (uintptr_t)(is_sink(m) ? m->sink.version : m->plugin.version);
	if (!dl_iterate_phdr(find_code, c))
		c->from = c->to = 0;
	all = c;
}

void ti_calls_done(struct ti_calls *c)
{
	for (struct ti_calls **at = &all; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
}

/* --- how long ------------------------------------------------------------ */

struct ti_call *ti_call_begin(struct ti_call *c)
{
	bool goes_on = batch && c->which == TI_CALL_EVENT;

	if (timed) {
		c->waited = goes_on ? batch_waited : waited_ns();
		c->since = goes_on ? batch : now_ns();
	}
	c->outer = running;
	running = c;
	return c;
}

static void say_slow(const struct ti_call *c, uint64_t took)
{
	c->calls->slow++;
	ti_log_limited(&c->calls->limits[c->which], TI_LOG_WARNING,
		       "%s%s: its %s took %llu ms%s%s, and nothing else runs meanwhile: it should take less than %llu",
		       is_sink(c->calls->module) ? "sink " : "", c->calls->name, callbacks[c->which].name,
		       (unsigned long long)(took / MS), c->event ? " for an event " : "",
		       c->event ? c->event : "", (unsigned long long)(callbacks[c->which].most / MS));
}

void ti_call_end(struct ti_call *c)
{
	uint64_t now, took, waited;

	running = c->outer;
	if (!timed)
		return;
	now = now_ns();
	took = now - c->since;
	if (c->outer)
		c->outer->since += took;
	if (c->which == TI_CALL_EVENT && !batch)
		batch_waited = c->waited;
	if (batch || c->which == TI_CALL_EVENT)
		batch = now;
	if (took <= callbacks[c->which].most)
		return;
	waited = waited_ns() - c->waited;
	if (waited < took && took - waited > callbacks[c->which].most)
		say_slow(c, took - waited);
}

void ti_calls_batch_end(void)
{
	batch = 0;
}

/* --- calls that don't come back ------------------------------------------ */

static const struct {
	int number;
	const char *name, *means;
} fatal[] = {
	{ SIGSEGV, "SIGSEGV", "invalid memory access" },
	{ SIGBUS, "SIGBUS", "no memory behind the address" },
	{ SIGFPE, "SIGFPE", "division by zero or overflow" },
	{ SIGILL, "SIGILL", "invalid instruction" },
	{ SIGTRAP, "SIGTRAP", "trap" },
	{ SIGABRT, "SIGABRT", "abort, by an assertion or the C library" },
	{ SIGSYS, "SIGSYS", "a system call that is not allowed to it" },
};

/* A line in the making. */
struct line {
	size_t len;
	char text[1024];
};

static void say(struct line *l, const char *text)
{
	while (text && *text && l->len < sizeof(l->text) - 64)
		l->text[l->len++] = *text++;
}

static void say_number(struct line *l, uint64_t n)
{
	if (l->len < sizeof(l->text) - 64)
		l->len = ti_put_uint(l->text + l->len, n) - l->text;
}

static void say_hex(struct line *l, uint64_t n)
{
	int shift = 60;

	say(l, "0x");
	while (shift && !(n >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		say(l, (char[]){ "0123456789abcdef"[n >> shift & 15], 0 });
}

/* plugin x 1.0 (/path/x.so) */
static void say_module(struct line *l, const struct ti_calls *c)
{
	const struct ti_module *m = c->module;

	say(l, is_sink(m) ? "sink " : "plugin ");
	say(l, c->name);
	if (m->dl) {
		say(l, " ");
		say(l, is_sink(m) ? m->sink.version : m->plugin.version);
	}
	say(l, " (");
	say(l, m->path);
	say(l, ")");
}

static void say_callback(struct line *l, const struct ti_call *c)
{
	say(l, " in its ");
	say(l, callbacks[c->which].name);
	if (c->event) {
		say(l, " with an event ");
		say(l, c->event);
	}
}

static void print(struct line *l)
{
	l->text[l->len++] = '\n';
	if (write(STDERR_FILENO, l->text, l->len) < 0)
		return;
}

static uintptr_t code_at(const ucontext_t *u, uintptr_t *stack)
{
#if defined(__x86_64__)
	*stack = u->uc_mcontext.gregs[REG_RSP];
	return u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	*stack = u->uc_mcontext.sp;
	return u->uc_mcontext.pc;
#else
	(void)u;
	*stack = 0;
	return 0;
#endif
}

/* By another process. */
static bool was_sent(const siginfo_t *info)
{
	return info->si_code <= 0 && info->si_pid != getpid();
}

static void say_signal(struct line *l, int sig, const siginfo_t *info, uintptr_t stack)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	size_t i = 0;

	while (fatal[i].number != sig)
		i++;
	say(l, fatal[i].name);
	if (was_sent(info))
		return;
	say(l, ", ");
	if (sig == SIGSEGV && at + 65536 > stack && at < stack + 65536)
		say(l, "stack overflow");
	else
		say(l, fatal[i].means);
	if (sig == SIGSEGV || sig == SIGBUS) {
		say(l, " at address ");
		say_hex(l, at);
	}
}

static void say_code(struct line *l, uintptr_t at)
{
	for (const struct ti_calls *c = all; c; c = c->next) {
		const char *file = strrchr(c->module->path, '/');

		if (at < c->from || at >= c->to)
			continue;
		say(l, "; code at ");
		say(l, file ? file + 1 : c->module->path);
		say(l, "+");
		say_hex(l, at - c->base);
		return;
	}
}

static void on_fatal(int sig, siginfo_t *info, void *context)
{
	static struct line l;
	uintptr_t stack, at = code_at(context, &stack);
	const struct ti_call *c = running;

	say(&l, "tcpinspect: error: ");
	if (was_sent(info)) {
		say(&l, "process ");
		say_number(&l, info->si_pid);
		say(&l, " has sent a fatal signal");
		if (c) {
			say(&l, " while ");
			say_module(&l, c->calls);
			say(&l, " was");
		}
	} else if (c) {
		say_module(&l, c->calls);
		say(&l, " crashed");
	} else {
		say(&l, gettid() == getpid() ? "tcpinspect itself crashed, not in a callback of a plugin or sink"
					     : "a thread that isn't tcpinspect's own crashed");
	}
	if (c)
		say_callback(&l, c);
	say(&l, ": ");
	say_signal(&l, sig, info, stack);
	say_code(&l, at);
	print(&l);
	/* The default action is back (SA_RESETHAND): what the processor objected to comes
	 * again as soon as this returns, all else has to be sent again. */
	if (info->si_code <= 0 || sig == SIGTRAP || sig == SIGSYS)
		raise(sig);
}

static void on_exit_called(void)
{
	struct line l = { 0 };

	if (!running)
		return;
	say(&l, "tcpinspect: error: ");
	say_module(&l, running->calls);
	say(&l, " ended the process");
	say_callback(&l, running);
	say(&l, ": it called exit()");
	print(&l);
}

/* Under ASan its own report says more. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define WATCH_SIGNALS 0
#else
#define WATCH_SIGNALS 1
#endif

void ti_calls_watch(bool take_time)
{
	static char stack[65536];
	const stack_t other = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction a = { .sa_sigaction = on_fatal,
			       .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER };

	timed = take_time;
	if (timed)
		schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	atexit(on_exit_called);
	if (!WATCH_SIGNALS || sigaltstack(&other, NULL) < 0)
		return;
	for (size_t i = 0; i < TI_ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i].number, &a, NULL);
}
