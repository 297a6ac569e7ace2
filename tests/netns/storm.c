/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * storm.c - many TCP connections, for the scripts beside it:
 *	storm serve PORT PROCESSES          accept on [::]:PORT in each of PROCESSES
 *	storm hold NUMBER PORT ADDRESS...   open NUMBER connections, say "open", close
 *	                                    them when stdin ends
 *	storm burst NUMBER PORT ADDRESS...  open and close them one after the other
 * A server closes a connection when its peer does. Limits of open files are met by
 * more processes. All end with 0 only if every connection was made.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS	  256
#define A_PROCESS 5000 /* connections held by one */
#define AT_ONCE	  64   /* handshakes of one process under way, accepts in a row */

static void watch(int epoll, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		err(1, "epoll_ctl");
}

/* Not all: those that are over are to be closed, too. */
static void take_some(int epoll, int listener)
{
	int fd = 0;

	for (int i = 0; i < AT_ONCE && fd >= 0; i++) {
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			watch(epoll, fd);
	}
	if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
		err(1, "accept");
}

static void read_or_close(int fd)
{
	char data[4096];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0)
		;
	if (n == 0 || errno != EAGAIN)
		close(fd);
}

static int serve(int port, int processes)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
	struct epoll_event events[EVENTS];
	int epoll;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(listener, 65535) < 0)
		err(1, "port %d", port);
	while (--processes > 0 && fork())
		;
	epoll = epoll_create1(0);
	watch(epoll, listener);
	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.fd == listener)
				take_some(epoll, listener);
			else
				read_or_close(events[i].data.fd);
	}
}

static int start_one(const char *address, int port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool v6 = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	int fd;

	if (!v6 && inet_pton(AF_INET, address, &four.sin_addr) != 1)
		errx(2, "%s is no address", address);
	fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		err(1, "socket");
	if (connect(fd, v6 ? (void *)&six : (void *)&four, v6 ? sizeof(six) : sizeof(four)) < 0 &&
	    errno != EINPROGRESS)
		err(1, "%s", address);
	return fd;
}

static void finish_one(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t size = sizeof(error);

	if (poll(&p, 1, 60000) != 1 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error)
		errx(1, "not connected: %s", strerror(error ? error : ETIMEDOUT));
}

/* Connections from..to of all; held until stdin ends, or closed at once. */
static void client(int from, int to, int port, char **addresses, int n, bool hold)
{
	int *fds = calloc(to - from, sizeof(*fds)), done = 0, started = 0;
	char c;

	while (fds && done < to - from) {
		for (; started < to - from && started - done < AT_ONCE; started++)
			fds[started] = start_one(addresses[(from + started) % n], port);
		finish_one(fds[done]);
		if (!hold)
			close(fds[done]);
		done++;
	}
	if (!hold)
		return;
	puts("open");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
}

static int run_clients(int number, int port, char **addresses, int n, bool hold)
{
	int status, failed = 0;

	for (int from = 0; from < number; from += A_PROCESS) {
		int to = from + A_PROCESS < number ? from + A_PROCESS : number;

		if (fork() == 0) {
			client(from, to, port, addresses, n, hold);
			exit(0);
		}
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]), atoi(argv[3]));
	if (argc > 4 && (!strcmp(argv[1], "hold") || !strcmp(argv[1], "burst")))
		return run_clients(atoi(argv[2]), atoi(argv[3]), argv + 4, argc - 4, argv[1][0] == 'h');
	fprintf(stderr, "usage: storm serve|hold|burst ...\n");
	return 2;
}
