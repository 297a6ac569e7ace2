/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hooks without interface: tracepoints and functions. */
#define _GNU_SOURCE 1
#include "hook-fixture.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

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

static int tests_of_the_host(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tp),
		cmocka_unit_test(test_raw_tp),
		cmocka_unit_test(test_tp_btf),
		cmocka_unit_test(test_tp_without_tracefs),
		cmocka_unit_test(test_kernel_params),
		cmocka_unit_test(test_function_available),
		cmocka_unit_test(test_uprobe),
		cmocka_unit_test(test_uretprobe),
		cmocka_unit_test(test_uprobe_available),
	};

	return cmocka_run_group_tests_name("hook-host", tests, NULL, NULL);
}

int main(void)
{
	return hook_tests(tests_of_the_host);
}
