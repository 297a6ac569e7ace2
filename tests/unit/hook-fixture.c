/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE 1
#include "hook-fixture.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
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
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <tcpinspect/plugin.h>

TI_BPF_OBJECT(test_hook_bpf, "hook-fixture.bpf.o");

int run(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command) - 32, fmt, ap);
	va_end(ap);
	strcat(command, " >/dev/null 2>&1");
	return system(command);
}

struct loaded load(const char *name)
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

void unload(struct loaded *l)
{
	munmap((void *)l->counts, sizeof(*l->counts));
	bpf_object__close(l->obj);
}

__u32 program_id(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len), 0);
	return info.id;
}

struct ti_attachment at(const struct loaded *l, const char *plugin, const char *ifname)
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

void attach(struct ti_attachment *a)
{
	int r = ti_attach(a);

	if (r < 0)
		print_message("%s\n", a->why);
	assert_int_equal(r, 0);
	assert_true(a->attached);
}

void refused(struct ti_attachment *a, int r, const char *why)
{
	assert_int_equal(ti_attach(a), r);
	assert_false(a->attached);
	assert_int_equal(a->fd, -1);
	assert_int_equal(a->lock_fd, -1);
	assert_null(a->link);
	if (!strstr(a->why, why))
		fail_msg("'%s' does not say '%s'", a->why, why);
}

void transmit(const char *ifname, int n)
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

void assert_counted(volatile __u64 *what, __u64 n)
{
	for (int k = 0; k < 1000 && *what < n; k++)
		usleep(1000);
	usleep(2000);
	assert_int_equal(*what, n);
}

__u32 xdp_id(const char *ifname)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	assert_int_equal(bpf_xdp_query(if_nametoindex(ifname), 0, &q), 0);
	return q.prog_id;
}

bool has_qdisc(const char *ifname, const char *kind)
{
	return run("tc qdisc show dev %s | grep -q 'qdisc %s '", ifname, kind) == 0;
}

int filters(const char *ifname, const char *where)
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

int setup(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) < 0 || run("ip link add v0 type veth peer name v1") ||
	    run("ip link set v0 up") || run("ip link set v1 up") || run("ip link set lo up"))
		return -1;
	return 0;
}

struct other start_other(const char *program, const char *plugin, const char *ifname,
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

void kill_other(struct other *o)
{
	assert_int_equal(kill(o->pid, SIGKILL), 0);
	assert_int_equal(waitpid(o->pid, NULL, 0), o->pid);
}

bool program_lives(__u32 id)
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

int hook_tests(int (*tests)(void))
{
	int r = prepare();

	if (r < 0) {
		fprintf(stderr, "skipped: no network namespace of one's own: %s\n", strerror(-r));
		return 77;
	}
	return tests();
}
