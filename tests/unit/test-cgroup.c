/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup.c and hook_cgroup.c with real programs. For this process a cgroup of its
 * own is all that is mounted of the hierarchy, as in a container: so nobody else's
 * sockets count, and programs that tolerate no other do no harm.
 */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <tcpinspect/plugin.h>
#include "cgroup.h"
#include "hook.h"

TI_BPF_OBJECT(test_cgroup_bpf, "test-cgroup.bpf.o");

static char outside[512]; /* of our cgroup, in the hierarchy as the host mounts it */
static char inside[] = "/tmp/a cgroup.XXXXXX"; /* mount tables write spaces as \040 */

struct loaded {
	struct bpf_object *obj;
	struct ti_attachment at;
	volatile __u64 *counted;
};

static struct loaded load(const char *name, const char *hook, const char *target)
{
	struct loaded l = {0};
	struct bpf_program *p;

	l.obj = bpf_object__open_mem(test_cgroup_bpf, test_cgroup_bpf_end - test_cgroup_bpf, NULL);
	assert_non_null(l.obj);
	bpf_object__for_each_program(p, l.obj)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), name));
	assert_int_equal(bpf_object__load(l.obj), 0);
	ti_attachment_init(&l.at);
	l.at.prog = bpf_object__find_program_by_name(l.obj, name);
	l.at.hook = ti_hook_by_section(bpf_program__section_name(l.at.prog), &l.at.target);
	l.at.plugin = "probe";
	assert_string_equal(l.at.hook->name, hook);
	assert_string_equal(l.at.target, target);
	l.counted = mmap(NULL, sizeof(*l.counted), PROT_READ, MAP_SHARED,
			 bpf_object__find_map_fd_by_name(l.obj, ".bss"), 0);
	assert_ptr_not_equal(l.counted, MAP_FAILED);
	return l;
}

static void unload(struct loaded *l)
{
	ti_detach(&l->at);
	munmap((void *)l->counted, sizeof(*l->counted));
	bpf_object__close(l->obj);
}

static void refused(struct loaded *l, int r, const char *why)
{
	char asked[192] = "";

	assert_int_equal(l->at.hook->available(l->at.target, asked, sizeof(asked)), r);
	assert_int_equal(ti_attach(&l->at), r);
	assert_null(l->at.link);
	assert_string_equal(l->at.why, asked);
	if (!strstr(asked, why))
		fail_msg("'%s' does not say '%s'", asked, why);
}

/* A connection over lo, both ends ours. */
static void connect_once(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(to);

	assert_int_equal(bind(listener, (void *)&to, sizeof(to)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (void *)&to, &len), 0);
	assert_int_equal(connect(client, (void *)&to, sizeof(to)), 0);
	close(accept(listener, NULL, NULL));
	close(client);
	close(listener);
}

/* Datagrams to a socket of ours. */
static void send_some(int n)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(to);

	assert_int_equal(bind(fd, (void *)&to, sizeof(to)), 0);
	assert_int_equal(getsockname(fd, (void *)&to, &len), 0);
	for (int k = 0; k < n; k++)
		assert_int_equal(sendto(fd, "x", 1, 0, (void *)&to, sizeof(to)), 1);
	close(fd);
}

/* --- tests --------------------------------------------------------------- */

static void test_found(void **state)
{
	char path[64] = "untouched", small[4] = "ab";
	bool root = true;

	(void)state;
	assert_int_equal(ti_cgroup2(path, sizeof(path), &root), 0);
	assert_string_equal(path, inside);
	assert_false(root);
	assert_int_equal(ti_cgroup2(small, sizeof(small), &root), -ENOENT);
	assert_string_equal(small, "ab");
}

/* Under another mount, or not there at all. */
static void test_not_mounted(void **state)
{
	struct loaded l = load("count_sock_ops", "sock_ops", "");
	char path[64];
	bool root;

	(void)state;
	assert_int_equal(mount("none", inside, "tmpfs", 0, NULL), 0);
	assert_int_equal(ti_cgroup2(path, sizeof(path), &root), -ENOENT);
	refused(&l, -ENOENT, "no cgroup2 is mounted: mkdir -p /run/cgroup2 && mount -t cgroup2");
	assert_int_equal(umount(inside), 0);
	assert_int_equal(ti_attach(&l.at), 0);
	unload(&l);
}

static void test_sock_ops(void **state)
{
	struct loaded l = load("count_sock_ops", "sock_ops", "");

	(void)state;
	assert_int_equal(ti_attach(&l.at), 0);
	assert_string_equal(l.at.mode, "container's");
	connect_once();
	assert_int_equal(*l.counted, 2);
	ti_detach(&l.at);
	ti_detach(&l.at);
	connect_once();
	assert_int_equal(*l.counted, 2);
	unload(&l);
}

static void test_cgroup_skb(void **state)
{
	struct loaded in = load("count_ingress", "cgroup_skb", "ingress");
	struct loaded out = load("count_egress", "cgroup_skb", "egress");

	(void)state;
	assert_int_equal(ti_attach(&in.at), 0);
	send_some(3);
	assert_int_equal(*in.counted, 3);
	assert_int_equal(ti_attach(&out.at), 0);
	send_some(4);
	assert_int_equal(*in.counted, 7);
	assert_int_equal(*out.counted, 4);
	ti_detach(&in.at);
	send_some(1);
	assert_int_equal(*in.counted, 7);
	assert_int_equal(*out.counted, 5);
	unload(&in);
	unload(&out);
}

static void test_no_direction(void **state)
{
	const char *target;
	char why[192];

	(void)state;
	assert_int_equal(ti_hook_cgroup_skb.available("sideways", why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "cgroup_skb/ingress"));
	assert_null(ti_hook_by_section("cgroup_skb", &target));
	assert_null(ti_hook_by_section("sockops/x", &target));
}

static int our_cgroup(void)
{
	int fd = open(inside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void test_beside_others(void **state)
{
	struct loaded l = load("count_sock_ops", "sock_ops", "");
	struct loaded other = load("count_sock_ops", "sock_ops", "");
	int fd = our_cgroup(), prog = bpf_program__fd(other.at.prog);

	(void)state;
	assert_int_equal(bpf_prog_attach(prog, fd, BPF_CGROUP_SOCK_OPS, BPF_F_ALLOW_MULTI), 0);
	assert_int_equal(ti_attach(&l.at), 0);
	connect_once();
	assert_int_equal(*l.counted, 2);
	assert_int_equal(*other.counted, 2);
	ti_detach(&l.at);
	connect_once();
	assert_int_equal(*other.counted, 4);
	assert_int_equal(bpf_prog_detach2(prog, fd, BPF_CGROUP_SOCK_OPS), 0);
	close(fd);
	unload(&l);
	unload(&other);
}

/* Attached so that no other may be: it stays, and the way out is said. */
static void test_exclusive(void **state)
{
	static const int flags[] = {0, BPF_F_ALLOW_OVERRIDE};
	struct loaded l = load("count_sock_ops", "sock_ops", "");
	struct loaded other = load("count_sock_ops", "sock_ops", "");
	int fd = our_cgroup(), prog = bpf_program__fd(other.at.prog);

	(void)state;
	for (int k = 0; k < 2; k++) {
		assert_int_equal(bpf_prog_attach(prog, fd, BPF_CGROUP_SOCK_OPS, flags[k]), 0);
		refused(&l, -EBUSY, "a sock_ops program that tolerates no other");
		assert_non_null(strstr(l.at.why, "bpftool cgroup detach"));
		connect_once();
		assert_int_equal(*other.counted, 2 * (k + 1));
		assert_int_equal(bpf_prog_detach2(prog, fd, BPF_CGROUP_SOCK_OPS), 0);
	}
	assert_int_equal(ti_attach(&l.at), 0);
	close(fd);
	unload(&l);
	unload(&other);
}

static void test_full(void **state)
{
	struct loaded l = load("count_ingress", "cgroup_skb", "ingress");
	int fd = our_cgroup(), links[64];

	(void)state;
	for (int k = 0; k < 64; k++) {
		links[k] = bpf_link_create(bpf_program__fd(l.at.prog), fd, BPF_CGROUP_INET_INGRESS,
					   NULL);
		assert_true(links[k] >= 0);
	}
	refused(&l, -E2BIG, "has as many ingress programs as it takes, 64");
	for (int k = 0; k < 64; k++)
		close(links[k]);
	close(fd);
	unload(&l);
}

/* --- the cgroup of our own ----------------------------------------------- */

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

/* Be in it, and have nothing else of the hierarchy. -errno. */
static int prepare(void)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	char path[512];
	bool root;
	int fd;

	setrlimit(RLIMIT_MEMLOCK, &all); /* where it still counts */
	libbpf_set_print(quiet);
	snprintf(path, sizeof(path), "%.490s/cgroup.procs", outside);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1 || close(fd) < 0)
		return -errno;
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", inside, "tmpfs", 0, NULL) < 0 ||
	    mount(outside, inside, NULL, MS_BIND, NULL) < 0)
		return -errno;
	while (ti_cgroup2(path, sizeof(path), &root) == 0 && strcmp(path, inside))
		if (umount2(path, MNT_DETACH) < 0)
			return -errno;
	return system("ip link set lo up") ? -EIO : 0;
}

static int run(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),	     cmocka_unit_test(test_not_mounted),
		cmocka_unit_test(test_sock_ops),     cmocka_unit_test(test_cgroup_skb),
		cmocka_unit_test(test_no_direction), cmocka_unit_test(test_beside_others),
		cmocka_unit_test(test_exclusive),    cmocka_unit_test(test_full),
	};
	int r = prepare();

	if (r < 0) {
		fprintf(stderr, "skipped: no cgroup of one's own: %s\n", strerror(-r));
		return 77;
	}
	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}

int main(void)
{
	int status = 0;
	char path[400];
	bool root;
	pid_t pid;

	if (ti_cgroup2(path, sizeof(path), &root) < 0) {
		fprintf(stderr, "skipped: no cgroup2 is mounted\n");
		return 77;
	}
	snprintf(outside, sizeof(outside), "%s/tcpinspect-test-%d", path, getpid());
	if (mkdir(outside, 0755) < 0 || !mkdtemp(inside)) {
		fprintf(stderr, "skipped: %s: %s\n", outside, strerror(errno));
		return 77;
	}
	pid = fork();
	if (pid == 0)
		exit(run());
	waitpid(pid, &status, 0);
	rmdir(outside);
	rmdir(inside);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
