/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real interfaces, made with ip(8) in network namespaces of this process. Kinds
 * that a kernel doesn't have are skipped.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
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
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "iface.h"

static int ip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int ip(const char *fmt, ...)
{
	char command[512] = "ip ";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command + 3, sizeof(command) - 32, fmt, ap);
	va_end(ap);
	strcat(command, " 2>/dev/null");
	return system(command) == 0 ? 0 : -1;
}

/* What the table has told of each interface's name, in order. */
struct story {
	char text[65536];
	size_t n;
};

static void on_change(void *arg, enum ti_iface_change what, const struct ti_iface *i)
{
	static const char *const words[] = {"added", "changed", "gone"};
	struct story *s = arg;

	if (s->n < sizeof(s->text) - 64)
		s->n += sprintf(s->text + s->n, "%s %s;", words[what], i->name);
	assert_int_equal(i->gone, what == TI_IFACE_GONE);
}

static bool told(const struct story *s, const char *word, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %s;", word, name);
	return strstr(s->text, text) != NULL;
}

static void forget(struct story *s)
{
	s->n = 0;
	s->text[0] = '\0';
}

/* Everything that the kernel has sent already. */
static void turn(struct event_base *base)
{
	for (int k = 0; k < 100; k++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static const struct ti_iface *by_name(const struct ti_ifaces *t, const char *name)
{
	for (size_t k = 0; k < ti_ifaces_count(t); k++)
		if (!ti_ifaces_at(t, k)->gone && !strcmp(ti_ifaces_at(t, k)->name, name))
			return ti_ifaces_at(t, k);
	return NULL;
}

static bool chosen(const struct ti_ifaces *t, const char *name, const char *patterns)
{
	const struct ti_iface *i = by_name(t, name);
	char why[128] = "";
	bool yes;

	assert_non_null(i);
	yes = ti_ifaces_chosen(t, i, patterns, why, sizeof(why));
	assert_int_equal(yes, why[0] == '\0');
	return yes;
}

/* A fresh namespace for each test. */
static int setup(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET);
}

static void test_fields(void **state)
{
	struct ti_ifaces *t;
	const struct ti_iface *v;

	(void)state;
	assert_int_equal(ip("link add v0 type veth peer name v1"), 0);
	assert_int_equal(ip("link add br0 type bridge"), 0);
	assert_int_equal(ip("link set v0 master br0 up"), 0);
	assert_int_equal(ti_ifaces_new(&t, NULL, NULL, NULL), 0);
	assert_non_null(by_name(t, "lo"));
	assert_int_equal(by_name(t, "lo")->type, 772);
	assert_string_equal(by_name(t, "lo")->kind, "");
	v = by_name(t, "v0");
	assert_non_null(v);
	assert_string_equal(v->kind, "veth");
	assert_int_equal(v->type, 1);
	assert_int_equal(v->lower, 0); /* a peer isn't below */
	assert_int_equal(v->index, if_nametoindex("v0"));
	assert_int_equal(v->master, if_nametoindex("br0"));
	assert_true(v->flags & IFF_UP);
	assert_string_equal(by_name(t, "br0")->kind, "bridge");
	assert_ptr_equal(ti_ifaces_by_index(t, v->index), v);
	assert_null(ti_ifaces_by_index(t, 4711));
	ti_ifaces_free(t);
}

static void test_patterns(void **state)
{
	struct ti_ifaces *t;
	char name[IFNAMSIZ];

	(void)state;
	assert_int_equal(ip("link add eth0 type veth peer name eth1"), 0);
	assert_int_equal(ti_ifaces_new(&t, NULL, NULL, NULL), 0);
	assert_true(chosen(t, "eth0", "eth0"));
	assert_false(chosen(t, "eth1", "eth0"));
	assert_true(chosen(t, "eth1", "en*,eth*"));
	assert_false(chosen(t, "lo", "en*,eth*"));
	assert_true(chosen(t, "eth0", "eth*,!eth1"));
	assert_false(chosen(t, "eth1", "eth*,!eth1"));
	assert_false(chosen(t, "eth1", "!eth1,eth*"));
	assert_true(chosen(t, "eth0", "eth[0-9]"));
	assert_true(chosen(t, "lo", "*"));
	assert_true(chosen(t, "eth0", "!lo"));
	assert_false(chosen(t, "lo", "!lo"));
	assert_false(chosen(t, "eth0", ""));
	assert_false(chosen(t, "eth0", NULL));

	assert_true(ti_ifaces_missing(t, "eth0,eth9,eth8", name));
	assert_string_equal(name, "eth9");
	assert_false(ti_ifaces_missing(t, "eth0,en*,!eth7,wl?0", name));
	assert_false(ti_ifaces_missing(t, NULL, name));
	ti_ifaces_free(t);
}

static void test_no_ethernet(void **state)
{
	struct ti_ifaces *t;
	char why[128];

	(void)state;
	if (ip("tuntap add dev tun7 mode tun") < 0)
		skip();
	assert_int_equal(ti_ifaces_new(&t, NULL, NULL, NULL), 0);
	assert_false(ti_ifaces_chosen(t, by_name(t, "tun7"), "*", why, sizeof(why)));
	assert_non_null(strstr(why, "no Ethernet header"));
	ti_ifaces_free(t);
}

/* A master and its port; the kinds that the kernel has. */
static void mastered(const char *kind)
{
	struct ti_ifaces *t;
	char why[128];

	assert_int_equal(ip("link add p0 type veth peer name p1"), 0);
	if (ip("link add top0 type %s", kind) < 0) {
		print_message("this kernel has no %s\n", kind);
		skip();
	}
	assert_int_equal(ip("link set p0 master top0"), 0);
	assert_int_equal(ti_ifaces_new(&t, NULL, NULL, NULL), 0);
	assert_true(chosen(t, "p0", "*"));
	assert_true(chosen(t, "p1", "*"));
	assert_false(ti_ifaces_chosen(t, by_name(t, "top0"), "*", why, sizeof(why)));
	assert_non_null(strstr(why, "p0"));
	assert_true(chosen(t, "top0", "top0"));
	assert_true(chosen(t, "top0", "*,!p0"));
	assert_false(chosen(t, "top0", "top0,p0"));
	ti_ifaces_free(t);
}

static void test_bridge(void **state)
{
	(void)state;
	mastered("bridge");
}

static void test_bond(void **state)
{
	(void)state;
	mastered("bond");
}

/* stack on eth0 on nothing; the kinds that the kernel has. */
static void stacked(const char *make)
{
	struct ti_ifaces *t;

	assert_int_equal(ip("link add eth0 type veth peer name eth1"), 0);
	if (ip("link add link eth0 name stack %s", make) < 0) {
		print_message("this kernel has no %s\n", make);
		skip();
	}
	assert_int_equal(ti_ifaces_new(&t, NULL, NULL, NULL), 0);
	assert_int_equal(by_name(t, "stack")->lower, if_nametoindex("eth0"));
	assert_true(chosen(t, "eth0", "*"));
	assert_false(chosen(t, "stack", "*"));
	assert_true(chosen(t, "stack", "stack"));
	assert_false(chosen(t, "stack", "stack,eth0"));
	assert_true(chosen(t, "stack", "stack,eth1"));
	ti_ifaces_free(t);
}

static void test_macvlan(void **state)
{
	(void)state;
	stacked("type macvlan mode bridge");
}

static void test_ipvlan(void **state)
{
	(void)state;
	stacked("type ipvlan");
}

static void test_vlan(void **state)
{
	(void)state;
	stacked("type vlan id 12");
}

/* A tunnel over eth0: its packets are others there. */
static void test_tunnel_is_not_stacked(void **state)
{
	struct ti_ifaces *t;

	(void)state;
	assert_int_equal(ip("link add eth0 type veth peer name eth1"), 0);
	if (ip("link add tunnel type vxlan id 7 dev eth0 dstport 4789") < 0)
		skip();
	assert_int_equal(ti_ifaces_new(&t, NULL, NULL, NULL), 0);
	assert_int_equal(by_name(t, "tunnel")->lower, 0);
	assert_true(chosen(t, "tunnel", "*"));
	ti_ifaces_free(t);
}

/* A macvlan (or vlan) on a bridge, whose port is what packets are counted at. */
static void test_two_levels(void **state)
{
	struct ti_ifaces *t;
	char why[128];

	(void)state;
	assert_int_equal(ip("link add eth0 type veth peer name eth1"), 0);
	assert_int_equal(ip("link add br0 type bridge"), 0);
	assert_int_equal(ip("link set eth0 master br0"), 0);
	if (ip("link add link br0 name top type macvlan") < 0 &&
	    ip("link add link br0 name top type vlan id 5") < 0)
		skip();
	assert_int_equal(ti_ifaces_new(&t, NULL, NULL, NULL), 0);
	assert_false(ti_ifaces_chosen(t, by_name(t, "top"), "top,eth0", why, sizeof(why)));
	assert_non_null(strstr(why, "eth0"));
	assert_false(chosen(t, "top", "*"));
	assert_false(chosen(t, "top", "top,br0"));
	assert_true(chosen(t, "top", "top"));
	ti_ifaces_free(t);
}

/* A process in a network namespace of its own. */
static pid_t elsewhere(void)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c = unshare(CLONE_NEWNET) == 0;
		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(c, 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Go to its namespace; the one that is left lives on while the result is open. */
static int enter(pid_t pid)
{
	int left = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && left >= 0);
	assert_int_equal(setns(fd, CLONE_NEWNET), 0);
	close(fd);
	return left;
}

/* IFLA_LINK is then an index of another namespace, here somebody else's. */
static void test_lower_elsewhere(void **state)
{
	pid_t pid = elsewhere();
	struct ti_ifaces *t;
	int left;

	(void)state;
	assert_int_equal(ip("link add eth0 index 50 type veth peer name eth1"), 0);
	if (ip("link add link eth0 name top type macvlan") < 0 &&
	    ip("link add link eth0 name top type vlan id 5") < 0) {
		end(pid);
		skip();
	}
	assert_int_equal(ip("link set top netns %d", pid), 0);
	left = enter(pid);
	assert_int_equal(ip("link add other index 50 type veth peer name peer"), 0);
	assert_int_equal(ti_ifaces_new(&t, NULL, NULL, NULL), 0);
	assert_int_equal(by_name(t, "top")->lower, 0);
	assert_true(chosen(t, "top", "*"));
	ti_ifaces_free(t);
	close(left);
	end(pid);
}

static void test_follow(void **state)
{
	struct event_base *base = event_base_new();
	struct story s = {0};
	struct ti_ifaces *t;

	(void)state;
	assert_int_equal(ti_ifaces_new(&t, base, on_change, &s), 0);
	assert_int_equal(s.n, 0); /* what is there already is no news */

	assert_int_equal(ip("link add v0 index 77 type veth peer name v1"), 0);
	turn(base);
	assert_true(told(&s, "added", "v0"));
	assert_true(told(&s, "added", "v1"));
	assert_false(told(&s, "gone", "v0"));

	forget(&s);
	assert_int_equal(ip("link set v0 name w0"), 0);
	turn(base);
	assert_string_equal(s.text, "changed w0;");
	assert_string_equal(ti_ifaces_by_index(t, 77)->name, "w0");

	forget(&s);
	assert_int_equal(ip("link set w0 up"), 0);
	turn(base);
	assert_true(told(&s, "changed", "w0"));
	assert_true(ti_ifaces_by_index(t, 77)->flags & IFF_UP);

	forget(&s);
	assert_int_equal(ip("link del w0"), 0);
	turn(base);
	assert_true(told(&s, "gone", "w0"));
	assert_true(told(&s, "gone", "v1"));
	assert_true(ti_ifaces_by_index(t, 77)->gone);
	assert_string_equal(ti_ifaces_by_index(t, 77)->name, "w0");
	assert_null(by_name(t, "w0"));

	forget(&s);
	assert_int_equal(ip("link add br7 index 77 type bridge"), 0);
	turn(base);
	assert_true(told(&s, "added", "br7"));
	assert_false(ti_ifaces_by_index(t, 77)->gone);
	assert_string_equal(ti_ifaces_by_index(t, 77)->kind, "bridge");
	ti_ifaces_free(t);
	event_base_free(base);
}

/* Bridges tell of their ports with RTM_DELLINK: the port leaves, not the device. */
static void test_ports_come_and_go(void **state)
{
	struct event_base *base = event_base_new();
	struct story s = {0};
	struct ti_ifaces *t;

	(void)state;
	assert_int_equal(ip("link add v0 type veth peer name v1"), 0);
	assert_int_equal(ip("link add br0 type bridge"), 0);
	assert_int_equal(ti_ifaces_new(&t, base, on_change, &s), 0);
	assert_int_equal(ip("link set br0 up"), 0);
	assert_int_equal(ip("link set v0 up"), 0);
	assert_int_equal(ip("link set v0 master br0"), 0);
	turn(base);
	assert_true(told(&s, "changed", "v0"));
	assert_int_equal(by_name(t, "v0")->master, if_nametoindex("br0"));
	assert_false(chosen(t, "br0", "*"));

	assert_int_equal(ip("link set v0 nomaster"), 0);
	turn(base);
	assert_null(strstr(s.text, "gone"));
	assert_int_equal(by_name(t, "v0")->master, 0);
	assert_true(chosen(t, "br0", "*"));
	ti_ifaces_free(t);
	event_base_free(base);
}

/* An interface that another namespace takes is gone here. */
static void test_moved_away(void **state)
{
	struct event_base *base = event_base_new();
	pid_t pid = elsewhere();
	struct story s = {0};
	struct ti_ifaces *t;

	(void)state;
	assert_int_equal(ip("link add v0 type veth peer name v1"), 0);
	assert_int_equal(ti_ifaces_new(&t, base, on_change, &s), 0);
	assert_int_equal(ip("link set v1 netns %d", pid), 0);
	turn(base);
	assert_true(told(&s, "gone", "v1"));
	assert_non_null(by_name(t, "v0"));
	end(pid);
	ti_ifaces_free(t);
	event_base_free(base);
}

/* Datagrams that netlink sockets of this process have lost. */
static unsigned drops(void)
{
	unsigned all = 0, n, pid;
	FILE *f = fopen("/proc/self/net/netlink", "r");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %u %*s %*s %*s %*s %*s %u", &pid, &n) == 2 &&
		    pid == (unsigned)getpid())
			all += n;
	if (f)
		fclose(f);
	return all;
}

static FILE *batch(void)
{
	FILE *f = popen("ip -batch -", "w");

	assert_non_null(f);
	return f;
}

/*
 * More news than the socket holds, and what is lost among it: an end, a change
 * of name, a replacement under the same index. And many interfaces, in dumps of
 * many parts.
 */
static void test_overflow(void **state)
{
	enum { PAIRS = 400 };
	struct event_base *base = event_base_new();
	struct story s = {0};
	struct ti_ifaces *t;
	FILE *f;

	(void)state;
	assert_int_equal(ip("link add old type veth peer name oldpeer"), 0);
	assert_int_equal(ip("link add before index 5000 type veth peer name beforep"), 0);
	assert_int_equal(ip("link add swap index 5001 type veth peer name swapp"), 0);
	assert_int_equal(ti_ifaces_new(&t, base, on_change, &s), 0);
	f = batch();
	fprintf(f, "link add ghost type bridge\n");
	for (int k = 0; k < PAIRS; k++)
		fprintf(f, "link add x%d type veth peer name y%d\n", k, k);
	for (int k = 0; k < PAIRS; k++)
		fprintf(f, "link set x%d up\nlink set y%d up\n", k, k);
	fprintf(f, "link set before name renamed\nlink del old\nlink del ghost\nlink del swap\n"
		   "link add swap index 5001 type bridge\nlink add last index 6000 type bridge\n");
	assert_int_equal(pclose(f), 0);
	assert_true(drops() > 0);

	turn(base);
	assert_true(told(&s, "gone", "old"));
	assert_true(told(&s, "changed", "renamed"));
	assert_true(told(&s, "gone", "swap"));
	assert_true(told(&s, "added", "swap"));
	assert_true(told(&s, "added", "last"));
	for (int k = 0; k < PAIRS; k++) {
		char name[16];

		sprintf(name, "y%d", k);
		assert_true(told(&s, "added", name));
		assert_non_null(by_name(t, name));
	}
	assert_null(by_name(t, "old"));
	assert_null(by_name(t, "ghost")); /* its beginning was queued, its end lost */
	assert_string_equal(ti_ifaces_by_index(t, 5001)->kind, "bridge");

	/* And it hears again. */
	forget(&s);
	assert_int_equal(ip("link del last"), 0);
	turn(base);
	assert_true(told(&s, "gone", "last"));
	ti_ifaces_free(t);
	event_base_free(base);
}

/* Those that vanished are remembered, but not without end. */
static void test_gone_are_forgotten(void **state)
{
	enum { PAIRS = 560 };
	struct event_base *base = event_base_new();
	struct story s = {0};
	struct ti_ifaces *t;
	unsigned first;
	FILE *f;

	(void)state;
	assert_int_equal(ti_ifaces_new(&t, base, on_change, &s), 0);
	assert_int_equal(ip("link add first type veth peer name second"), 0);
	turn(base);
	first = by_name(t, "first")->index;
	assert_int_equal(ip("link del first"), 0);
	turn(base);
	assert_true(ti_ifaces_by_index(t, first)->gone);
	f = batch();
	for (int k = 0; k < PAIRS; k++)
		fprintf(f, "link add x%d group 7 type veth peer name y%d\n", k, k);
	assert_int_equal(pclose(f), 0);
	turn(base);
	assert_int_equal(ip("link del group 7"), 0);
	turn(base);
	assert_null(by_name(t, "x0"));
	assert_null(ti_ifaces_by_index(t, first));
	assert_true(ti_ifaces_count(t) > 1000 && ti_ifaces_count(t) < 1100);
	assert_non_null(by_name(t, "lo"));
	ti_ifaces_free(t);
	event_base_free(base);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fields, setup),
		cmocka_unit_test_setup(test_patterns, setup),
		cmocka_unit_test_setup(test_no_ethernet, setup),
		cmocka_unit_test_setup(test_bridge, setup),
		cmocka_unit_test_setup(test_bond, setup),
		cmocka_unit_test_setup(test_macvlan, setup),
		cmocka_unit_test_setup(test_ipvlan, setup),
		cmocka_unit_test_setup(test_vlan, setup),
		cmocka_unit_test_setup(test_tunnel_is_not_stacked, setup),
		cmocka_unit_test_setup(test_two_levels, setup),
		cmocka_unit_test_setup(test_lower_elsewhere, setup),
		cmocka_unit_test_setup(test_follow, setup),
		cmocka_unit_test_setup(test_ports_come_and_go, setup),
		cmocka_unit_test_setup(test_moved_away, setup),
		cmocka_unit_test_setup(test_overflow, setup),
		cmocka_unit_test_setup(test_gone_are_forgotten, setup),
	};

	if (unshare(CLONE_NEWNET) < 0) {
		fprintf(stderr, "skipped: no network namespace of one's own: %s\n",
			strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests_name("iface", tests, NULL, NULL);
}
