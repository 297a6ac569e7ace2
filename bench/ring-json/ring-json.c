/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring-json.c - what an event costs from the ring to a JSON file: CPU ns, against
 * a bare loop in the same run.
 *
 * The bare loop is what one would write for this one event alone: libbpf,
 * libevent, a formatter that knows every field, one write() for 64 KiB of lines.
 * Ours is a plugin run as the daemon runs it: ring stage, event type from BTF,
 * plan, route, queue, the file sink's shared object. A round fills the ring,
 * which isn't counted, and then drains it; the two take turns. Both write the
 * same bytes, which is checked, as is that none is lost.
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
#include <sched.h>
#include <time.h>
#include <unistd.h>
#include "format.h"
#include "ini.h"
#include "iface.h"
#include "log.h"
#include "plugin.h"
#include "ring-json.h"
#include "route.h"
#include "sink.h"

#define EVENTS	    150000 /* fit in the ring */
#define ROUNDS	    9
#define ROUNDS_MOST 101
#define BATCH	    4096
#define RING	    (16 * 1024 * 1024)
#define UTC_OFFSET  1735689600000000000ull
#define HOST	    "bench"

static const char *const ifnames[] = {"", "eth0", "wlan0"};
static const char *const states[] = {"new", "established", "closed"};

struct bench {
	char *object; /* bytes of the BPF object */
	size_t object_size;
	struct event_base *base;
	const char *path_bare, *path_ours;
	const struct ti_sink *sink;

	/* The bare loop's. */
	struct bpf_object *obj;
	struct ring_buffer *rb;
	size_t left, batch;
	int fd;
	char *out;
	size_t used;

	/* Ours. */
	struct ti_ifaces *ifaces;
	struct ti_router *router;
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

static void bare_flush(struct bench *b)
{
	if (b->used && write(b->fd, b->out, b->used) != (ssize_t)b->used)
		die(b->path_bare, "cannot write");
	b->used = 0;
}

/* Ours */

static const char *ifname(void *arg, uint32_t ifindex)
{
	(void)arg;
	return ifindex < TI_ARRAY_SIZE(ifnames) ? ifnames[ifindex] : NULL;
}

static uint64_t utc_offset = UTC_OFFSET;
static const struct ti_format_env format_env = {
	.host = HOST,
	.utc_offset = UTC_OFFSET,
	.ifname = ifname,
};

static bool admit(void *arg)
{
	(void)arg;
	return true;
}

static void flush(void *arg)
{
	struct bench *b = arg;

	ti_router_flush(b->router);
	if (ti_router_account(b->router, 0, 0)->emitted == EVENTS)
		event_base_loopbreak(b->base);
}

/* One round */

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void fill(int prog)
{
	char packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = EVENTS);

	if (bpf_prog_test_run_opts(prog, &o) < 0)
		die("BPF_PROG_TEST_RUN", strerror(errno));
}

/* CPU ns an event until the loop is told to end. */
static double drain(struct bench *b)
{
	double start = cpu_ns();

	event_base_dispatch(b->base);
	return (cpu_ns() - start) / EVENTS;
}

static int on_record(void *arg, void *data, size_t size)
{
	struct bench *b = arg;

	(void)size;
	bare_record(b, data);
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
		bare_flush(b);
	} while (b->batch >= BATCH);
	if (!b->left)
		event_base_loopbreak(b->base);
}

static double bare_round(struct bench *b)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "bare");
	struct bpf_object *obj = bpf_object__open_mem(b->object, b->object_size, &opts);
	struct event *ev;
	double ns;

	if (!obj || bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, "ti_ring"), RING) < 0 ||
	    bpf_object__load(obj) < 0)
		die("BPF object", strerror(errno));
	unlink(b->path_bare);
	b->fd = open(b->path_bare, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (b->fd < 0)
		die(b->path_bare, strerror(errno));
	fill(bpf_program__fd(bpf_object__find_program_by_name(obj, "fill_socket")));
	b->left = EVENTS;
	b->rb = ring_buffer__new(bpf_object__find_map_fd_by_name(obj, "ti_ring"), on_record, b, NULL);
	ev = event_new(b->base, ring_buffer__epoll_fd(b->rb), EV_READ | EV_PERSIST, on_readable, b);
	event_add(ev, NULL);
	ns = drain(b);
	event_free(ev);
	ring_buffer__free(b->rb);
	close(b->fd);
	bpf_object__close(obj);
	return ns;
}

static double our_round(struct bench *b, struct ti_account *total)
{
	struct ti_module sink_module = {.path = "file.so", .sink = *b->sink};
	struct ti_module module = {.prefix.name = "bench",
				   .plugin = {.bpf = b->object, .bpf_end = b->object + b->object_size,
					      .tick_ms = 3600000}};
	struct ti_plugin_env env = {.base = b->base, .ifaces = b->ifaces, .utc_offset = &utc_offset,
				    .admit = admit, .flush = flush, .arg = b};
	struct ti_plugin_run *run;
	struct ti_sink_run *sink;
	struct ti_ini ini = {0};
	char set[512];
	double ns;

	unlink(b->path_ours);
	snprintf(set, sizeof(set), "sink.file.path=%s", b->path_ours);
	if (ti_ini_set(&ini, set) < 0 || ti_ini_set(&ini, "plugin.bench.ring_size=16MiB") < 0 ||
	    ti_sink_new(&sink, "file", &sink_module, &ini, ti_ini_find(&ini, "sink", "file"), NULL) < 0 ||
	    ti_sink_start(sink, b->base) < 0 || ti_router_new(&b->router, &sink, 1, &format_env) < 0 ||
	    ti_plugin_new(&run, &module, b->router, &ini, ti_ini_find(&ini, "plugin", "bench"), "lo", NULL) < 0 ||
	    ti_plugin_load(run, &env) < 0 || ti_plugin_start(run) < 0)
		die("plugin and file sink", "cannot be set up");
	fill(bpf_program__fd(ti_plugin_probe(run)->programs[0].prog));
	ns = drain(b);
	ti_plugin_free(run);
	ti_router_drain(b->router);
	*total = *ti_router_account(b->router, 0, 0);
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

static void read_object(struct bench *b, const char *path)
{
	ti_cleanup(ti_fclosep) FILE *f = fopen(path, "r");

	b->object = malloc(1 << 20);
	b->object_size = f && b->object ? fread(b->object, 1, 1 << 20, f) : 0;
	if (!b->object_size)
		die(path, "cannot be read");
}

static void set_up(struct bench *b, const char *object, const char *sink)
{
	void *dl;

	for (int i = 0; i < 100; i++) {
		digits[2 * i] = (char)('0' + i / 10);
		digits[2 * i + 1] = (char)('0' + i % 10);
	}
	for (int i = 0; i < 256; i++) {
		char text[8];

		octet_len[i] = (unsigned char)snprintf(text, sizeof(text), "%d.", i);
		memcpy(octets[i], text, 4);
	}
	read_object(b, object);
	ti_log_level(TI_LOG_WARNING);
	ti_probe_libbpf_log();
	/* A namespace whose lo is down: the plugin is attached and sees nothing. */
	if (unshare(CLONE_NEWNET) < 0 || ti_ifaces_new(&b->ifaces, NULL, NULL, NULL) < 0)
		die("network namespace", strerror(errno));
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
