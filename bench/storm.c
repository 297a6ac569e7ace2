/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * storm.c - TCP connections between two network namespaces, as many as the machine
 * makes or as many as are asked for, counted exactly at both ends.
 *
 *	storm [-n AT_ONCE] [-p PAIRS] [-s SECONDS | -h NUMBER] CLIENT SERVER ADDRESS PORT
 *
 * CLIENT and SERVER are files of namespaces (/run/netns/NAME). A pair is a process
 * at each end, with a port of its own from PORT on. With -s each client opens and
 * closes connections, AT_ONCE of them under way; servers close when their peer has.
 * With -h the clients open NUMBER in all, "open" is said, and they are closed when
 * stdin ends. At the end: "made N accepted N", and 1 when these differ.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EVENTS	   256
#define PAIRS_MOST 64
#define PATIENCE   20 /* s for what is under way */

/* What processes of a pair tell each other; each member has one writer. */
struct pair {
	volatile bool listening, client_done;
	volatile uint64_t made, accepted;
};

struct storm {
	struct pair *pairs;
	volatile bool *over; /* close what is held */
	const char *client_ns, *server_ns;
	struct in_addr address;
	int port, at_once, n_pairs;
	double seconds;
	uint64_t hold; /* of one pair */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		err(1, "%s", path);
	close(fd);
}

static void watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		err(1, "epoll_ctl");
}

static struct sockaddr_in to(const struct storm *s, int i)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)(s->port + i)),
		.sin_addr = s->address,
	};
}

/* --- server -------------------------------------------------------------- */

static int listener(const struct storm *s, int i)
{
	struct sockaddr_in a = to(s, i);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 65535) < 0)
		err(1, "port %d", s->port + i);
	return fd;
}

/* Returns how many. At most EVENTS: those that are over want their turn, too. */
static int take(int epoll, int fd)
{
	int n = 0, got;

	for (; n < EVENTS; n++) {
		got = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (got < 0 && errno != EAGAIN)
			err(1, "accept");
		if (got < 0)
			break;
		watch(epoll, got, EPOLLIN);
	}
	return n;
}

/* Until the client has made all of its connections and they are over. */
static void serve(const struct storm *s, int i)
{
	struct pair *p = &s->pairs[i];
	struct epoll_event events[EVENTS];
	uint64_t closed = 0;
	double patience = 0;
	int epoll, fd;

	enter(s->server_ns);
	fd = listener(s, i);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(epoll, fd, EPOLLIN);
	p->listening = true;
	while (!p->client_done || closed < p->made) {
		int n = epoll_wait(epoll, events, EVENTS, 50);

		for (int e = 0; e < n; e++)
			if (events[e].data.fd == fd) {
				p->accepted += (uint64_t)take(epoll, fd);
			} else {
				close(events[e].data.fd);
				closed++;
			}
		if (p->client_done && !patience)
			patience = now() + PATIENCE;
		if (patience && now() > patience)
			return; /* the sums differ, and main says so */
	}
}

/* --- client -------------------------------------------------------------- */

/* False: there is no free port at the moment. */
static bool start_one(const struct storm *s, int i, int epoll)
{
	struct sockaddr_in a = to(s, i);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket");
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno != EINPROGRESS) {
		if (errno != EADDRNOTAVAIL)
			err(1, "connect");
		close(fd);
		return false;
	}
	watch(epoll, fd, EPOLLOUT);
	return true;
}

static void finish_one(const struct storm *s, int i, int epoll, int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error)
		errx(1, "connection: %s", strerror(error ? error : errno));
	s->pairs[i].made++;
	if (s->hold)
		epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
	else
		close(fd);
}

static void connect_all(const struct storm *s, int i)
{
	struct pair *p = &s->pairs[i];
	struct epoll_event events[EVENTS];
	uint64_t started = 0;
	double end;
	int epoll;

	enter(s->client_ns);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	end = now() + s->seconds;
	for (bool more = true; more || p->made < started;) {
		int n;

		more = s->hold ? started < s->hold : now() < end;
		while (more && started - p->made < (uint64_t)s->at_once &&
		       (!s->hold || started < s->hold) && start_one(s, i, epoll))
			started++;
		n = epoll_wait(epoll, events, EVENTS, 10);
		for (int e = 0; e < n; e++)
			finish_one(s, i, epoll, events[e].data.fd);
	}
	while (s->hold && !*s->over)
		usleep(10000);
}

/* --- both ---------------------------------------------------------------- */

/* A process that ends with this one. */
static pid_t run(void (*end)(const struct storm *s, int i), const struct storm *s, int i)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	end(s, i);
	exit(0);
}

/* Say "open" when all are, and wait for the end of stdin. */
static void held(const struct storm *s)
{
	double patience = now() + PATIENCE;
	uint64_t made = 0, accepted = 0, wanted = s->hold * (uint64_t)s->n_pairs;
	char c;

	while (made < wanted || accepted < wanted) {
		if (now() > patience)
			errx(1, "only %llu of %llu are open", (unsigned long long)made,
			     (unsigned long long)wanted);
		usleep(10000);
		made = accepted = 0;
		for (int i = 0; i < s->n_pairs; i++) {
			made += s->pairs[i].made;
			accepted += s->pairs[i].accepted;
		}
	}
	puts("open");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	*s->over = true;
}

static int storm(const struct storm *s)
{
	pid_t servers[PAIRS_MOST], clients[PAIRS_MOST];
	unsigned long long made = 0, accepted = 0;
	int failed = 0, status;

	for (int i = 0; i < s->n_pairs; i++)
		servers[i] = run(serve, s, i);
	for (int i = 0; i < s->n_pairs; i++)
		while (!s->pairs[i].listening && waitpid(servers[i], &status, WNOHANG) == 0)
			usleep(1000);
	for (int i = 0; i < s->n_pairs; i++)
		clients[i] = run(connect_all, s, i);
	if (s->hold)
		held(s);
	for (int i = 0; i < s->n_pairs; i++) {
		waitpid(clients[i], &status, 0);
		failed |= status;
		s->pairs[i].client_done = true;
	}
	for (int i = 0; i < s->n_pairs; i++) {
		waitpid(servers[i], &status, 0);
		failed |= status;
		made += s->pairs[i].made;
		accepted += s->pairs[i].accepted;
	}
	printf("made %llu accepted %llu\n", made, accepted);
	return failed || made != accepted;
}

static void many_files(void)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
	struct storm s = {.at_once = 64, .n_pairs = 1, .seconds = 1};
	int c;

	while ((c = getopt(argc, argv, "n:p:s:h:")) != -1)
		if (c == 'n')
			s.at_once = atoi(optarg);
		else if (c == 'p')
			s.n_pairs = atoi(optarg);
		else if (c == 's')
			s.seconds = atof(optarg);
		else if (c == 'h')
			s.hold = strtoull(optarg, NULL, 10);
		else
			return 2;
	if (argc - optind != 4 || s.n_pairs < 1 || s.n_pairs > PAIRS_MOST || s.at_once < 1 ||
	    inet_pton(AF_INET, argv[optind + 2], &s.address) != 1)
		errx(2, "usage: storm [-n AT_ONCE] [-p PAIRS] [-s SECONDS | -h NUMBER] CLIENT "
			"SERVER ADDRESS PORT");
	s.client_ns = argv[optind];
	s.server_ns = argv[optind + 1];
	s.port = atoi(argv[optind + 3]);
	s.hold /= (uint64_t)s.n_pairs;
	s.pairs = mmap(NULL, sizeof(*s.pairs) * PAIRS_MOST + 1, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s.pairs == MAP_FAILED)
		err(1, "mmap");
	s.over = (volatile bool *)(s.pairs + PAIRS_MOST);
	many_files();
	return storm(&s);
}
