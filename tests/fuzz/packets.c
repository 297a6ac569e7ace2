/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packets.c - feeds the packet programs of a running daemon whole, cut and mutated
 * frames by BPF_PROG_TEST_RUN. After each frame: the verdict lets it pass, it is
 * counted as seen, and as truncated, fragment or unsupported if and only if a second
 * parser says so (frames.c). Of the plugin t_parsed also all fields are compared.
 * Nothing else may come to the daemon meanwhile.
 *
 *	packets PID [FRAMES [SEED]]
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "frames.h"

/* BPF_PROG_TEST_RUN gives a socket filter no Ethernet header: it takes this one off. */
static const uint8_t outer[14] = {[12] = 0x88, [13] = 0xb5};

struct program {
	char name[64]; /* plugin and program */
	uint32_t id;
	int fd;
	enum bpf_prog_type type;
	bool sees_none; /* a socket filter of outgoing packets: these come in */
	const char *counters; /* mapped: struct ti_counters, one a CPU */
	size_t stride;
	uint32_t cpus;
	const struct parsed_last *last; /* of t_parsed, else NULL */
	uint64_t fed, refused, outcomes[OUTCOMES];
};

static struct program programs[64];
static size_t n_programs;
static uint64_t number, seed; /* of the frame, for messages */

static __attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static __attribute__((noreturn, format(printf, 3, 4))) void
fail(const struct program *p, const struct frame *f, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s, frame %llu of seed %llu: %s", p->name, (unsigned long long)number,
		(unsigned long long)seed, what);
	for (size_t i = 0; i < f->len && i < 256; i++)
		fprintf(stderr, "%s%02x", i % 32 ? " " : "\n", f->at[i]);
	die(" ");
}

/* --- programs -------------------------------------------------------------------- */

static const void *map_memory(int fd, size_t length)
{
	size_t page = getpagesize();
	void *at = mmap(NULL, (length + page - 1) / page * page, PROT_READ, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* The plugin's name is that of its .rodata, as far as the kernel has it. */
static void look_at_map(struct program *p, uint32_t id)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	int fd = bpf_map_get_fd_by_id(id);
	char *dot;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		die("%s: its map %u can't be looked at", p->name, id);
	dot = strchr(info.name, '.');
	if (!strcmp(info.name, "ti_counters")) {
		p->stride = (info.value_size + 7) & ~7u;
		p->cpus = info.max_entries;
		p->counters = map_memory(fd, p->stride * p->cpus);
	} else if (dot && !strcmp(dot, ".rodata")) {
		char program[sizeof(info.name)];

		snprintf(program, sizeof(program), "%.15s", p->name);
		snprintf(p->name, sizeof(p->name), "%.*s %s", (int)(dot - info.name), info.name,
			 program);
	} else if (!strcmp(info.name, "t_parsed.bss") && info.value_size == sizeof(*p->last)) {
		p->last = map_memory(fd, sizeof(*p->last));
	}
	close(fd);
}

static void add_program(uint32_t id)
{
	struct program *p = &programs[n_programs];
	uint32_t maps[64];
	struct bpf_prog_info info = {.nr_map_ids = 64, .map_ids = (uintptr_t)maps};
	uint32_t len = sizeof(info);

	for (size_t i = 0; i < n_programs; i++)
		if (programs[i].id == id)
			return;
	*p = (struct program){.id = id, .fd = bpf_prog_get_fd_by_id(id)};
	if (p->fd < 0 || bpf_obj_get_info_by_fd(p->fd, &info, &len) < 0)
		die("program %u can't be looked at: %s", id, strerror(errno));
	p->type = info.type;
	if (p->type != BPF_PROG_TYPE_XDP && p->type != BPF_PROG_TYPE_SCHED_CLS &&
	    p->type != BPF_PROG_TYPE_SOCKET_FILTER) {
		close(p->fd);
		return;
	}
	snprintf(p->name, sizeof(p->name), "%s", info.name);
	p->sees_none = p->type == BPF_PROG_TYPE_SOCKET_FILTER &&
		       (!strncmp(info.name, "sent", 4) || strstr(info.name, "_out"));
	for (uint32_t i = 0; i < info.nr_map_ids && i < 64; i++)
		look_at_map(p, maps[i]);
	if (!p->counters)
		die("%s has no ti_counters", p->name);
	if (!strncmp(p->name, "t_parsed ", 9) && !p->last)
		die("%s has not what it parsed", p->name);
	if (++n_programs == sizeof(programs) / sizeof(*programs))
		die("too many programs");
}

/* Those that the daemon has a file descriptor of, in use or not. */
static void find_programs(const char *pid)
{
	char path[4096], line[256];
	struct dirent *e;
	unsigned id;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	dir = opendir(path);
	if (!dir)
		die("%s: %s", path, strerror(errno));
	while ((e = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "prog_id: %u", &id) == 1)
				add_program(id);
		if (f)
			fclose(f);
	}
	closedir(dir);
}

/* --- frames -------------------------------------------------------------------- */

struct counts {
	uint64_t n[TI_COUNT_MAX];
};

static struct counts counts_of(const struct program *p)
{
	struct counts c = {{0}};

	for (uint32_t cpu = 0; cpu < p->cpus; cpu++)
		for (int i = 0; i < TI_COUNT_MAX; i++)
			c.n[i] += __atomic_load_n(
				(const uint64_t *)(p->counters + cpu * p->stride) + i,
				__ATOMIC_RELAXED);
	return c;
}

/* What BPF_PROG_TEST_RUN doesn't take: it wants an Ethernet header and, for tc, the
 * whole IP header that the EtherType promises. */
static bool is_refusable(const struct program *p, const struct frame *f)
{
	uint32_t type = f->len < 14 ? 0 : f->at[12] << 8 | f->at[13];

	if (p->type == BPF_PROG_TYPE_SOCKET_FILTER)
		return false;
	return f->len <= 14 ||
	       (p->type == BPF_PROG_TYPE_SCHED_CLS &&
		((type == 0x0800 && f->len < 34) || (type == 0x86dd && f->len < 54)));
}

/* What the program returned; below -1: -errno. */
static int feed(const struct program *p, const struct frame *f)
{
	static uint8_t bytes[sizeof(outer) + FRAME_MAX];
	size_t skip = p->type == BPF_PROG_TYPE_SOCKET_FILTER ? sizeof(outer) : 0;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = bytes, .data_size_in = skip + f->len);

	memcpy(bytes, outer, skip);
	memcpy(bytes + skip, f->at, f->len);
	return bpf_prog_test_run_opts(p->fd, &o) < 0 ? -errno : (int)o.retval;
}

static void check_counts(const struct program *p, const struct frame *f, enum outcome outcome,
			 const struct counts *before)
{
	static const int own[] = {
		[OUTCOME_TCP] = -1,
		[OUTCOME_NOT_TCP] = -1,
		[OUTCOME_TRUNCATED] = TI_COUNT_TRUNCATED,
		[OUTCOME_FRAGMENT] = TI_COUNT_FRAGMENT,
		[OUTCOME_UNSUPPORTED] = TI_COUNT_UNSUPPORTED,
	};
	static const int looked_at[] = {TI_COUNT_SEEN,	      TI_COUNT_TRUNCATED, TI_COUNT_FRAGMENT,
					TI_COUNT_UNSUPPORTED, TI_COUNT_FILTERED,  TI_COUNT_DROPPED};
	struct counts now = counts_of(p);

	for (size_t i = 0; i < sizeof(looked_at) / sizeof(*looked_at); i++) {
		int which = looked_at[i];
		bool up = !p->sees_none && (which == TI_COUNT_SEEN || which == own[outcome]);

		if (now.n[which] - before->n[which] != up)
			fail(p, f, "counter %d went up by %llu, and the outcome is %d", which,
			     (unsigned long long)(now.n[which] - before->n[which]), outcome);
	}
}

static void check_fields(const struct program *p, const struct frame *f, enum outcome outcome,
			 const struct parsed *expected, uint64_t bodies)
{
	bool reaches = outcome == OUTCOME_TCP || expected->fragment;
	struct parsed is = p->last->pkt;

	bodies = p->last->bodies - bodies;
	if (bodies != reaches)
		fail(p, f, "the body ran %llu times, and the outcome is %d",
		     (unsigned long long)bodies, outcome);
	for (size_t i = 0; reaches && i < sizeof(is); i++)
		if (((char *)&is)[i] != ((char *)expected)[i])
			fail(p, f, "parsed differently: byte %zu of struct parsed", i);
}

static void check(struct program *p, const struct frame *f, enum outcome outcome,
		  const struct parsed *expected)
{
	static const int passes[] = {
		[BPF_PROG_TYPE_XDP] = 2, /* XDP_PASS */
		[BPF_PROG_TYPE_SCHED_CLS] = -1, /* TC_ACT_UNSPEC: others go on */
		[BPF_PROG_TYPE_SOCKET_FILTER] = 0,
	};
	struct counts before = counts_of(p);
	uint64_t bodies = p->last ? p->last->bodies : 0;
	int verdict = feed(p, f);

	if (verdict == -EINVAL && is_refusable(p, f)) {
		p->refused++;
		return;
	}
	if (verdict != passes[p->type])
		fail(p, f, "verdict %d%s", verdict,
		     verdict < -1 ? ", an errno of BPF_PROG_TEST_RUN" : "");
	check_counts(p, f, outcome, &before);
	if (p->last && !p->sees_none)
		check_fields(p, f, outcome, expected, bodies);
	p->fed++;
	p->outcomes[outcome]++;
}

/* Until each program was fed so many. */
static void run(uint64_t frames)
{
	struct draws d = {.state = seed};
	static struct frame f;
	bool more = true;

	for (number = 0; more; number++) {
		struct parsed expected;
		enum outcome outcome;

		frame_draw(&d, &f);
		outcome = frame_expect(&f, &expected);
		more = false;
		for (size_t i = 0; i < n_programs; i++) {
			if (programs[i].fed < frames)
				check(&programs[i], &f, outcome, &expected);
			more |= programs[i].fed < frames;
		}
	}
}

/* Every outcome has been there, or the frames are no test. */
static int say(void)
{
	int r = 0;

	printf("seed %llu\n%-28s %9s %9s %9s %9s %9s %11s %9s\n", (unsigned long long)seed, "",
	       "frames", "tcp", "not tcp", "truncated", "fragment", "unsupported", "not run");
	for (size_t i = 0; i < n_programs; i++) {
		const struct program *p = &programs[i];

		printf("%-28s %9llu", p->name, (unsigned long long)p->fed);
		for (int o = 0; o < OUTCOMES; o++) {
			printf(" %*llu", o == OUTCOME_UNSUPPORTED ? 11 : 9,
			       (unsigned long long)p->outcomes[o]);
			r |= p->outcomes[o] == 0;
		}
		printf(" %9llu\n", (unsigned long long)p->refused);
	}
	return r;
}

int main(int argc, char **argv)
{
	uint64_t frames = strtoull(argc > 2 ? argv[2] : "1000000", NULL, 0);

	seed = strtoull(argc > 3 ? argv[3] : "20261125", NULL, 0);
	if (argc < 2 || !frames || !seed)
		die("usage: packets PID [FRAMES [SEED]]");
	find_programs(argv[1]);
	if (!n_programs)
		die("%s has no packet program", argv[1]);
	run(frames);
	return say();
}
