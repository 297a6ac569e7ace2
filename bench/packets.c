/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packets.c - what a packet costs in the kernel, by BPF_PROG_TEST_RUN: at each hook of
 * each packet plugin that a daemon runs, beside the parser alone at that hook.
 *
 *	packets PID packets.bpf.o
 *
 * One packet again and again: one that the plugin ignores (data of an established
 * connection at a port that nobody watches), one that it counts. Medians of rounds in
 * which all take turns. Where each must be another, as one that is reported, they run
 * one by one: their cost is that of the parser alone and what they take more than it
 * does when run like this. What is reported is seen in the plugin's ring.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <tcpinspect/types.h>

#define ROUNDS	11
#define REPEAT	100000
#define ONES	300 /* packets one by one in a round */
#define PAUSE	20000 /* us after them: the daemon empties its ring */
#define IGNORED "ignored"

enum { ACK = 0x10, PSH = 0x08, SYN = 0x02 };

/* --- packets ----------------------------------------------------------------- */

enum another { SAME, NEXT_SEQ, NEXT_PORT };

static const struct packet {
	const char *plugin; /* as the kernel has its name; NULL: every one */
	const char *what;
	uint16_t port;
	uint8_t flags;
	const char *payload; /* NULL: 512 bytes */
	enum another another; /* each is another, and they run one by one */
} packets[] = {
	{NULL, IGNORED, 5201, ACK | PSH, NULL, SAME},
	{"synflood", "counted: SYN to a listener", 80, SYN, "", SAME},
	{"synflood", "counted: SYN to no listener", 81, SYN, "", SAME},
	{"portscan", "counted: SYN, the same again", 81, SYN, "", SAME},
	{"portscan", "counted: SYN, the next port", 1000, SYN, "", NEXT_PORT},
	{"httpsnif", "counted: ACK at its port", 80, ACK, "", SAME},
	{"httpsnif", "reported: request", 80, ACK | PSH,
	 "GET /index.html HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: bench\r\n\r\n",
	 NEXT_SEQ},
};
#define PACKETS (sizeof(packets) / sizeof(*packets))

struct frame {
	uint8_t outer[14]; /* a socket filter is given what follows */
	uint8_t eth[14], ip[20], tcp[20], payload[512];
	size_t len; /* without outer */
};

static void set16(uint8_t *at, uint16_t v)
{
	at[0] = v >> 8;
	at[1] = v;
}

static void build(struct frame *f, const struct packet *p)
{
	size_t payload = p->payload ? strlen(p->payload) : sizeof(f->payload);

	*f = (struct frame){
		.outer = {[12] = 0x88, [13] = 0xb5},
		.eth = {[12] = 0x08},
		.ip = {0x45, [8] = 64, [9] = 6, [12] = 10, [15] = 2, [16] = 127, [19] = 1},
		.tcp = {0x9c, 0x40, [12] = 0x50, [13] = p->flags, [14] = 0x20},
		.len = 54 + payload,
	};
	set16(f->ip + 2, 40 + payload);
	set16(f->tcp + 2, p->port);
	memcpy(f->payload, p->payload ? p->payload : "", p->payload ? payload : 0);
}

static void next32(uint8_t *at, uint32_t by)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	v = __builtin_bswap32(__builtin_bswap32(v) + by);
	memcpy(at, &v, sizeof(v));
}

static void step(struct frame *f, enum another another)
{
	if (another == NEXT_PORT)
		next32(f->tcp, 1); /* both ports; the lower half is the destination's */
	else
		next32(f->tcp + 4, f->len - 54);
}

/* --- programs ----------------------------------------------------------------- */

struct program {
	char plugin[16], name[16]; /* plugin "": the parser alone */
	uint32_t id;
	int fd;
	enum bpf_prog_type type;
	const unsigned long *produced; /* bytes put into its plugin's ring; NULL: it never does */
};

static struct program programs[64], alone[3];
static size_t n_programs;

static const struct {
	enum bpf_prog_type type;
	const char *name, *alone;
} hooks[] = {
	{BPF_PROG_TYPE_XDP, "xdp", "parse_xdp"},
	{BPF_PROG_TYPE_SCHED_CLS, "tc", "parse_tc"},
	{BPF_PROG_TYPE_SOCKET_FILTER, "socket", "parse_socket"},
};
#define HOOKS (sizeof(hooks) / sizeof(*hooks))

static int hook_of(enum bpf_prog_type type)
{
	for (size_t i = 0; i < HOOKS; i++)
		if (hooks[i].type == type)
			return i;
	return -1;
}

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

/* A plugin's .rodata has its name, as far as the kernel keeps it. */
static void look_at_map(struct program *p, uint32_t id)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	int fd = bpf_map_get_fd_by_id(id);
	char *dot;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		die("a map");
	dot = strchr(info.name, '.');
	if (dot && !strcmp(dot, ".rodata"))
		snprintf(p->plugin, sizeof(p->plugin), "%.*s", (int)(dot - info.name), info.name);
	if (!strcmp(info.name, "ti_ring")) {
		p->produced = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, fd, getpagesize());
		if (p->produced == MAP_FAILED)
			die("ti_ring");
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
		die("a program");
	p->type = info.type;
	snprintf(p->name, sizeof(p->name), "%s", info.name);
	for (uint32_t i = 0; i < info.nr_map_ids && i < 64; i++)
		look_at_map(p, maps[i]);
	/* Of incoming packets only; those that go out are none here. */
	if (hook_of(p->type) < 0 || !p->plugin[0] ||
	    (p->type == BPF_PROG_TYPE_SOCKET_FILTER &&
	     (!strncmp(p->name, "sent", 4) || strstr(p->name, "_out"))))
		return;
	if (++n_programs == sizeof(programs) / sizeof(*programs))
		die("too many programs");
}

/* Those that the daemon has a file descriptor of. */
static void find_programs(const char *pid)
{
	char path[4096], line[256];
	struct dirent *e;
	unsigned id;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "prog_id: %u", &id) == 1)
				add_program(id);
		if (f)
			fclose(f);
	}
	if (!n_programs)
		die(path);
	closedir(dir);
}

static void load_alone(const char *path)
{
	struct bpf_object *obj = bpf_object__open(path);

	if (!obj || bpf_object__load(obj))
		die(path);
	for (size_t i = 0; i < HOOKS; i++)
		alone[i] = (struct program){
			.fd = bpf_program__fd(
				bpf_object__find_program_by_name(obj, hooks[i].alone)),
			.type = hooks[i].type,
		};
}

/* --- measures ------------------------------------------------------------------- */

static double run(const struct program *p, const struct frame *f, int repeat)
{
	bool whole = p->type == BPF_PROG_TYPE_SOCKET_FILTER;
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = whole ? f->outer : f->eth,
		    .data_size_in = f->len + (whole ? sizeof(f->outer) : 0), .repeat = repeat);

	if (bpf_prog_test_run_opts(p->fd, &o) < 0)
		die("BPF_PROG_TEST_RUN");
	return o.duration;
}

static int ascending(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1
						       : *(const double *)a > *(const double *)b;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), ascending);
	return v[n / 2];
}

static double one_by_one(const struct program *p, struct frame *f, enum another another)
{
	double ns[ONES];

	for (size_t i = 0; i < ONES; i++) {
		step(f, another);
		ns[i] = run(p, f, 1);
	}
	return median(ns, ONES);
}

static struct row {
	const struct program *p;
	const struct packet *what; /* NULL: the parser alone, on what is ignored */
	struct frame frame;
	bool each;
	double ns[ROUNDS];
	uint64_t packets, reported; /* bytes put into the ring */
} rows[512];
static size_t n_rows;

static void add_row(const struct program *p, const struct packet *what, bool each)
{
	struct row *r = &rows[n_rows++];

	*r = (struct row){.p = p, .what = what, .each = each};
	build(&r->frame, what);
	set16(r->frame.tcp, 40000 + n_rows); /* a connection of its own */
}

/* Programs of outgoing packets have these to ignore. */
static bool is_for(const struct program *p, const struct packet *what)
{
	return !what->plugin || (!strcmp(what->plugin, p->plugin) && strncmp(p->name, "sent", 4));
}

static void add_rows(void)
{
	for (size_t h = 0; h < HOOKS; h++)
		for (int each = 0; each < 2; each++)
			add_row(&alone[h], &packets[0], each);
	for (size_t i = 0; i < n_programs; i++)
		for (size_t k = 0; k < PACKETS && n_rows < sizeof(rows) / sizeof(*rows); k++)
			if (is_for(&programs[i], &packets[k]))
				add_row(&programs[i], &packets[k], packets[k].another != SAME);
}

static void measure(struct row *r, double *ns)
{
	unsigned long before = r->p->produced ? *r->p->produced : 0;

	*ns = r->each ? one_by_one(r->p, &r->frame, r->what->another)
		      : run(r->p, &r->frame, REPEAT);
	r->reported += r->p->produced ? *r->p->produced - before : 0;
	r->packets += r->each ? ONES : REPEAT;
	if (r->what->another != SAME)
		usleep(PAUSE);
}

static int say(void)
{
	double base[HOOKS][2];
	int r = 0;

	printf("%-10s %-16s %-34s %8s %8s %8s   ns a packet, bytes to the ring; %d rounds of %d\n",
	       "plugin", "program", "packet", "median", "/ parse", "ring", ROUNDS, REPEAT);
	for (size_t i = 0; i < n_rows; i++) {
		struct row *row = &rows[i];
		int h = hook_of(row->p->type);
		double ns = median(row->ns, ROUNDS);

		if (!row->p->plugin[0]) {
			base[h][row->each] = ns;
			if (!row->each)
				printf("%-10s %-16s %-34s %8.0f\n", "parse only", hooks[h].name, "",
				       ns);
			continue;
		}
		if (row->each)
			ns += base[h][0] - base[h][1];
		printf("%-10s %-16s %-34s %8.0f %8.2f %8llu\n", row->p->plugin, row->p->name,
		       row->what->what, ns, ns / base[h][0],
		       (unsigned long long)(row->reported / row->packets));
		if (row->what == &packets[0] && ns > 1.5 * base[h][0])
			r = 1;
	}
	printf("ignored / parse only %s 1.5 at every hook\n", r ? "is NOT at most" : "is at most");
	return r;
}

int main(int argc, char **argv)
{
	double warm;

	if (argc != 3) {
		fprintf(stderr, "usage: packets PID packets.bpf.o\n");
		return 2;
	}
	find_programs(argv[1]);
	load_alone(argv[2]);
	add_rows();
	for (size_t i = 0; i < n_rows; i++)
		measure(&rows[i], &warm);
	for (size_t i = 0; i < n_rows; i++)
		rows[i].reported = rows[i].packets = 0;
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < n_rows; i++)
			measure(&rows[i], &rows[i].ns[round]);
	return say();
}
