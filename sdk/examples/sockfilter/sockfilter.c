/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * sockfilter.c - attaches the BPF program to the TCP connections of one process and
 * reports each second what they have received.
 *
 * A file descriptor of another process's socket keeps its connection open, so it is
 * held only as long as it takes to attach or detach, and fetched anew each time.
 */
#include <tcpinspect/plugin.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "sockfilter.h"

#define MAX_FDS 4096 /* with these, a look at a process takes some milliseconds */

#ifndef SO_GET_FILTER
#define SO_GET_FILTER SO_ATTACH_FILTER
#endif

struct config {
	uint32_t pid;
	char *fd;
};

struct connection {
	uint64_t cookie;
	uint64_t since;       /* boot ns of the last report */
	struct counts told;
	struct received event;
	bool attached;        /* or left alone, which has been said */
	bool open;            /* the process has it still */
};

struct sockfilter {
	const struct ti_host *host;
	struct ti_handle *h;
	const struct config *config;
	int pidfd;
	int program, sockets, received; /* in the BPF object */
	bool ended, full;               /* has been said: the process has, no room for more */
	size_t n;
	struct connection connections[MAX_CONNECTIONS];
};

#define LOG(s, level, ...) ((s)->host->log((s)->h, level, __VA_ARGS__))

static struct connection *find(struct sockfilter *s, uint64_t cookie)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->connections[i].cookie == cookie)
			return &s->connections[i];
	return NULL;
}

/* IPv4 as in an event: mapped into IPv6. */
static void take_address(const struct sockaddr_storage *from, ti_addr *addr, ti_port *port)
{
	const struct sockaddr_in6 *in6 = (const void *)from;
	const struct sockaddr_in *in = (const void *)from;
	uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };

	memcpy(mapped + 12, &in->sin_addr, 4);
	memcpy(addr, from->ss_family == AF_INET6 ? (const void *)&in6->sin6_addr : mapped, 16);
	*port = ntohs(in->sin_port); /* in both at the same place */
}

/* Of a TCP connection; false: it is none. */
static bool read_addresses(int sock, struct received *e)
{
	struct sockaddr_storage local, peer;
	socklen_t len = sizeof(local), peer_len = sizeof(peer), protocol_len = sizeof(int);
	int protocol;

	if (getsockopt(sock, SOL_SOCKET, SO_PROTOCOL, &protocol, &protocol_len) < 0 ||
	    protocol != IPPROTO_TCP || getsockname(sock, (void *)&local, &len) < 0 ||
	    getpeername(sock, (void *)&peer, &peer_len) < 0)
		return false;
	take_address(&peer, &e->src_ip, &e->src_port);
	take_address(&local, &e->dst_ip, &e->dst_port);
	return true;
}

/* Instructions of a socket's classic filter, 0: it has none, -EACCES: a BPF program. */
static int filter_of(int sock)
{
	socklen_t len = 0;

	return getsockopt(sock, SOL_SOCKET, SO_GET_FILTER, NULL, &len) < 0 ? -errno : (int)len;
}

/* NULL: attached; or why not. */
static const char *attach(struct sockfilter *s, int sock, uint64_t cookie)
{
	const struct counts none = { 0 };
	int filter = filter_of(sock);

	if (filter)
		return filter == -EACCES ? "it has a BPF filter already, of its own or of a tcpinspect that was killed" :
		       filter > 0	 ? "it has a filter of its own" :
					   strerror(-filter);
	s->host->map_set(s->h, s->sockets, &cookie, &none);
	if (setsockopt(sock, SOL_SOCKET, SO_ATTACH_BPF, &s->program, sizeof(s->program)) == 0)
		return NULL;
	filter = errno;
	s->host->map_delete(s->h, s->sockets, &cookie);
	return filter == EPERM ? "it takes no filter any more (SO_LOCK_FILTER)" : strerror(filter);
}

static void look_at(struct sockfilter *s, int sock, int fd)
{
	struct received e = { .pid = s->config->pid, .fd = fd };
	struct connection *c;
	socklen_t len = sizeof(uint64_t);
	uint64_t cookie;
	const char *why;

	if (getsockopt(sock, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return;
	c = find(s, cookie);
	if (c) {
		c->open = true;
		return;
	}
	if (!read_addresses(sock, &e))
		return;
	if (s->n == MAX_CONNECTIONS) {
		if (!s->full)
			LOG(s, TI_LOG_WARNING, "process %u has over %d connections: some are not seen", e.pid, MAX_CONNECTIONS);
		s->full = true;
		return;
	}
	why = attach(s, sock, cookie);
	if (why)
		LOG(s, TI_LOG_WARNING, "fd %d of process %u is left alone: %s", fd, e.pid, why);
	else
		LOG(s, TI_LOG_INFO, "attached to fd %d of process %u", fd, e.pid);
	s->connections[s->n++] = (struct connection){
		.cookie = cookie, .since = s->host->now(s->h), .event = e, .attached = !why, .open = true,
	};
}

/* Unless the application has put a filter of its own in the place of ours. */
static void detach_from(struct sockfilter *s, int sock, int fd)
{
	socklen_t len = sizeof(uint64_t);
	const struct connection *c;
	uint64_t cookie;
	int none = 0;

	(void)fd;
	if (getsockopt(sock, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		return;
	c = find(s, cookie);
	if (c && c->attached && filter_of(sock) == -EACCES)
		setsockopt(sock, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none));
}

/* If it is a socket's: 0, or -errno when none of this process can be had. */
static int with_fd(struct sockfilter *s, int dir, const char *name, void (*fn)(struct sockfilter *, int, int))
{
	char what[16] = "";
	int sock, fd = atoi(name);

	if (fd >= MAX_FDS)
		return 0;
	if (readlinkat(dir, name, what, sizeof(what) - 1) < 0)
		return errno == EACCES ? -errno : 0;
	if (strncmp(what, "socket:", 7))
		return 0;
	sock = syscall(SYS_pidfd_getfd, s->pidfd, fd, 0);
	if (sock < 0)
		return errno == EBADF ? 0 : -errno; /* closed meanwhile */
	fn(s, sock, fd);
	close(sock);
	return 0;
}

static int each_socket(struct sockfilter *s, void (*fn)(struct sockfilter *, int, int))
{
	char path[32];
	const struct dirent *entry;
	DIR *dir;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%u/fd", s->config->pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while (r == 0 && (entry = readdir(dir)))
		if (!strcmp(s->config->fd, "all") || !strcmp(s->config->fd, entry->d_name))
			r = with_fd(s, dirfd(dir), entry->d_name, fn);
	closedir(dir);
	return r;
}

static void report(struct sockfilter *s, struct connection *c, uint64_t now)
{
	struct counts counts;

	if (s->host->map_get(s->h, s->sockets, &c->cookie, &counts) < 0 || counts.bytes == c->told.bytes)
		return;
	c->event.bytes = counts.bytes - c->told.bytes;
	c->event.segments = counts.segments - c->told.segments;
	c->event.window = now - c->since;
	c->told = counts;
	c->since = now;
	s->host->emit(s->h, s->received, &c->event, sizeof(c->event), now);
}

static void sockfilter_tick(void *self, uint64_t now)
{
	struct sockfilter *s = self;
	int r;

	for (size_t i = 0; i < s->n; i++)
		s->connections[i].open = false;
	r = each_socket(s, look_at);
	if (r < 0 && !s->ended)
		LOG(s, TI_LOG_WARNING, "process %u: %s", s->config->pid, r == -ESRCH ? "it has ended" : strerror(-r));
	s->ended = r < 0;
	for (size_t i = s->n; i-- > 0;) {
		struct connection *c = &s->connections[i];

		report(s, c, now);
		if (c->open)
			continue;
		s->host->map_delete(s->h, s->sockets, &c->cookie);
		*c = s->connections[--s->n];
	}
}

static void sockfilter_stop(void *self)
{
	struct sockfilter *s = self;

	each_socket(s, detach_from);
	for (size_t i = 0; i < s->n; i++)
		report(s, &s->connections[i], s->host->now(s->h));
	close(s->pidfd);
	free(s);
}

/* -errno, and the cure in the log. */
static int open_process(struct sockfilter *s)
{
	int r;

	s->pidfd = syscall(SYS_pidfd_open, s->config->pid, 0);
	r = s->pidfd < 0 ? -errno : each_socket(s, look_at);
	if (!s->config->pid)
		LOG(s, TI_LOG_ERROR, "which process? say pid = NUMBER");
	else if (r == -ESRCH)
		LOG(s, TI_LOG_ERROR, "there is no process %u", s->config->pid);
	else if (r == -EPERM || r == -EACCES)
		LOG(s, TI_LOG_ERROR, "the sockets of process %u can't be had: that takes CAP_SYS_PTRACE, and "
		    "sysctl kernel.yama.ptrace_scope below 3", s->config->pid);
	else if (r < 0)
		LOG(s, TI_LOG_ERROR, "the sockets of process %u can't be had: %s", s->config->pid, strerror(-r));
	return r;
}

static int sockfilter_start(void **self, const struct ti_host *host, struct ti_handle *h, const void *config)
{
	struct sockfilter *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->host = host;
	s->h = h;
	s->config = config;
	s->program = host->program(h, "arrived");
	s->sockets = host->map(h, "sockets");
	s->received = host->event(h, "received");
	r = open_process(s);
	if (r < 0) {
		sockfilter_stop(s);
		return r;
	}
	*self = s;
	return 0;
}

static const struct ti_option options[] = {
	{ .key = "pid", .type = TI_OPT_U32, .offset = offsetof(struct config, pid), .min = 1, .max = 4194304,
	  .help = "the process whose connections are looked at" },
	{ .key = "fd", .type = TI_OPT_STRING, .offset = offsetof(struct config, fd), .def = "all", .min = 1,
	  .max = 10, .help = "the one file descriptor of it that is looked at, or all" },
};

TI_BPF_OBJECT(sockfilter_bpf, "sockfilter.bpf.o");
TI_PLUGIN(sockfilter, .version = "1.0", .summary = "what the connections of one process receive",
	  TI_PLUGIN_BPF(sockfilter_bpf), .options = options,
	  .n_options = sizeof(options) / sizeof(options[0]), .config_size = sizeof(struct config),
	  .start = sockfilter_start, .tick = sockfilter_tick, .stop = sockfilter_stop);
