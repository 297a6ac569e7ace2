/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tc: links of tcx, and filters, which outlive a killed tcpinspect. */
#define _GNU_SOURCE 1
#include "hook-fixture.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* Where a plugin called "probe" has its filter: FNV-1a of that, with the top bit. */
#define PRIORITY 7
#define HANDLE	 0xfde2adb1u

/* --- tc: links ----------------------------------------------------------- */

/* linux/bpf.h since 6.6. */
#define TCX_INGRESS 46
#define TCX_EGRESS  47

/* Programs in a chain of tcx; -1: the kernel has none. The first one's number. */
static int tcx_programs(const char *ifname, int chain, __u32 *first)
{
	__u32 ids[8] = {0}, n = 8;

	if (bpf_prog_query(if_nametoindex(ifname), chain, 0, NULL, ids, &n) < 0)
		return errno == ENOENT ? 0 : -1;
	if (first)
		*first = ids[0];
	return n;
}

static void need_tcx(void)
{
	if (tcx_programs("v0", TCX_INGRESS, NULL) < 0)
		skip();
}

static void test_tcx(void **state)
{
	struct loaded l = load(TC_PROGRAM);
	struct ti_attachment a = at(&l, "probe", "v0");

	(void)state;
	need_tcx();
	attach(&a);
	assert_string_equal(a.mode, "tcx");
	assert_string_equal(a.why, "");
	transmit("v1", 5);
	transmit("v0", 3); /* out of it: not asked for */
	assert_counted(&l.counts->tc, 5);
	assert_int_equal(tcx_programs("v0", TCX_INGRESS, NULL), 1);
	assert_int_equal(tcx_programs("v0", TCX_EGRESS, NULL), 0);
	assert_false(has_qdisc("v0", "clsact"));
	ti_detach(&a);
	ti_detach(&a);
	assert_int_equal(tcx_programs("v0", TCX_INGRESS, NULL), 0);
	transmit("v1", 5);
	assert_counted(&l.counts->tc, 5);
	unload(&l);
}

static void test_tcx_egress(void **state)
{
	struct loaded l = load(TC_PROGRAM);
	struct ti_attachment in = at(&l, "probe", "v0"), out = in;

	(void)state;
	need_tcx();
	out.egress = true;
	attach(&out);
	transmit("v1", 5);
	transmit("v0", 3);
	assert_counted(&l.counts->tc, 3);
	attach(&in);
	transmit("v1", 5);
	transmit("v0", 3);
	assert_counted(&l.counts->tc, 11);
	assert_int_equal(tcx_programs("v0", TCX_INGRESS, NULL), 1);
	assert_int_equal(tcx_programs("v0", TCX_EGRESS, NULL), 1);
	ti_detach(&out);
	assert_int_equal(tcx_programs("v0", TCX_EGRESS, NULL), 0);
	transmit("v1", 1);
	assert_counted(&l.counts->tc, 12);
	ti_detach(&in);
	unload(&l);
}

/* Somebody's program that lets every packet pass, and so ends the chain; and
 * somebody's filter. Ours comes before them and keeps nothing from them. */
static void test_tcx_foreign(void **state)
{
	struct loaded l = load(TC_PROGRAM), pass = load("pass_tc"), filter = load(TC_PROGRAM);
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = PRIORITY - 1);
	struct ti_attachment a = at(&l, "probe", "v0");
	__u32 first = 0;
	int link;

	(void)state;
	need_tcx();
	hook.ifindex = a.ifindex;
	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	opts.prog_fd = bpf_program__fd(filter.prog);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	attach(&a);
	assert_string_equal(a.mode, "tcx");
	transmit("v1", 4);
	assert_counted(&l.counts->tc, 4);
	assert_counted(&filter.counts->tc, 4);

	ti_detach(&a);
	link = bpf_link_create(bpf_program__fd(pass.prog), a.ifindex, TCX_INGRESS, NULL);
	assert_true(link >= 0);
	attach(&a);
	assert_int_equal(tcx_programs("v0", TCX_INGRESS, &first), 2);
	assert_int_equal(first, program_id(l.prog));
	transmit("v1", 2);
	assert_counted(&l.counts->tc, 6);
	assert_counted(&pass.counts->tc, 2);
	assert_counted(&filter.counts->tc, 4); /* by that program's will */
	ti_detach(&a);
	assert_int_equal(tcx_programs("v0", TCX_INGRESS, &first), 1);
	assert_int_equal(first, program_id(pass.prog));
	close(link);
	assert_true(has_qdisc("v0", "clsact"));
	unload(&l);
	unload(&pass);
	unload(&filter);
}

/* The same plugin twice at an interface would report everything twice. */
static void test_tcx_is_locked(void **state)
{
	struct loaded l = load(TC_PROGRAM), m = load(TC_PROGRAM);
	struct ti_attachment a = at(&l, "probe", "v0"), b = at(&m, "second", "v0");
	struct other o;
	char why[64];

	(void)state;
	need_tcx();
	o = start_other(TC_PROGRAM, "probe", "v0", NULL);
	snprintf(why, sizeof(why), "process %d runs this plugin there", o.pid);
	refused(&a, -EALREADY, why);
	attach(&b); /* another plugin */
	assert_int_equal(tcx_programs("v0", TCX_INGRESS, NULL), 2);
	assert_int_equal(ti_hook_tc.sweep("probe", a.ifindex), 0);
	kill_other(&o);
	assert_false(program_lives(o.prog_id));
	assert_int_equal(tcx_programs("v0", TCX_INGRESS, NULL), 1);
	assert_int_equal(tcx_programs("v0", TCX_EGRESS, NULL), 0);
	attach(&a);
	transmit("v1", 3);
	assert_counted(&l.counts->tc, 3);
	assert_counted(&m.counts->tc, 3);
	ti_detach(&a);
	ti_detach(&b);
	unload(&l);
	unload(&m);
}

/* --- tc: filters --------------------------------------------------------- */

/*
 * From here on the kernel is one from before tcx, whatever it is: it says of
 * bpf(BPF_LINK_CREATE) what such a one says.
 */
static void forbid_links(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_bpf, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BPF_LINK_CREATE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = {sizeof(rules) / sizeof(rules[0]), rules};

	assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), 0);
}

static void test_tc(void **state)
{
	struct loaded l = load(TC_PROGRAM);
	struct ti_attachment a = at(&l, "probe", "v0"), out;

	(void)state;
	attach(&a);
	assert_string_equal(a.mode, "clsact");
	assert_string_equal(a.why, "");
	transmit("v1", 5);
	transmit("v0", 3); /* out of it: not asked for */
	assert_counted(&l.counts->tc, 5);
	assert_int_equal(filters("v0", "ingress"), 1);
	assert_int_equal(filters("v0", "egress"), 0);
	ti_detach(&a);
	ti_detach(&a);
	assert_false(has_qdisc("v0", "clsact")); /* it was ours */
	transmit("v1", 5);
	assert_counted(&l.counts->tc, 5);

	out = a;
	out.egress = true;
	attach(&out);
	transmit("v1", 5);
	transmit("v0", 3);
	assert_counted(&l.counts->tc, 8);
	attach(&a);
	assert_int_equal(filters("v0", "ingress"), 1);
	assert_int_equal(filters("v0", "egress"), 1);
	transmit("v1", 1);
	assert_counted(&l.counts->tc, 9);
	ti_detach(&out);
	assert_int_equal(filters("v0", "ingress"), 1);
	assert_int_equal(filters("v0", "egress"), 0);
	ti_detach(&a);
	assert_false(has_qdisc("v0", "clsact"));
	unload(&l);
}

/* Others at the same qdisc: they see the packets, too, and survive. */
static void test_tc_foreign_filters(void **state)
{
	struct loaded l = load(TC_PROGRAM), other = load(TC_PROGRAM);
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = PRIORITY + 1);
	struct ti_attachment a = at(&l, "probe", "v0");

	(void)state;
	attach(&a);
	hook.ifindex = a.ifindex;
	opts.prog_fd = bpf_program__fd(other.prog);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	transmit("v1", 5);
	assert_counted(&l.counts->tc, 5);
	assert_counted(&other.counts->tc, 5); /* ours said "unspecified", not "ok" */
	ti_detach(&a);
	assert_true(has_qdisc("v0", "clsact")); /* though we made it */
	assert_int_equal(filters("v0", "ingress"), 1);

	attach(&a);
	transmit("v1", 1);
	assert_counted(&l.counts->tc, 6);
	ti_detach(&a);
	assert_int_equal(run("tc qdisc del dev v0 clsact"), 0);

	/* Came while we were there, left before us. */
	attach(&a);
	opts.prog_fd = bpf_program__fd(other.prog);
	opts.flags = opts.prog_id = 0;
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	opts.flags = opts.prog_fd = opts.prog_id = 0;
	assert_int_equal(bpf_tc_detach(&hook, &opts), 0);
	ti_detach(&a);
	assert_false(has_qdisc("v0", "clsact")); /* the last one, and we made it */

	/* Of the other direction and another kind. */
	attach(&a);
	assert_int_equal(run("tc filter add dev v0 egress prio 3 protocol ip u32 match u32 0 0"),
			 0);
	ti_detach(&a);
	assert_true(has_qdisc("v0", "clsact"));
	assert_int_equal(run("tc filter show dev v0 egress | grep u32"), 0);
	unload(&l);
	unload(&other);
}

static void test_tc_keeps_a_qdisc_that_was_there(void **state)
{
	struct loaded l = load(TC_PROGRAM);
	struct ti_attachment a = at(&l, "probe", "v0");

	(void)state;
	assert_int_equal(run("tc qdisc add dev v0 clsact"), 0);
	attach(&a);
	ti_detach(&a);
	assert_true(has_qdisc("v0", "clsact"));
	unload(&l);
}

/* The first of them makes the qdisc and leaves first; the last one removes it. */
static void test_tc_several_plugins(void **state)
{
	struct loaded l = load(TC_PROGRAM), m = load(TC_PROGRAM);
	struct ti_attachment a = at(&l, "first", "v0"), b = at(&m, "second", "v0");
	struct ti_attachment same = at(&m, "first", "v0");

	(void)state;
	attach(&a);
	attach(&b);
	refused(&same, -EALREADY, "runs this plugin there");
	transmit("v1", 4);
	assert_counted(&l.counts->tc, 4);
	assert_counted(&m.counts->tc, 4);
	ti_detach(&a);
	assert_true(has_qdisc("v0", "clsact"));
	transmit("v1", 1);
	assert_counted(&m.counts->tc, 5);
	assert_counted(&l.counts->tc, 4);
	ti_detach(&b);
	assert_false(has_qdisc("v0", "clsact"));
	unload(&l);
	unload(&m);
}

/* An ingress qdisc is the older half of clsact. */
static void test_tc_ingress_qdisc(void **state)
{
	struct loaded l = load(TC_PROGRAM), stale = load(TC_PROGRAM);
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = PRIORITY);
	struct ti_attachment a = at(&l, "probe", "v0");

	(void)state;
	assert_int_equal(run("tc qdisc add dev v0 ingress"), 0);
	hook.ifindex = a.ifindex;
	opts.prog_fd = bpf_program__fd(stale.prog);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	attach(&a);
	assert_int_equal(filters("v0", "ingress"), 1);
	transmit("v1", 2);
	assert_counted(&l.counts->tc, 2);
	ti_detach(&a);
	assert_true(has_qdisc("v0", "ingress"));
	assert_int_equal(filters("v0", "ingress"), 0);
	a.egress = true;
	refused(&a, -EBUSY, "tc qdisc del dev v0 ingress");
	assert_true(has_qdisc("v0", "ingress"));
	unload(&l);
	unload(&stale);
}

static void test_tc_killed_then_swept(void **state)
{
	struct other o = start_other(TC_PROGRAM, "probe", "v0", NULL);
	unsigned v0 = if_nametoindex("v0");

	(void)state;
	assert_int_equal(ti_hook_tc.sweep("probe", v0), 0); /* it lives */
	assert_int_equal(filters("v0", "ingress"), 1);
	kill_other(&o);
	assert_int_equal(filters("v0", "ingress"), 1);
	assert_int_equal(filters("v0", "egress"), 1);
	assert_int_equal(ti_hook_tc.sweep("another", v0), 0);
	assert_int_equal(filters("v0", "ingress"), 1);
	assert_int_equal(ti_hook_tc.sweep("probe", v0), 2);
	assert_false(has_qdisc("v0", "clsact"));
	assert_int_equal(ti_hook_tc.sweep("probe", v0), 0);
	assert_false(program_lives(o.prog_id));
	assert_int_equal(ti_hook_tc.sweep("probe", 4711), 0); /* no such interface */
}

static void test_tc_killed_then_attached(void **state)
{
	struct other o = start_other(TC_PROGRAM, "probe", "v0", NULL);
	struct loaded l = load(TC_PROGRAM);
	struct ti_attachment a = at(&l, "probe", "v0");
	char why[64];

	(void)state;
	snprintf(why, sizeof(why), "process %d runs this plugin there", o.pid);
	refused(&a, -EALREADY, why);
	assert_int_equal(filters("v0", "ingress"), 1);
	kill_other(&o);
	attach(&a);
	assert_int_equal(filters("v0", "ingress"), 1);
	transmit("v1", 2);
	assert_counted(&l.counts->tc, 2);
	ti_detach(&a);
	assert_int_equal(filters("v0", "egress"), 1); /* stale still */
	a.egress = true;
	attach(&a);
	assert_int_equal(filters("v0", "egress"), 1);
	ti_detach(&a);
	assert_false(has_qdisc("v0", "clsact"));
	unload(&l);
}

/* Left behind by a tcpinspect that knew no links, or on its kernel. */
static void test_tcx_sweeps_filters(void **state)
{
	struct loaded l = load(TC_PROGRAM);
	struct ti_attachment a = at(&l, "probe", "v0");
	int status;
	pid_t pid;

	(void)state;
	need_tcx();
	pid = fork();
	if (pid == 0) {
		forbid_links();
		attach(&a);
		_exit(strcmp(a.mode, "clsact"));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(filters("v0", "ingress"), 1);
	assert_int_equal(ti_hook_tc.sweep("probe", a.ifindex), 1);
	assert_false(has_qdisc("v0", "clsact"));
	attach(&a);
	assert_string_equal(a.mode, "tcx");
	ti_detach(&a);
	unload(&l);
}

/* From inside a container, a holder outside of it has no process number. */
static void test_tc_lock_across_pid_namespaces(void **state)
{
	struct loaded l = load(TC_PROGRAM);
	struct ti_attachment a = at(&l, "probe", "v0");
	int status;
	pid_t pid;

	(void)state;
	attach(&a);
	pid = fork();
	if (pid == 0) {
		struct ti_attachment b = at(&l, "probe", "v0");

		if (unshare(CLONE_NEWPID) < 0)
			_exit(1);
		pid = fork();
		if (pid == 0)
			_exit(ti_attach(&b) != -EALREADY ||
			      ti_hook_tc.sweep("probe", b.ifindex) != 0);
		_exit(waitpid(pid, &status, 0) != pid || status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(filters("v0", "ingress"), 1);
	ti_detach(&a);
	unload(&l);
}

/* Any user may take the lock's name: it counts only as root's. */
static void test_tc_lock_of_a_stranger(void **state)
{
	struct loaded l = load(TC_PROGRAM);
	struct ti_attachment a = at(&l, "probe", "v0");
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int n = snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "tcpinspect/tc/%u/probe",
			 a.ifindex);
	int ready[2];
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c = setuid(65534) == 0 &&
		    bind(fd, (void *)&un, offsetof(struct sockaddr_un, sun_path) + 1 + n) == 0 &&
		    listen(fd, 1) == 0;
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 1);
	close(ready[0]);
	close(ready[1]);
	attach(&a);
	ti_detach(&a);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unload(&l);
}

/* The same interface number in another namespace is another interface. */
static void test_tc_lock_is_of_the_namespace(void **state)
{
	struct loaded l = load(TC_PROGRAM);
	struct other o;
	struct ti_attachment a;

	assert_int_equal(run("ip link set v0 down && ip link del v0 && "
			     "ip link add v0 index 90 type veth peer name v1"),
			 0);
	o = start_other(TC_PROGRAM, "probe", "v0", NULL);
	assert_int_equal(setup(state), 0);
	assert_int_equal(run("ip link del v0 && ip link add v0 index 90 type veth peer name v1"),
			 0);
	a = at(&l, "probe", "v0");
	attach(&a);
	ti_detach(&a);
	kill_other(&o);
	unload(&l);
}

/* At exactly our place, but by its name not one of ours. */
static void test_tc_foreign_at_our_place(void **state)
{
	struct loaded l = load(TC_PROGRAM), other = load("other_tc");
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = PRIORITY);
	struct ti_attachment a = at(&l, "probe", "v0");

	(void)state;
	hook.ifindex = a.ifindex;
	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	hook.attach_point = BPF_TC_INGRESS;
	opts.prog_fd = bpf_program__fd(other.prog);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	refused(&a, -EBUSY, "other_tc");
	assert_int_equal(filters("v0", "ingress"), 1);
	opts.flags = opts.prog_fd = opts.prog_id = 0;
	assert_int_equal(bpf_tc_detach(&hook, &opts), 0);
	attach(&a);

	/* Put in the place of ours while we run: not ours to remove. */
	assert_int_equal(bpf_tc_detach(&hook, &opts), 0);
	opts.prog_fd = bpf_program__fd(other.prog);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	ti_detach(&a);
	assert_int_equal(filters("v0", "ingress"), 1);
	unload(&l);
	unload(&other);
}

static void test_interface_vanishes(void **state)
{
	struct loaded l = load(TC_PROGRAM);
	struct ti_attachment a = at(&l, "probe", "v0"), late = a;

	(void)state;
	attach(&a);
	assert_int_equal(run("ip link del v0"), 0);
	ti_detach(&a);
	refused(&late, -ENODEV, "no such interface");
	unload(&l);
}

/* In a process of their own: it can't get its links back. */
static int without_tcx(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_tc, setup),
		cmocka_unit_test_setup(test_tc_foreign_filters, setup),
		cmocka_unit_test_setup(test_tc_keeps_a_qdisc_that_was_there, setup),
		cmocka_unit_test_setup(test_tc_several_plugins, setup),
		cmocka_unit_test_setup(test_tc_ingress_qdisc, setup),
		cmocka_unit_test_setup(test_tc_killed_then_swept, setup),
		cmocka_unit_test_setup(test_tc_killed_then_attached, setup),
		cmocka_unit_test_setup(test_tc_lock_across_pid_namespaces, setup),
		cmocka_unit_test_setup(test_tc_lock_of_a_stranger, setup),
		cmocka_unit_test_setup(test_tc_lock_is_of_the_namespace, setup),
		cmocka_unit_test_setup(test_tc_foreign_at_our_place, setup),
		cmocka_unit_test_setup(test_interface_vanishes, setup),
	};
	int status = 1;
	pid_t pid = fork();

	if (pid == 0) {
		forbid_links();
		exit(cmocka_run_group_tests_name("hook, without tcx", tests, NULL, NULL));
	}
	waitpid(pid, &status, 0);
	return status;
}

static int tests_of_tc(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_tcx, setup),
		cmocka_unit_test_setup(test_tcx_egress, setup),
		cmocka_unit_test_setup(test_tcx_foreign, setup),
		cmocka_unit_test_setup(test_tcx_is_locked, setup),
		cmocka_unit_test_setup(test_tcx_sweeps_filters, setup),
	};

	if (without_tcx())
		return 1;
	return cmocka_run_group_tests_name("hook-tc", tests, NULL, NULL);
}

int main(void)
{
	return hook_tests(tests_of_tc);
}
