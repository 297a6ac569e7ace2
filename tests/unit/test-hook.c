/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real programs attached to real interfaces in a network namespace of this
 * process; packets are frames of an EtherType of their own, so that counts are
 * exact. A killed tcpinspect is a killed child.
 */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/filter.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
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
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <tcpinspect/plugin.h>
#include "hook.h"
#include "test-hook.h"

TI_BPF_OBJECT(test_hook_bpf, "test-hook.bpf.o");

#define TC_PROGRAM "count_tc_with_a_long_name"

/* Where a plugin called "probe" has its filter: FNV-1a of that, with the top bit. */
#define PRIORITY 7
#define HANDLE	 0xfde2adb1u

static int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command) - 32, fmt, ap);
	va_end(ap);
	strcat(command, " >/dev/null 2>&1");
	return system(command);
}

/* One program of the object, loaded, and what it counts. */
struct loaded {
	struct bpf_object *obj;
	struct bpf_program *prog;
	volatile struct counts *counts;
};

static struct loaded load(const char *name)
{
	struct loaded l = {0};
	struct bpf_program *p;

	l.obj = bpf_object__open_mem(test_hook_bpf, test_hook_bpf_end - test_hook_bpf, NULL);
	assert_non_null(l.obj);
	bpf_object__for_each_program(p, l.obj)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), name));
	l.prog = bpf_object__find_program_by_name(l.obj, name);
	assert_non_null(l.prog);
	assert_int_equal(bpf_object__load(l.obj), 0);
	l.counts = mmap(NULL, sizeof(*l.counts), PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_object__find_map_fd_by_name(l.obj, ".bss"), 0);
	assert_ptr_not_equal(l.counts, MAP_FAILED);
	return l;
}

static void unload(struct loaded *l)
{
	munmap((void *)l->counts, sizeof(*l->counts));
	bpf_object__close(l->obj);
}

static __u32 program_id(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len), 0);
	return info.id;
}

/* The attachment of a packet program to an interface. */
static struct ti_attachment at(const struct loaded *l, const char *plugin, const char *ifname)
{
	struct ti_attachment a;

	ti_attachment_init(&a);
	a.hook = ti_hook_by_section(bpf_program__section_name(l->prog), &a.target);
	assert_non_null(a.hook);
	a.prog = l->prog;
	a.plugin = plugin;
	a.ifindex = if_nametoindex(ifname);
	assert_int_not_equal(a.ifindex, 0);
	snprintf(a.ifname, sizeof(a.ifname), "%s", ifname);
	return a;
}

static void attach(struct ti_attachment *a)
{
	int r = ti_attach(a);

	if (r < 0)
		print_message("%s\n", a->why);
	assert_int_equal(r, 0);
	assert_true(a->attached);
}

static void refused(struct ti_attachment *a, int r, const char *why)
{
	assert_int_equal(ti_attach(a), r);
	assert_false(a->attached);
	assert_int_equal(a->fd, -1);
	assert_int_equal(a->lock_fd, -1);
	assert_null(a->link);
	if (!strstr(a->why, why))
		fail_msg("'%s' does not say '%s'", a->why, why);
}

/* Send frames out of an interface. They arrive before this returns, or soon after. */
static void transmit(const char *ifname, int n)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(TEST_ETHERTYPE),
				 .sll_ifindex = if_nametoindex(ifname)};
	unsigned char frame[64] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,
				   0,	 0,    0,    0,	   1,	 0x88, 0xb5};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	for (int k = 0; k < n; k++)
		assert_int_equal(sendto(fd, frame, sizeof(frame), 0, (void *)&to, sizeof(to)),
				 sizeof(frame));
	close(fd);
}

/* Wait until *what is n, and then whether it stays. */
static void assert_counted(volatile __u64 *what, __u64 n)
{
	for (int k = 0; k < 1000 && *what < n; k++)
		usleep(1000);
	usleep(2000);
	assert_int_equal(*what, n);
}

static __u32 xdp_id(const char *ifname)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	assert_int_equal(bpf_xdp_query(if_nametoindex(ifname), 0, &q), 0);
	return q.prog_id;
}

static bool has_qdisc(const char *ifname, const char *kind)
{
	return run("tc qdisc show dev %s | grep -q 'qdisc %s '", ifname, kind) == 0;
}

/* Filters of anybody, by tc's own count. */
static int filters(const char *ifname, const char *where)
{
	char command[128];
	FILE *f;
	int n = 0;

	snprintf(command, sizeof(command), "tc filter show dev %s %s 2>/dev/null | grep -c handle",
		 ifname, where);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

/* A pair v0, v1 in a fresh namespace. */
static int setup(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) < 0 || run("ip link add v0 type veth peer name v1") ||
	    run("ip link set v0 up") || run("ip link set v1 up") || run("ip link set lo up"))
		return -1;
	return 0;
}

/* Another tcpinspect: attaches a program, stays until it is killed. */
struct other {
	pid_t pid;
	__u32 prog_id;
	int r; /* of its ti_attach */
};

static struct other start_other(const char *program, const char *plugin, const char *ifname,
				const char *target)
{
	struct other o = {0};
	int report[2];

	assert_int_equal(pipe(report), 0);
	o.pid = fork();
	if (o.pid == 0) {
		struct loaded l = load(program);
		struct ti_attachment a = at(&l, plugin, ifname), out;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!a.hook->per_interface)
			a.target = target;
		out = a;
		out.egress = true;
		o.r = ti_attach(&a);
		if (o.r == 0 && a.hook == &ti_hook_tc)
			o.r = ti_attach(&out);
		o.prog_id = program_id(l.prog);
		if (write(report[1], &o, sizeof(o)) == sizeof(o))
			pause();
		_exit(1);
	}
	pid_t pid = o.pid;

	assert_int_equal(read(report[0], &o, sizeof(o)), sizeof(o));
	o.pid = pid;
	close(report[0]);
	close(report[1]);
	assert_int_equal(o.r, 0);
	return o;
}

static void kill_other(struct other *o)
{
	assert_int_equal(kill(o->pid, SIGKILL), 0);
	assert_int_equal(waitpid(o->pid, NULL, 0), o->pid);
}

/* Does the kernel still hold the program? It lets go of one a moment later. */
static bool program_lives(__u32 id)
{
	for (int k = 0; k < 300; k++) {
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			return false;
		close(fd);
		usleep(10000);
	}
	return true;
}

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

/* --- tracepoints --------------------------------------------------------- */

/* Two changes of state: CLOSE to LISTEN and back. */
static void listen_once(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(listen(fd, 1), 0);
	close(fd);
}

static void tracepoint(const char *program, const char *target)
{
	struct loaded l = load(program);
	struct ti_attachment a;
	char why[192] = "";

	ti_attachment_init(&a);
	a.hook = ti_hook_by_section(bpf_program__section_name(l.prog), &a.target);
	assert_non_null(a.hook);
	assert_string_equal(a.target, target);
	a.prog = l.prog;
	a.plugin = "probe";
	assert_int_equal(a.hook->available(target, why, sizeof(why)), 0);
	assert_string_equal(why, "");
	l.counts->tgid = getpid();
	listen_once();
	attach(&a);
	listen_once();
	assert_counted(&l.counts->tracepoint, 2);
	ti_detach(&a);
	listen_once();
	assert_counted(&l.counts->tracepoint, 2);
	unload(&l);

	assert_int_equal(a.hook->available("sock/no_such_thing", why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "no tracepoint sock/no_such_thing"));
}

static void test_tp(void **state)
{
	char why[192];

	(void)state;
	tracepoint("count_tp", "sock/inet_sock_set_state");
	assert_int_equal(ti_hook_tp.available("inet_sock_set_state", why, sizeof(why)), -EINVAL);
}

static void test_raw_tp(void **state)
{
	(void)state;
	tracepoint("count_raw_tp", "inet_sock_set_state");
}

static void test_tp_btf(void **state)
{
	(void)state;
	tracepoint("count_tp_btf", "inet_sock_set_state");
}

static void test_tp_without_tracefs(void **state)
{
	struct loaded l = load("count_tp");
	struct ti_attachment a;
	char why[192];

	(void)state;
	if (access("/sys/kernel/debug/tracing", F_OK) == 0)
		assert_int_equal(mount("none", "/sys/kernel/debug/tracing", "tmpfs", 0, NULL), 0);
	assert_int_equal(mount("none", "/sys/kernel/tracing", "tmpfs", 0, NULL), 0);
	assert_int_equal(ti_hook_tp.available("sock/inet_sock_set_state", why, sizeof(why)),
			 -ENOENT);
	assert_non_null(strstr(why, "mount -t tracefs tracefs /sys/kernel/tracing"));
	ti_attachment_init(&a);
	a.hook = &ti_hook_tp;
	a.prog = l.prog;
	a.target = "sock/inet_sock_set_state";
	refused(&a, -ENOENT, "mount -t tracefs");
	umount("/sys/kernel/debug/tracing");
	assert_int_equal(umount("/sys/kernel/tracing"), 0);
	unload(&l);
}

/* --- functions ----------------------------------------------------------- */

static void says(const struct ti_hook *hook, const char *target, int r, const char *what)
{
	char why[192] = "";

	assert_int_equal(hook->available(target, why, sizeof(why)), r);
	if (!strstr(why, what))
		fail_msg("'%s' does not say '%s'", why, what);
}

static void test_kernel_params(void **state)
{
	(void)state;
	assert_int_equal(ti_kernel_params("tcp_v4_rcv"), 1);
	assert_int_equal(ti_kernel_params("tcp_connect"), 1);
	assert_int_equal(ti_kernel_params("tcp_sendmsg"), 3);
	assert_int_equal(ti_kernel_params("ti_no_such_function"), -ENOENT);
	assert_int_equal(ti_kernel_params("sock"), -ENOENT); /* a struct */
}

/* Whether fentry is refused shows at load only. */
static void test_function_available(void **state)
{
	(void)state;
	says(&ti_hook_fentry, "tcp_v4_rcv", 0, "");
	says(&ti_hook_fexit, "tcp_v4_rcv", 0, "");
	says(&ti_hook_fentry, "ti_no_such_function", -ENOENT,
	     "this kernel has no function ti_no_such_function");
	if (access("/sys/bus/event_source/devices/kprobe", F_OK) < 0) {
		says(&ti_hook_kprobe, "tcp_v4_rcv", -EOPNOTSUPP, "CONFIG_KPROBE_EVENTS");
		says(&ti_hook_kretprobe, "tcp_v4_rcv", -EOPNOTSUPP, "CONFIG_KPROBE_EVENTS");
		return;
	}
	says(&ti_hook_kprobe, "tcp_v4_rcv", 0, "");
	says(&ti_hook_kretprobe, "ti_no_such_function", -ENOENT,
	     "this kernel has no function ti_no_such_function");
}

volatile int called_at_all;
__attribute__((noinline)) void ti_test_function(void);
void ti_test_function(void)
{
	called_at_all++;
}

/* A process that calls the function n times for each n that it is sent. */
struct caller {
	pid_t pid;
	int to, from;
};

static struct caller start_caller(void)
{
	struct caller c;
	int to[2], from[2];
	char n;

	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	c = (struct caller){.pid = fork(), .to = to[1], .from = from[0]};
	if (c.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (read(to[0], &n, 1) == 1) {
			for (int k = 0; k < n; k++)
				ti_test_function();
			if (write(from[1], &n, 1) != 1)
				break;
		}
		_exit(0);
	}
	close(to[0]);
	close(from[1]);
	return c;
}

static void call(struct caller *c, char n)
{
	assert_int_equal(write(c->to, &n, 1), 1);
	assert_int_equal(read(c->from, &n, 1), 1);
}

static void end_caller(struct caller *c)
{
	close(c->to);
	close(c->from);
	kill(c->pid, SIGKILL);
	assert_int_equal(waitpid(c->pid, NULL, 0), c->pid);
}

static void uprobe(const struct ti_hook *hook, const char *program, size_t counter)
{
	struct loaded l = load(program);
	volatile __u64 *counted = (volatile __u64 *)((volatile char *)l.counts + counter);
	struct caller one = start_caller(), other = start_caller();
	char target[PATH_MAX + 32] = "";
	struct ti_attachment a;

	assert_true(readlink("/proc/self/exe", target, PATH_MAX) > 0);
	strcat(target, ":ti_test_function");
	ti_attachment_init(&a);
	a.hook = hook;
	a.prog = l.prog;
	a.plugin = "probe";
	a.target = target;
	says(hook, target, 0, "");
	call(&one, 1);
	attach(&a);
	call(&one, 3);
	call(&other, 5);
	ti_test_function();
	assert_int_equal(*counted, 9);
	ti_detach(&a);
	call(&one, 1);
	assert_int_equal(*counted, 9);

	a.pid = one.pid; /* of this process only */
	attach(&a);
	call(&one, 3);
	call(&other, 5);
	ti_test_function();
	assert_int_equal(*counted, 12);
	ti_detach(&a);
	end_caller(&one);
	refused(&a, -ESRCH, "there is no process");
	end_caller(&other);
	unload(&l);
}

static void test_uprobe(void **state)
{
	(void)state;
	uprobe(&ti_hook_uprobe, "count_uprobe", offsetof(struct counts, called));
}

static void test_uretprobe(void **state)
{
	(void)state;
	uprobe(&ti_hook_uretprobe, "count_uretprobe", offsetof(struct counts, returned));
}

static void test_uprobe_available(void **state)
{
	(void)state;
	says(&ti_hook_uprobe, "libc.so.6:getaddrinfo", 0, "");
	says(&ti_hook_uprobe, "sh:ti_no_such_function", -ENOENT, "/sh has no function");
	says(&ti_hook_uprobe, "libc.so.6:ti_no_such_function", -ENOENT,
	     "/libc.so.6 has no function ti_no_such_function");
	says(&ti_hook_uprobe, "libnosuch.so.1:f", -ENOENT, "libnosuch.so.1: no such file");
	says(&ti_hook_uprobe, "/no/such:f", -ENOENT, "binary = PATH");
	says(&ti_hook_uretprobe, "/etc/passwd:f", -ENOEXEC, "no ELF file");
	says(&ti_hook_uretprobe, "/proc/version:f", -ENOEXEC, "no ELF file");
	says(&ti_hook_uprobe, "getaddrinfo", -EINVAL, "FILE:FUNCTION");
	says(&ti_hook_uprobe, "libc.so.6:", -EINVAL, "FILE:FUNCTION");
	says(&ti_hook_uprobe, ":getaddrinfo", -EINVAL, "FILE:FUNCTION");
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

static void test_interface_vanishes_under_a_filter(void **state)
{
	(void)state;
	vanishes_under(TC_PROGRAM);
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static int prepare(void)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	setrlimit(RLIMIT_MEMLOCK, &all); /* where it still counts */
	libbpf_set_print(quiet);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	if (access("/sys/kernel/tracing/events", F_OK) < 0)
		mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL);
	return 0;
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
		cmocka_unit_test_setup(test_interface_vanishes_under_a_filter, setup),
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_empty_state),
		cmocka_unit_test(test_packet_hooks_are_available),
		cmocka_unit_test_setup(test_xdp, setup),
		cmocka_unit_test_setup(test_xdp_generic, setup),
		cmocka_unit_test_setup(test_xdp_foreign, setup),
		cmocka_unit_test_setup(test_tcx, setup),
		cmocka_unit_test_setup(test_tcx_egress, setup),
		cmocka_unit_test_setup(test_tcx_foreign, setup),
		cmocka_unit_test_setup(test_tcx_is_locked, setup),
		cmocka_unit_test_setup(test_tcx_sweeps_filters, setup),
		cmocka_unit_test_setup(test_socket, setup),
		cmocka_unit_test(test_tp),
		cmocka_unit_test(test_raw_tp),
		cmocka_unit_test(test_tp_btf),
		cmocka_unit_test(test_tp_without_tracefs),
		cmocka_unit_test(test_kernel_params),
		cmocka_unit_test(test_function_available),
		cmocka_unit_test(test_uprobe),
		cmocka_unit_test(test_uretprobe),
		cmocka_unit_test(test_uprobe_available),
		cmocka_unit_test_setup(test_killed_leaves_nothing, setup),
		cmocka_unit_test_setup(test_interface_vanishes, setup),
	};
	int r = prepare();

	if (r < 0) {
		fprintf(stderr, "skipped: no network namespace of one's own: %s\n", strerror(-r));
		return 77;
	}
	if (without_tcx())
		return 1;
	return cmocka_run_group_tests_name("hook", tests, NULL, NULL);
}
