/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real sockets on loopback, as the kernel lists them. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "sockets.h"

#define LISTEN	    (1 << 10)
#define ESTABLISHED (1 << 1)

struct wanted {
	ti_port port;
	int n, end_at;
	struct ti_socket s; /* the last */
};

static int see(void *arg, const struct ti_socket *s)
{
	struct wanted *w = arg;

	if (s->local_port != w->port)
		return 0;
	w->s = *s;
	return ++w->n == w->end_at ? 77 : 0;
}

static struct wanted look(uint32_t states, ti_port port)
{
	struct wanted w = {.port = port};

	assert_int_equal(ti_sockets_each(states, see, &w), 0);
	return w;
}

static ti_port port_of(int fd)
{
	struct sockaddr_in6 a;
	socklen_t size = sizeof(a);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	return ntohs(a.sin6_port); /* where sin_port is */
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie;
	socklen_t size = sizeof(cookie);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

static int listen4(int backlog)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

static int connect4(ti_port port, int flags)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

static void test_listener(void **state)
{
	int fd = listen4(7);
	struct wanted w = look(LISTEN, port_of(fd));
	struct stat st;

	(void)state;
	fstat(fd, &st);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.s.family, 4);
	assert_int_equal(w.s.state, 10);
	assert_int_equal(w.s.local.hi, 0);
	assert_int_equal(w.s.local.lo, htonl(0xffff) | (uint64_t)htonl(INADDR_LOOPBACK) << 32);
	assert_int_equal(w.s.cookie, cookie_of(fd));
	assert_int_equal(w.s.uid, getuid());
	assert_int_equal(w.s.inode, st.st_ino);
	assert_int_equal(w.s.rqueue, 0);
	assert_int_equal(w.s.wqueue, 7);
	assert_int_equal(w.s.drops, 0);
	close(fd);
	assert_int_equal(look(LISTEN, w.port).n, 0);
}

static void test_any_address_and_v6only(void **state)
{
	(void)state;
	for (int only = 0; only < 2; only++) {
		struct sockaddr_in6 a = {.sin6_family = AF_INET6};
		int fd = socket(AF_INET6, SOCK_STREAM, 0);
		struct wanted w;

		if (fd < 0)
			skip(); /* no IPv6 */
		setsockopt(fd, IPPROTO_IPV6, 26 /* IPV6_V6ONLY */, &only, sizeof(only));
		assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
		assert_int_equal(listen(fd, 1), 0);
		w = look(LISTEN, port_of(fd));
		assert_int_equal(w.n, 1);
		assert_int_equal(w.s.family, 6);
		assert_int_equal(w.s.v6only, only);
		assert_true(!w.s.local.hi && !w.s.local.lo);
		close(fd);
	}
}

static void test_queue_and_drops(void **state)
{
	int fd = listen4(1), peers[8];
	ti_port port = port_of(fd);
	struct wanted w;

	(void)state;
	/* One more than the backlog fits; then SYNs are dropped. */
	for (int i = 0; i < 8; i++)
		peers[i] = connect4(port, SOCK_NONBLOCK);
	w = look(LISTEN, port);
	assert_int_equal(w.s.rqueue, 2);
	assert_int_equal(w.s.wqueue, 1);
	assert_true(w.s.drops >= 6);
	w = look(ESTABLISHED, port);
	assert_int_equal(w.n, 2);
	assert_int_equal(w.s.inode, 0); /* not accepted */
	for (int i = 0; i < 8; i++)
		close(peers[i]);
	close(fd);
}

static void test_both_ends(void **state)
{
	int fd = listen4(1), client = connect4(port_of(fd), 0), server = accept(fd, NULL, NULL);
	struct wanted w = look(ESTABLISHED, port_of(client));

	(void)state;
	assert_int_equal(w.n, 1);
	assert_int_equal(w.s.cookie, cookie_of(client));
	assert_int_equal(w.s.peer_port, port_of(fd));
	assert_int_equal(w.s.peer.lo, w.s.local.lo);
	w = look(ESTABLISHED, port_of(fd));
	assert_int_equal(w.s.cookie, cookie_of(server));
	assert_int_not_equal(w.s.inode, 0);
	assert_int_equal(look(LISTEN, port_of(client)).n, 0);
	close(server);
	close(client);
	close(fd);
}

static void test_fn_ends_it(void **state)
{
	int fd = listen4(1);
	struct wanted w = {.port = port_of(fd), .end_at = 1};

	(void)state;
	assert_int_equal(ti_sockets_each(LISTEN, see, &w), 77);
	assert_int_equal(w.n, 1);
	assert_int_equal(look(LISTEN, w.port).n, 1); /* and the next starts anew */
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_any_address_and_v6only),
		cmocka_unit_test(test_queue_and_drops),
		cmocka_unit_test(test_both_ends),
		cmocka_unit_test(test_fn_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
