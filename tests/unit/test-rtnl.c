/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages with lengths that lie must neither be believed nor read past. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "rtnl.h"

struct link {
	struct nlmsghdr h;
	struct ifinfomsg m;
	struct rtattr name;
	char text[8];
	struct rtattr master;
	uint32_t index;
};

static struct link good(void)
{
	struct link l = {
		.h = {.nlmsg_len = sizeof(l), .nlmsg_type = RTM_NEWLINK},
		.m = {.ifi_index = 7},
		.name = {.rta_len = RTA_LENGTH(8), .rta_type = IFLA_IFNAME},
		.text = "eth0.12",
		.master = {.rta_len = RTA_LENGTH(4), .rta_type = IFLA_MASTER | NLA_F_NESTED},
		.index = 3,
	};

	return l;
}

static void test_parse(void **state)
{
	const struct rtattr *tb[IFLA_MAX + 1];
	struct link l = good();
	const struct ifinfomsg *m = ti_rtnl_parse(&l.h, sizeof(*m), tb, IFLA_MAX);
	char name[16], cut[4];

	(void)state;
	assert_non_null(m);
	assert_int_equal(m->ifi_index, 7);
	ti_rtnl_str(tb[IFLA_IFNAME], name, sizeof(name));
	assert_string_equal(name, "eth0.12");
	ti_rtnl_str(tb[IFLA_IFNAME], cut, sizeof(cut));
	assert_string_equal(cut, "eth");
	assert_int_equal(ti_rtnl_u32(tb[IFLA_MASTER]), 3);
	assert_null(tb[IFLA_LINK]);
	assert_int_equal(ti_rtnl_u32(tb[IFLA_LINK]), 0);
	ti_rtnl_str(tb[IFLA_LINK], name, sizeof(name));
	assert_string_equal(name, "");
}

static void test_attributes_beyond_max_are_left_out(void **state)
{
	const struct rtattr *tb[IFLA_IFNAME + 2];
	struct link l = good();

	(void)state;
	tb[IFLA_IFNAME + 1] = (void *)"untouched";
	assert_non_null(ti_rtnl_parse(&l.h, sizeof(l.m), tb, IFLA_IFNAME));
	assert_non_null(tb[IFLA_IFNAME]);
	assert_string_equal((const char *)tb[IFLA_IFNAME + 1], "untouched");
}

/* The message in memory of exactly its claimed size, so that ASan sees a byte more. */
static const struct rtattr *parse_at(const struct link *l, size_t len, unsigned type, void **held)
{
	const struct rtattr *tb[IFLA_MAX + 1] = {0};
	struct nlmsghdr *h = malloc(len);

	memcpy(h, l, len);
	h->nlmsg_len = len;
	*held = h;
	return ti_rtnl_parse(h, sizeof(l->m), tb, IFLA_MAX) ? tb[type] : NULL;
}

static void test_cut_anywhere(void **state)
{
	struct link l = good();

	(void)state;
	for (size_t len = sizeof(l.h); len <= sizeof(l); len++) {
		const struct rtattr *name, *master;
		char text[16];
		void *held;

		name = parse_at(&l, len, IFLA_IFNAME, &held);
		assert_int_equal(name != NULL, len >= offsetof(struct link, master));
		ti_rtnl_str(name, text, sizeof(text));
		assert_string_equal(text, name ? "eth0.12" : "");
		free(held);
		master = parse_at(&l, len, IFLA_MASTER, &held);
		assert_int_equal(ti_rtnl_u32(master), len == sizeof(l) ? 3 : 0);
		free(held);
	}
}

static void test_lying_attributes(void **state)
{
	static const uint16_t lengths[] = {0, 1, 3, 13, 200, 0xffff};
	const struct rtattr *name;
	char text[16];
	void *held;

	(void)state;
	for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
		struct link l = good();

		l.name.rta_len = lengths[k];
		name = parse_at(&l, sizeof(l), IFLA_IFNAME, &held);
		ti_rtnl_str(name, text, sizeof(text));
		assert_int_equal(name != NULL, lengths[k] == 13);
		free(held);
	}
}

static void test_unterminated_and_short_values(void **state)
{
	struct {
		struct rtattr a;
		char v[4];
	} x = {.a = {.rta_len = RTA_LENGTH(4)}, .v = {'a', 'b', 'c', 'd'}};
	char text[16];

	(void)state;
	ti_rtnl_str(&x.a, text, sizeof(text));
	assert_string_equal(text, "abcd");
	x.a.rta_len = RTA_LENGTH(2);
	assert_int_equal(ti_rtnl_u32(&x.a), 0);
	ti_rtnl_str(&x.a, text, sizeof(text));
	assert_string_equal(text, "ab");
}

static void test_nested(void **state)
{
	struct {
		struct rtattr info, kind;
		char text[8];
	} x = {.info = {.rta_len = sizeof(x), .rta_type = IFLA_LINKINFO},
	       .kind = {.rta_len = RTA_LENGTH(5), .rta_type = IFLA_INFO_KIND},
	       .text = "veth"};
	const struct rtattr *tb[IFLA_INFO_MAX + 1];
	char text[16];

	(void)state;
	ti_rtnl_nested(&x.info, tb, IFLA_INFO_MAX);
	ti_rtnl_str(tb[IFLA_INFO_KIND], text, sizeof(text));
	assert_string_equal(text, "veth");
	x.kind.rta_len = 40; /* beyond what holds it */
	ti_rtnl_nested(&x.info, tb, IFLA_INFO_MAX);
	assert_null(tb[IFLA_INFO_KIND]);
	ti_rtnl_nested(NULL, tb, IFLA_INFO_MAX);
	assert_null(tb[IFLA_INFO_KIND]);
}

static int look_inside(void *arg, const struct nlmsghdr *h)
{
	const struct rtattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	char text[16];

	(*(unsigned *)arg)++;
	if (!ti_rtnl_parse(h, sizeof(struct ifinfomsg), tb, IFLA_MAX))
		return 0;
	ti_rtnl_str(tb[IFLA_IFNAME], text, sizeof(text));
	ti_rtnl_nested(tb[IFLA_LINKINFO], info, IFLA_INFO_MAX);
	ti_rtnl_str(info[IFLA_INFO_KIND], text, sizeof(text));
	return ti_rtnl_u32(tb[IFLA_MASTER]) == 0xdeadbeef ? -EBADMSG : 0;
}

/* Damaged datagrams of several messages, over a socket. */
static void test_damaged_datagrams(void **state)
{
	struct link l[3] = {good(), good(), good()};
	unsigned seen = 0;
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s), 0);
	assert_int_equal(ti_rtnl_receive(s[0], look_inside, &seen), -EAGAIN);
	assert_int_equal(send(s[1], l, sizeof(l), 0), sizeof(l));
	assert_int_equal(ti_rtnl_receive(s[0], look_inside, &seen), 0);
	assert_int_equal(seen, 3);
	srandom(1);
	for (int k = 0; k < 20000; k++) {
		char data[sizeof(l)];
		size_t n = random() % (sizeof(data) + 1);

		memcpy(data, l, sizeof(l));
		for (int flips = random() % 8; flips >= 0; flips--)
			data[random() % sizeof(data)] = random();
		assert_int_equal(send(s[1], data, n, 0), n);
		assert_int_equal(ti_rtnl_receive(s[0], look_inside, &seen), 0);
	}
	assert_true(seen > 5000);
	l[1].index = 0xdeadbeef;
	seen = 0;
	assert_int_equal(send(s[1], l, sizeof(l), 0), sizeof(l));
	assert_int_equal(ti_rtnl_receive(s[0], look_inside, &seen), -EBADMSG);
	assert_int_equal(seen, 2);
	close(s[0]);
	close(s[1]);
}

static void test_too_large_is_lost(void **state)
{
	static char data[70000];
	unsigned seen = 0;
	int s[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, s), 0);
	assert_int_equal(send(s[1], data, sizeof(data), 0), sizeof(data));
	assert_int_equal(ti_rtnl_receive(s[0], look_inside, &seen), -ENOBUFS);
	close(s[0]);
	close(s[1]);
}

/* The kernel's own words: this needs no privilege. */
static void test_ask(void **state)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg m;
	} ask = {.h = {.nlmsg_len = sizeof(ask),
		       .nlmsg_type = RTM_GETLINK,
		       .nlmsg_flags = NLM_F_DUMP}};
	unsigned seen = 0;

	(void)state;
	assert_int_equal(ti_rtnl_ask(&ask.h, look_inside, &seen), 0);
	assert_true(seen >= 1);
	ask.h.nlmsg_flags = NLM_F_ACK;
	ask.m.ifi_index = 0x7ffffff;
	seen = 0;
	assert_int_equal(ti_rtnl_ask(&ask.h, look_inside, &seen), -ENODEV);
	assert_int_equal(seen, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_attributes_beyond_max_are_left_out),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_lying_attributes),
		cmocka_unit_test(test_unterminated_and_short_values),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_damaged_datagrams),
		cmocka_unit_test(test_too_large_is_lost),
		cmocka_unit_test(test_ask),
	};

	return cmocka_run_group_tests_name("rtnl", tests, NULL, NULL);
}
