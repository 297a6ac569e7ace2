/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chains of real programs at real interfaces in a network namespace of this process;
 * packets are frames of an EtherType of their own, so that counts are exact.
 */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <tcpinspect/plugin.h>
#include "hook.h"
#include "test-xdp-chain.h"

TI_BPF_OBJECT(test_xdp_chain_bpf, "test-xdp-chain.bpf.o");

#define LONGEST 32 /* programs that a chain can have */

static int run(const char *command)
{
	char quiet[512];

	snprintf(quiet, sizeof(quiet), "{ %s; } >/dev/null 2>&1", command);
	return system(quiet);
}

/* A plugin's program, and where it is. */
struct probe {
	char name[16];
	struct bpf_object *obj;
	volatile struct control *control;
	struct ti_attachment at;
};

static void load(struct probe *p, const char *program, unsigned order)
{
	struct bpf_program *prog;

	snprintf(p->name, sizeof(p->name), "probe%u", order);
	p->obj = bpf_object__open_mem(test_xdp_chain_bpf,
				      test_xdp_chain_bpf_end - test_xdp_chain_bpf, NULL);
	assert_non_null(p->obj);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(p->obj, "ti_ring"), 4096);
	bpf_object__for_each_program(prog, p->obj)
		bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), program));
	assert_int_equal(bpf_object__load(p->obj), 0);
	p->control = mmap(NULL, sizeof(*p->control), PROT_READ | PROT_WRITE, MAP_SHARED,
			  bpf_object__find_map_fd_by_name(p->obj, ".bss"), 0);
	assert_ptr_not_equal(p->control, MAP_FAILED);
	ti_attachment_init(&p->at);
	p->at.hook = &ti_hook_xdp;
	p->at.prog = bpf_object__find_program_by_name(p->obj, program);
	p->at.plugin = p->name;
	p->at.target = "";
	p->at.order = order;
	p->at.next = strcmp(program, "count_xdp")
			     ? -1
			     : bpf_object__find_map_fd_by_name(p->obj, "count_xdp_next");
}

static void unload(struct probe *p)
{
	ti_detach(&p->at);
	munmap((void *)p->control, sizeof(*p->control));
	bpf_object__close(p->obj);
}

static void place(struct ti_attachment *a, const char *ifname)
{
	a->ifindex = if_nametoindex(ifname);
	assert_int_not_equal(a->ifindex, 0);
	snprintf(a->ifname, sizeof(a->ifname), "%s", ifname);
}

static void attach(struct probe *p)
{
	int r;

	place(&p->at, "v0");
	r = ti_attach(&p->at);
	if (r < 0)
		print_message("%s\n", p->at.why);
	assert_int_equal(r, 0);
}

static void refused(struct ti_attachment *a, int r, const char *why)
{
	assert_int_equal(ti_attach(a), r);
	assert_false(a->attached);
	assert_int_equal(a->fd, -1);
	if (!strstr(a->why, why))
		fail_msg("'%s' does not say '%s'", a->why, why);
}

static int open_socket(const char *ifname)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(TEST_ETHERTYPE),
				 .sll_ifindex = if_nametoindex(ifname)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (void *)&at, sizeof(at)), 0);
	return fd;
}

static void transmit(int fd, int n)
{
	static const unsigned char frame[64] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
						0,    0,    0,	  0,	1,    0x88, 0xb5};

	while (n-- > 0)
		if (send(fd, frame, sizeof(frame), 0) != sizeof(frame))
			_exit(1);
}

/* Send n frames to v0; program k of all sees sees[k] of them. */
static void assert_seen(struct probe *p, size_t n_probes, const __u64 *sees, int n)
{
	int fd = open_socket("v1");
	__u64 was[LONGEST + 1];

	for (size_t k = 0; k < n_probes; k++)
		was[k] = p[k].control->seen;
	transmit(fd, n);
	close(fd);
	for (size_t k = 0; k < n_probes; k++) {
		for (int t = 0; t < 1000 && p[k].control->seen - was[k] < sees[k]; t++)
			usleep(1000);
	}
	usleep(2000);
	for (size_t k = 0; k < n_probes; k++)
		if (p[k].control->seen - was[k] != sees[k])
			fail_msg("program %zu has seen %llu frames, not %llu", k,
				 (unsigned long long)(p[k].control->seen - was[k]),
				 (unsigned long long)sees[k]);
}
#define SEEN(probes, n, ...) \
	assert_seen(probes, sizeof(probes) / sizeof(probes[0]), (const __u64[]){__VA_ARGS__}, n)

static __u32 xdp_id(const char *ifname)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	assert_int_equal(bpf_xdp_query(if_nametoindex(ifname), 0, &q), 0);
	return q.prog_id;
}

static int entries(const struct probe *p)
{
	int n = 0;

	for (__u32 slot = 0, id; slot < TI_XDP_SLOTS; slot++)
		n += bpf_map_lookup_elem(p->at.next, &slot, &id) == 0;
	return n;
}

static int setup(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET) < 0 ||
			       run("ip link add v0 type veth peer name v1 && ip link set v0 up && "
				   "ip link set v1 up && ip link set lo up")
		       ? -1
		       : 0;
}

/* --- order --------------------------------------------------------------- */

static void test_order(void **state)
{
	static const unsigned orders[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}};

	(void)state;
	for (size_t o = 0; o < sizeof(orders) / sizeof(orders[0]); o++) {
		struct probe p[3] = {0};

		for (unsigned k = 0; k < 3; k++)
			load(&p[k], "count_xdp", k);
		for (unsigned k = 0; k < 3; k++)
			attach(&p[orders[o][k]]);
		SEEN(p, 10, 10, 10, 10);
		p[1].control->drop = 1;
		SEEN(p, 10, 10, 10, 0);
		p[0].control->drop = 1;
		SEEN(p, 10, 10, 0, 0);
		p[0].control->drop = p[1].control->drop = 0;
		for (unsigned k = 0; k < 3; k++)
			unload(&p[k]);
		assert_int_equal(xdp_id("v0"), 0);
	}
}

/* Any of them leaves and comes back to its place. */
static void test_leave_and_return(void **state)
{
	struct probe p[3] = {0};

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		load(&p[k], "count_xdp", k);
		attach(&p[k]);
	}
	for (unsigned k = 0; k < 3; k++) {
		ti_detach(&p[k].at);
		assert_int_equal(entries(&p[k]), 0);
		SEEN(p, 5, 5 * (k != 0), 5 * (k != 1), 5 * (k != 2));
		attach(&p[k]);
		p[1].control->drop = 1;
		SEEN(p, 5, 5, 5, 0);
		p[1].control->drop = 0;
		SEEN(p, 5, 5, 5, 5);
	}
	for (unsigned k = 0; k < 3; k++)
		ti_detach(&p[k].at);
	for (unsigned k = 0; k < 3; k++) {
		assert_int_equal(entries(&p[k]), 0);
		unload(&p[k]);
	}
}

static void test_mode(void **state)
{
	struct probe p[3] = {0};

	(void)state;
	for (unsigned k = 0; k < 3; k++)
		load(&p[k], "count_xdp", k);
	attach(&p[1]);
	assert_string_equal(p[1].at.mode, "native");
	attach(&p[2]);
	assert_string_equal(p[2].at.mode, "native, after probe1");
	attach(&p[0]);
	assert_string_equal(p[0].at.mode, "native, before probe1");
	for (unsigned k = 0; k < 3; k++)
		unload(&p[k]);
}

/* --- while packets are on their way -------------------------------------- */

struct sender {
	pid_t pid;
	int stop[2];
};

static void start_sender(struct sender *s)
{
	assert_int_equal(pipe(s->stop), 0);
	s->pid = fork();
	if (s->pid == 0) {
		int fd = open_socket("v1");
		char c;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(s->stop[1]);
		fcntl(s->stop[0], F_SETFL, O_NONBLOCK);
		while (read(s->stop[0], &c, 1) < 0)
			transmit(fd, 16);
		_exit(0);
	}
	close(s->stop[0]);
}

static void stop_sender(struct sender *s)
{
	int status;

	close(s->stop[1]);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_int_equal(status, 0);
}

/* Who stays sees each packet once, whoever else comes and goes. */
static void test_under_load(void **state)
{
	struct tpacket_stats arrived;
	socklen_t len = sizeof(arrived);
	struct probe p[4] = {0};
	struct sender s;
	int fd = open_socket("v0");

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		load(&p[k], "count_xdp", k);
		p[k].control->dwell = 1;
		attach(&p[k]);
	}
	start_sender(&s);
	for (int round = 0; round < 40; round++) {
		ti_detach(&p[0].at);
		ti_detach(&p[2].at);
		attach(&p[0]);
		attach(&p[2]);
	}
	stop_sender(&s);
	usleep(100000);
	assert_int_equal(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &arrived, &len), 0);
	print_message("%u frames, %llu and %llu by those that came and went\n", arrived.tp_packets,
		      (unsigned long long)p[0].control->seen,
		      (unsigned long long)p[2].control->seen);
	assert_true(arrived.tp_packets > 1000);
	assert_int_equal(p[1].control->seen, arrived.tp_packets);
	assert_int_equal(p[3].control->seen, arrived.tp_packets);
	for (int k = 0; k < 4; k += 2)
		assert_in_range(p[k].control->seen, 1, arrived.tp_packets);
	close(fd);
	for (unsigned k = 0; k < 4; k++)
		unload(&p[k]);
}

/* --- limits -------------------------------------------------------------- */

static void test_longest(void **state)
{
	struct probe p[LONGEST + 1] = {0};
	__u64 sees[LONGEST];

	(void)state;
	for (unsigned k = 0; k <= LONGEST; k++)
		load(&p[k], "count_xdp", k);
	for (unsigned k = 0; k < LONGEST; k++) {
		attach(&p[k]);
		sees[k] = 3;
	}
	assert_seen(p, LONGEST, sees, 3);
	place(&p[LONGEST].at, "v0");
	refused(&p[LONGEST].at, -E2BIG, "v0 has 32 XDP programs in a row already");
	for (unsigned k = 0; k <= LONGEST; k++)
		unload(&p[k]);
}

/* A program that calls no other can be the last, and nothing else. */
static void test_without_next(void **state)
{
	struct probe p[3] = {0};

	(void)state;
	load(&p[0], "count_xdp", 0);
	load(&p[1], "alone_xdp", 1);
	load(&p[2], "count_xdp", 2);
	attach(&p[1]);
	place(&p[2].at, "v0");
	refused(&p[2].at, -EOPNOTSUPP, "other XDP programs can't follow probe1");
	attach(&p[0]);
	SEEN(p, 5, 5, 5, 0);
	ti_detach(&p[1].at);
	attach(&p[2]);
	refused(&p[1].at, -EOPNOTSUPP, "other XDP programs can't follow probe1");
	SEEN(p, 5, 5, 0, 5);
	for (unsigned k = 0; k < 3; k++)
		unload(&p[k]);
}

/* Interfaces whose numbers are one modulo TI_XDP_SLOTS share an entry. */
static void test_same_entry(void **state)
{
	struct probe p[2] = {0};
	struct ti_attachment twins[2], third;

	(void)state;
	assert_int_equal(run("ip link add w0 index 100 type veth peer name x0 && "
			     "ip link add w1 index 4196 type veth peer name x1 && "
			     "ip link add w2 index 101 type veth peer name x2"),
			 0);
	load(&p[0], "count_xdp", 0);
	load(&p[1], "count_xdp", 1);
	twins[0] = third = p[0].at;
	twins[1] = p[1].at;
	place(&p[0].at, "w0");
	place(&p[1].at, "w0");
	place(&twins[0], "w1");
	place(&twins[1], "w1");
	place(&third, "w2");

	/* Alone at both: the entry stays empty. Nobody can follow then. */
	assert_int_equal(ti_attach(&p[0].at), 0);
	assert_int_equal(ti_attach(&twins[0]), 0);
	assert_int_equal(ti_attach(&third), 0);
	refused(&p[1].at, -EBUSY,
		"w0: in chains at XDP probe0 can't tell its number, 100, from that of w1, 4196");
	refused(&twins[1], -EBUSY,
		"w1: in chains at XDP probe0 can't tell its number, 4196, from that of w0, 100");
	assert_int_equal(entries(&p[0]), 0);

	/* Followed at one: not at the other, whether it would be followed or not. */
	ti_detach(&twins[0]);
	assert_int_equal(ti_attach(&p[1].at), 0);
	refused(&twins[0], -EBUSY, "from that of w0, 100");
	assert_int_equal(ti_attach(&twins[1]), 0);
	refused(&twins[0], -EBUSY, "from that of w0, 100");
	assert_int_equal(entries(&p[0]), 1);
	ti_detach(&twins[1]);
	ti_detach(&third);
	unload(&p[0]);
	unload(&p[1]);
}

/* --- the end of things --------------------------------------------------- */

static void test_interface_vanishes(void **state)
{
	struct probe p[3] = {0};

	(void)state;
	for (unsigned k = 0; k < 3; k++)
		load(&p[k], "count_xdp", k);
	attach(&p[1]);
	attach(&p[2]);
	place(&p[0].at, "v0");
	assert_int_equal(run("ip link del v0"), 0);
	refused(&p[0].at, -ENODEV, "no such interface");
	for (unsigned k = 1; k < 3; k++)
		ti_detach(&p[k].at);
	for (unsigned k = 0; k < 3; k++)
		assert_int_equal(entries(&p[k]), 0);
	refused(&p[0].at, -ENODEV, "no such interface");
	assert_int_equal(setup(state), 0);
	for (unsigned k = 0; k < 3; k++)
		attach(&p[k]);
	SEEN(p, 5, 5, 5, 5);
	for (unsigned k = 0; k < 3; k++)
		unload(&p[k]);
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_leave_and_return, setup),
		cmocka_unit_test_setup(test_mode, setup),
		cmocka_unit_test_setup(test_under_load, setup),
		cmocka_unit_test_setup(test_longest, setup),
		cmocka_unit_test_setup(test_without_next, setup),
		cmocka_unit_test_setup(test_same_entry, setup),
		cmocka_unit_test_setup(test_interface_vanishes, setup),
	};
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &all); /* where it still counts */
	libbpf_set_print(quiet);
	if (unshare(CLONE_NEWNET) < 0) {
		fprintf(stderr, "skipped: no network namespace of one's own: %s\n",
			strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests_name("xdp chain", tests, NULL, NULL);
}
