/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of hooks, XDP, socket filters, and what happens at the end of things. */
#define _GNU_SOURCE 1
#include "hook-fixture.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

/* --- the table ----------------------------------------------------------- */

static void test_table(void **state)
{
	const char *target = "untouched";

	(void)state;
	for (size_t k = 0; ti_hooks[k]; k++)
		assert_ptr_equal(ti_hook_by_name(ti_hooks[k]->name), ti_hooks[k]);
	assert_null(ti_hook_by_name("kprob"));
	assert_ptr_equal(ti_hook_by_section("xdp", &target), &ti_hook_xdp);
	assert_ptr_equal(ti_hook_by_section("tc", &target), &ti_hook_tc);
	assert_ptr_equal(ti_hook_by_section("socket", &target), &ti_hook_socket);
	assert_ptr_equal(ti_hook_by_section("tp/sock/inet_sock_set_state", &target), &ti_hook_tp);
	assert_ptr_equal(ti_hook_by_section("raw_tp/tcp_probe", &target), &ti_hook_raw_tp);
	assert_ptr_equal(ti_hook_by_section("tp_btf/tcp_probe", &target), &ti_hook_tp_btf);
	assert_string_equal(target, "tcp_probe");
	assert_ptr_equal(ti_hook_by_section("kprobe/tcp_v4_rcv", &target), &ti_hook_kprobe);
	assert_ptr_equal(ti_hook_by_section("kretprobe/tcp_v4_rcv", &target), &ti_hook_kretprobe);
	assert_ptr_equal(ti_hook_by_section("fentry/tcp_v4_rcv", &target), &ti_hook_fentry);
	assert_ptr_equal(ti_hook_by_section("fexit/tcp_v4_rcv", &target), &ti_hook_fexit);
	assert_ptr_equal(ti_hook_by_section("uprobe//bin/sh:main", &target), &ti_hook_uprobe);
	assert_string_equal(target, "/bin/sh:main");
	assert_ptr_equal(ti_hook_by_section("uretprobe/libc.so.6:labs", &target), &ti_hook_uretprobe);
	assert_ptr_equal(ti_hook_by_section("tc/egress", &target), &ti_hook_tc);
	assert_string_equal(target, "egress");
	assert_ptr_equal(ti_hook_by_section("socket/egress", &target), &ti_hook_socket);
	assert_null(ti_hook_by_section("kprobe", &target));
	assert_null(ti_hook_by_section("kprobe.multi/tcp_*", &target));
	assert_null(ti_hook_by_section("tc/ingress", &target));
	assert_null(ti_hook_by_section("xdp/egress", &target));
	assert_null(ti_hook_by_section("tp", &target));
	assert_null(ti_hook_by_section("tp/", &target));
	assert_null(ti_hook_by_section("tcx", &target));
	assert_null(ti_hook_by_section("xdp/devmap", &target));
	assert_null(ti_hook_by_section("", &target));
}

static void test_empty_state(void **state)
{
	struct ti_attachment a;

	(void)state;
	ti_attachment_init(&a);
	ti_detach(&a);
	ti_detach(&a);
	assert_int_equal(a.fd, -1);
}

static void test_packet_hooks_are_available(void **state)
{
	char why[192];

	(void)state;
	assert_int_equal(ti_hook_xdp.available("", why, sizeof(why)), 0);
	assert_int_equal(ti_hook_tc.available("", why, sizeof(why)), 0);
	assert_int_equal(ti_hook_socket.available("", why, sizeof(why)), 0);
}

/* --- xdp ----------------------------------------------------------------- */

static void test_xdp(void **state)
{
	struct loaded l = load("count_xdp");
	struct ti_attachment a = at(&l, "probe", "v0"), second = at(&l, "probe", "v0");

	(void)state;
	attach(&a);
	assert_string_equal(a.mode, "native");
	assert_string_equal(a.why, "");
	transmit("v1", 5);
	assert_counted(&l.counts->xdp, 5);
	refused(&second, -EOPNOTSUPP, "built without TI_XDP_NEXT"); /* test-xdp-chain has those with */
	assert_int_equal(ti_attach(&a), -EALREADY);
	assert_int_equal(xdp_id("v0"), program_id(l.prog));
	ti_detach(&a);
	ti_detach(&a);
	assert_int_equal(xdp_id("v0"), 0);
	transmit("v1", 5);
	assert_counted(&l.counts->xdp, 5);

	attach(&a); /* and again */
	transmit("v1", 1);
	assert_counted(&l.counts->xdp, 6);
	ti_detach(&a);
	unload(&l);
}

/* A bridge has no driver for it. */
static void test_xdp_generic(void **state)
{
	struct loaded l = load("count_xdp");
	struct ti_attachment a;

	(void)state;
	assert_int_equal(run("ip link add br0 type bridge && ip link set br0 up && "
			     "ip link set v0 master br0"),
			 0);
	a = at(&l, "probe", "br0");
	attach(&a);
	assert_string_equal(a.mode, "generic");
	assert_non_null(strstr(a.why, "native"));
	ti_detach(&a);
	a = at(&l, "probe", "lo");
	attach(&a);
	assert_string_equal(a.mode, "generic");
	transmit("lo", 3);
	assert_counted(&l.counts->xdp, 3);
	ti_detach(&a);
	assert_int_equal(xdp_id("lo"), 0);
	unload(&l);
}

static void test_xdp_foreign(void **state)
{
	static const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	static const int flags[] = {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "firewall", "GPL", pass, 2, NULL);
	struct loaded l = load("count_xdp");
	struct ti_attachment a = at(&l, "probe", "v0");
	char why[64];

	(void)state;
	assert_true(fd >= 0);
	for (int k = 0; k < 2; k++) {
		__u32 id;

		assert_int_equal(bpf_xdp_attach(a.ifindex, fd, flags[k], NULL), 0);
		id = xdp_id("v0");
		snprintf(why, sizeof(why), "v0 has XDP program 'firewall' (id %u) already", id);
		refused(&a, -EBUSY, why);
		assert_non_null(strstr(a.why, "hook = tc"));
		assert_int_equal(xdp_id("v0"), id);
		assert_int_equal(bpf_xdp_detach(a.ifindex, flags[k], NULL), 0);
	}
	close(fd);
	unload(&l);
}

/* --- socket -------------------------------------------------------------- */

static void test_socket(void **state)
{
	struct loaded l = load("count_socket");
	struct ti_attachment a = at(&l, "probe", "v0");
	struct tpacket_stats st;
	socklen_t len = sizeof(st);

	(void)state;
	attach(&a);
	transmit("v1", 5);
	transmit("v0", 3);
	assert_counted(&l.counts->socket, 5);
	assert_counted(&l.counts->outgoing, 0);
	assert_int_equal(getsockopt(a.fd, SOL_PACKET, PACKET_STATISTICS, &st, &len), 0);
	assert_int_equal(st.tp_packets, 0); /* nothing was queued */
	ti_detach(&a);
	transmit("v1", 5);
	assert_counted(&l.counts->socket, 5);

	a.egress = true;
	attach(&a);
	transmit("v1", 1);
	transmit("v0", 3);
	assert_counted(&l.counts->outgoing, 3);
	assert_counted(&l.counts->socket, 6);
	ti_detach(&a);
	unload(&l);
}

/* --- the end of things --------------------------------------------------- */

static void test_killed_leaves_nothing(void **state)
{
	static const char *const programs[][2] = {
		{"count_xdp", NULL},
		{"count_socket", NULL},
		{"count_tp", "sock/inet_sock_set_state"},
		{"count_raw_tp", "inet_sock_set_state"},
		{"count_tp_btf", "inet_sock_set_state"},
	};

	(void)state;
	for (size_t k = 0; k < sizeof(programs) / sizeof(programs[0]); k++) {
		struct other o = start_other(programs[k][0], "probe", "v0", programs[k][1]);

		kill_other(&o);
		assert_int_equal(xdp_id("v0"), 0);
		if (program_lives(o.prog_id))
			fail_msg("%s outlives its process", programs[k][0]);
	}
}

static void vanishes_under(const char *program)
{
	struct loaded l = load(program);
	struct ti_attachment a = at(&l, "probe", "v0"), late = a;

	attach(&a);
	assert_int_equal(run("ip link del v0"), 0);
	ti_detach(&a);
	refused(&late, -ENODEV, "no such interface");
	unload(&l);
}

static void test_interface_vanishes(void **state)
{
	static const char *const programs[] = {"count_xdp", TC_PROGRAM, "count_socket"};

	for (size_t k = 0; k < sizeof(programs) / sizeof(programs[0]); k++) {
		vanishes_under(programs[k]);
		assert_int_equal(setup(state), 0);
	}
}

static int tests_of_hooks(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_empty_state),
		cmocka_unit_test(test_packet_hooks_are_available),
		cmocka_unit_test_setup(test_xdp, setup),
		cmocka_unit_test_setup(test_xdp_generic, setup),
		cmocka_unit_test_setup(test_xdp_foreign, setup),
		cmocka_unit_test_setup(test_socket, setup),
		cmocka_unit_test_setup(test_killed_leaves_nothing, setup),
		cmocka_unit_test_setup(test_interface_vanishes, setup),
	};

	return cmocka_run_group_tests_name("hook", tests, NULL, NULL);
}

int main(void)
{
	return hook_tests(tests_of_hooks);
}
