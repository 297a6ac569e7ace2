/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring-json.c - what an event costs from the ring to a JSON file: CPU ns, against
 * a bare loop in the same run.
 *
 * The bare loop is what one would write for this one event alone: libbpf,
 * libevent, a formatter that knows every field, one write() for 64 KiB of lines.
 * Ours is event type -> plan -> route -> queue -> the file sink's shared object.
 * A round fills the ring, which isn't counted, and then drains it; the two take
 * turns. Both write the same bytes, which is checked, as is that none is lost.
 *
 *	ring-json RING_JSON.BPF.O FILE.SO [ROUNDS [FOLDER]]
 *
 * FOLDER should be on a tmpfs; /dev/shm when not given.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "format.h"
#include "ini.h"
#include "log.h"
#include "ring-json.h"
#include "route.h"
#include "sink.h"

#define EVENTS	    150000 /* fit in the ring */
#define ROUNDS	    9
#define ROUNDS_MOST 101
#define BATCH	    4096
#define UTC_OFFSET  1735689600000000000ull
#define HOST	    "bench"

static const char *const ifnames[] = {"", "eth0", "wlan0"};
static const char *const states[] = {"new", "established", "closed"};

struct bench {
	struct bpf_object *obj;
	int prog, ring;
	struct ring_json_state *state;
	struct event_base *base;
	const char *path_bare, *path_ours;
	const struct ti_sink *sink;

	struct ring_buffer *rb;
	size_t left, batch;
	void (*record)(struct bench *b, const struct entry *e);
	void (*batch_end)(struct bench *b);

	int fd; /* the bare loop's */
	char *out;
	size_t used;
	struct ti_router *router; /* ours */
	size_t plugin;
};

__attribute__((noreturn)) static void die(const char *what, const char *why)
{
	fprintf(stderr, "ring-json: %s: %s\n", what, why);
	exit(1);
}

/* The bare loop's formatter */

static char digits[200];
static char octets[256][4]; /* each with a dot behind it */
static unsigned char octet_len[256];

static char *put_number(char *o, uint32_t v)
{
	int n = v < 10		 ? 1
		: v < 100	 ? 2
		: v < 1000	 ? 3
		: v < 10000	 ? 4
		: v < 100000	 ? 5
		: v < 1000000	 ? 6
		: v < 10000000	 ? 7
		: v < 100000000	 ? 8
		: v < 1000000000 ? 9
				 : 10;
	char *end = o + n, *p = end;

	for (; v >= 100; v /= 100) {
		p -= 2;
		memcpy(p, digits + v % 100 * 2, 2);
	}
	if (v >= 10)
		memcpy(o, digits + v * 2, 2);
	else
		*o = (char)('0' + v);
	return end;
}

static char *put_ip(char *o, const ti_addr *a)
{
	const unsigned char *p = (const unsigned char *)a + 12;

	for (int i = 0; i < 4; i++) {
		memcpy(o, octets[p[i]], 4);
		o += octet_len[p[i]];
	}
	return o - 1;
}

#define PUT(o, text) (memcpy(o, text, sizeof(text) - 1), (o) + sizeof(text) - 1)

static char *put_time(char *o, uint64_t utc)
{
	static uint64_t shown = UINT64_MAX;
	static char text[] = "{\"time\":\"0000-00-00T00:00:00.";
	uint64_t ns = utc % 1000000000;

	if (utc / 1000000000 != shown) {
		time_t t = (time_t)(utc / 1000000000);
		struct tm tm;

		shown = utc / 1000000000;
		gmtime_r(&t, &tm);
		strftime(text + 9, sizeof(text) - 9, "%Y-%m-%dT%H:%M:%S.", &tm);
	}
	o = PUT(o, text);
	for (int i = 7; i >= 0; i -= 2, ns /= 100)
		memcpy(o + i, digits + ns % 100 * 2, 2);
	o[0] = (char)('0' + ns);
	return o + 9;
}

static void bare_record(struct bench *b, const struct entry *e)
{
	const struct conn *c = &e->conn;
	char *o = put_time(b->out + b->used, e->rec.boot_ns + UTC_OFFSET);

	o = PUT(o, "Z\",\"host\":\"" HOST "\",\"plugin\":\"bench\",\"event\":\"conn\",\"severity\":"
		   "\"info\",\"src_ip\":\"");
	o = put_ip(o, &c->src_ip);
	o = PUT(o, "\",\"dst_ip\":\"");
	o = put_ip(o, &c->dst_ip);
	o = PUT(o, "\",\"src_port\":");
	o = put_number(o, c->src_port);
	o = PUT(o, ",\"dst_port\":");
	o = put_number(o, c->dst_port);
	o = PUT(o, ",\"bytes\":");
	o = put_number(o, c->bytes);
	o = PUT(o, ",\"ifname\":\"");
	o = stpcpy(o, ifnames[c->ifname]);
	o = PUT(o, "\",\"state\":\"");
	o = stpcpy(o, states[c->state]);
	o = PUT(o, "\"}\n");
	b->used = (size_t)(o - b->out);
	if (b->used < 64 * 1024)
		return;
	if (write(b->fd, b->out, b->used) != (ssize_t)b->used)
		die(b->path_bare, "cannot write");
	b->used = 0;
}

static void bare_end(struct bench *b)
{
	if (b->used && write(b->fd, b->out, b->used) != (ssize_t)b->used)
		die(b->path_bare, "cannot write");
	b->used = 0;
}

/* Ours */

static const struct ti_enum_name state_names[] = {
	{CONN_NEW, "new"},
	{CONN_ESTABLISHED, "established"},
	{CONN_CLOSED, "closed"},
};

#define FIELD(name_, kind_, ...)                                                                   \
	{                                                                                          \
		.name = #name_, .kind = (kind_), .help = "",                                       \
		.offset = offsetof(struct conn, name_), .size = sizeof(((struct conn *)0)->name_), \
		__VA_ARGS__                                                                        \
	}

static const struct ti_field fields[] = {
	FIELD(src_ip, TI_FIELD_ADDR),
	FIELD(dst_ip, TI_FIELD_ADDR),
	FIELD(src_port, TI_FIELD_PORT),
	FIELD(dst_port, TI_FIELD_PORT),
	FIELD(bytes, TI_FIELD_UINT),
	FIELD(ifname, TI_FIELD_IFINDEX),
	FIELD(state, TI_FIELD_ENUM, .names = state_names, .n_names = 3),
};

static const struct ti_event_type types[] = {
	{
		.plugin = "bench",
		.name = "conn",
		.help = "",
		.size = sizeof(struct conn),
		.fields = fields,
		.n_fields = TI_ARRAY_SIZE(fields),
	},
};

static const char *ifname(void *arg, uint32_t ifindex)
{
	(void)arg;
	return ifindex < TI_ARRAY_SIZE(ifnames) ? ifnames[ifindex] : NULL;
}

static const struct ti_format_env env = {
	.host = HOST,
	.utc_offset = UTC_OFFSET,
	.ifname = ifname,
};

static void our_record(struct bench *b, const struct entry *e)
{
	ti_router_event(b->router, b->plugin, &e->rec, &e->conn);
}

static void our_end(struct bench *b)
{
	ti_router_flush(b->router);
}

/* One round */

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void fill(struct bench *b)
{
	char packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = EVENTS);

	b->state->next = 0;
	b->state->last = EVENTS - 1;
	if (bpf_prog_test_run_opts(b->prog, &o) < 0)
		die("BPF_PROG_TEST_RUN", strerror(errno));
	if (b->state->next != EVENTS || b->state->lost)
		die("fill", "not every record is in the ring");
}

static int on_record(void *arg, void *data, size_t size)
{
	struct bench *b = arg;

	(void)size;
	b->record(b, data);
	b->left--;
	return ++b->batch >= BATCH ? -EAGAIN : 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct bench *b = arg;

	(void)fd;
	(void)what;
	do {
		b->batch = 0;
		ring_buffer__consume(b->rb);
		b->batch_end(b);
	} while (b->batch >= BATCH);
	if (!b->left)
		event_base_loopbreak(b->base);
}

/* CPU ns an event of draining a full ring. */
static double drain(struct bench *b)
{
	struct event *ev;
	double start;

	fill(b);
	b->left = EVENTS;
	b->rb = ring_buffer__new(b->ring, on_record, b, NULL);
	ev = event_new(b->base, ring_buffer__epoll_fd(b->rb), EV_READ | EV_PERSIST, on_readable, b);
	event_add(ev, NULL);
	start = cpu_ns();
	event_base_dispatch(b->base);
	start = (cpu_ns() - start) / EVENTS;
	event_free(ev);
	ring_buffer__free(b->rb);
	return start;
}

static double bare_round(struct bench *b)
{
	double ns;

	unlink(b->path_bare);
	b->fd = open(b->path_bare, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (b->fd < 0)
		die(b->path_bare, strerror(errno));
	b->record = bare_record;
	b->batch_end = bare_end;
	ns = drain(b);
	close(b->fd);
	return ns;
}

static double our_round(struct bench *b, struct ti_account *total)
{
	struct ti_module module = {.path = "file.so", .sink = *b->sink};
	struct ti_ini ini = {0};
	struct ti_sink_run *sink;
	char set[512];
	double ns;

	unlink(b->path_ours);
	snprintf(set, sizeof(set), "sink.file.path=%s", b->path_ours);
	if (ti_ini_set(&ini, set) < 0 ||
	    ti_sink_new(&sink, "file", &module, &ini, ti_ini_find(&ini, "sink", "file"), NULL) <
		    0 ||
	    ti_sink_start(sink, b->base) < 0 || ti_router_new(&b->router, &sink, 1, &env) < 0 ||
	    ti_router_add_plugin(b->router, "bench", types, 1, &b->plugin) < 0)
		die("file sink", "cannot be set up");
	b->record = our_record;
	b->batch_end = our_end;
	ns = drain(b);
	ti_router_drain(b->router);
	*total = *ti_router_account(b->router, b->plugin, 0);
	ti_router_free(b->router);
	ti_sink_free(sink);
	ti_ini_free(&ini);
	return ns;
}

/* Reports */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, int n)
{
	qsort(v, (size_t)n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Bytes of the file if both are the same, or -1. */
static long long same_bytes(const char *a, const char *b)
{
	ti_cleanup(ti_fclosep) FILE *fa = fopen(a, "r");
	ti_cleanup(ti_fclosep) FILE *fb = fopen(b, "r");
	static char x[64 * 1024], y[64 * 1024];
	long long total = 0;
	size_t n;

	if (!fa || !fb)
		return -1;
	do {
		n = fread(x, 1, sizeof(x), fa);
		if (fread(y, 1, sizeof(y), fb) != n || memcmp(x, y, n) != 0)
			return -1;
		total += (long long)n;
	} while (n);
	return total;
}

static void set_up(struct bench *b, const char *object, const char *sink)
{
	void *dl, *state = MAP_FAILED;
	int bss;

	for (int i = 0; i < 100; i++) {
		digits[2 * i] = (char)('0' + i / 10);
		digits[2 * i + 1] = (char)('0' + i % 10);
	}
	for (int i = 0; i < 256; i++) {
		char text[8];

		octet_len[i] = (unsigned char)snprintf(text, sizeof(text), "%d.", i);
		memcpy(octets[i], text, 4);
	}
	b->obj = bpf_object__open_file(object, NULL);
	if (!b->obj || bpf_object__load(b->obj) < 0)
		die(object, strerror(errno));
	b->prog = bpf_program__fd(bpf_object__find_program_by_name(b->obj, "fill"));
	b->ring = bpf_object__find_map_fd_by_name(b->obj, "ring");
	bss = bpf_object__find_map_fd_by_name(b->obj, ".bss");
	if (bss >= 0)
		state = mmap(NULL, sizeof(*b->state), PROT_READ | PROT_WRITE, MAP_SHARED, bss, 0);
	if (b->prog < 0 || b->ring < 0 || state == MAP_FAILED)
		die(object, "not the benchmark's object");
	b->state = state;
	dl = dlopen(sink, RTLD_NOW | RTLD_LOCAL);
	b->sink = dl ? dlsym(dl, "ti_sink") : NULL;
	if (!b->sink)
		die(sink, dlerror());
	b->base = event_base_new();
	b->out = malloc(128 * 1024);
	if (!b->base || !b->out)
		die("set up", "out of memory");
}

int main(int argc, char **argv)
{
	int rounds = argc > 3 ? atoi(argv[3]) : ROUNDS;
	const char *folder = argc > 4 ? argv[4] : "/dev/shm";
	double bare[ROUNDS_MOST], ours[ROUNDS_MOST], m_bare, m_ours;
	struct bench b = {.fd = -1};
	struct ti_account a = {0};
	char path_bare[256], path_ours[256];
	unsigned long long lost = 0;
	long long bytes = 0;

	if (argc < 3 || rounds < 1 || rounds > ROUNDS_MOST) {
		fprintf(stderr, "usage: ring-json RING_JSON.BPF.O FILE.SO [ROUNDS [FOLDER]]\n");
		return 2;
	}
	snprintf(path_bare, sizeof(path_bare), "%s/ring-json.bare.%d", folder, (int)getpid());
	snprintf(path_ours, sizeof(path_ours), "%s/ring-json.ours.%d", folder, (int)getpid());
	b.path_bare = path_bare;
	b.path_ours = path_ours;
	set_up(&b, argv[1], argv[2]);
	for (int i = 0; i < rounds && bytes >= 0; i++) {
		bare[i] = bare_round(&b);
		ours[i] = our_round(&b, &a);
		bytes = same_bytes(path_bare, path_ours);
		lost += a.emitted - a.delivered;
		printf("round %2d  bare %6.1f  ours %6.1f ns an event\n", i + 1, bare[i], ours[i]);
	}
	unlink(path_bare);
	unlink(path_ours);
	if (bytes < 0) {
		printf("the two wrote different bytes\n");
		return 1;
	}
	m_bare = median(bare, rounds);
	m_ours = median(ours, rounds);
	printf("median    bare %6.1f  ours %6.1f  ratio %.2f (at most 1.5 wanted)\n", m_bare,
	       m_ours, m_ours / m_bare);
	printf("%d events a round of 64 bytes in the ring, %.0f as JSON; lost: %llu\n", EVENTS,
	       (double)bytes / EVENTS, lost);
	return lost ? 1 : 0;
}
