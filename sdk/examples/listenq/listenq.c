/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * listenq.c - says whose the listener of an event is, which the kernel doesn't know when a
 * packet comes: by the socket's inode, among the open files of all processes.
 */
#include <tcpinspect/plugin.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "listenq.h"

#define OWNERS	    64
#define SECOND	    1000000000ull
#define LOOK_AGAIN  (10 * SECOND) /* a listener may be handed on */
#define LOOK_PAUSE  SECOND        /* with many processes a look takes milliseconds */

struct owner {
	uint64_t inode, looked; /* boot ns */
	uint32_t pid;           /* 0: nobody was found */
	char comm[17];
};

struct listenq {
	struct owner owners[OWNERS];
	size_t next;     /* to be replaced */
	uint64_t looked; /* boot ns of the last look through /proc */
};

/* Has the process whose folder in /proc this is the socket open? */
static bool has_socket(int proc, const char *pid, const char *socket)
{
	char path[300], what[64];
	const struct dirent *entry;
	bool has = false;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%s/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return false;
	while (!has && (entry = readdir(dir))) {
		ssize_t n = readlinkat(fd, entry->d_name, what, sizeof(what) - 1);

		what[n < 0 ? 0 : n] = '\0';
		has = !strcmp(what, socket);
	}
	closedir(dir);
	return has;
}

static void read_comm(const char *pid, char *comm, size_t size)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (f && fgets(comm, size, f))
		comm[strcspn(comm, "\n")] = '\0';
	if (f)
		fclose(f);
}

/* The first process that has it: with one that forks, who made it. */
static void look(struct owner *o)
{
	const struct dirent *entry;
	DIR *proc = opendir("/proc");
	char socket[64];

	snprintf(socket, sizeof(socket), "socket:[%llu]", (unsigned long long)o->inode);
	while (proc && !o->pid && (entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !has_socket(dirfd(proc), entry->d_name, socket))
			continue;
		o->pid = atoi(entry->d_name);
		read_comm(entry->d_name, o->comm, sizeof(o->comm));
	}
	if (proc)
		closedir(proc);
}

static struct owner *owner_of(struct listenq *q, uint64_t inode, uint64_t now)
{
	struct owner *o = NULL;

	for (size_t i = 0; !o && i < OWNERS; i++)
		if (q->owners[i].inode == inode)
			o = &q->owners[i];
	if ((o && now - o->looked < LOOK_AGAIN) || (q->looked && now - q->looked < LOOK_PAUSE))
		return o;
	if (!o)
		o = &q->owners[q->next++ % OWNERS];
	*o = (struct owner){ .inode = inode, .looked = now };
	q->looked = now;
	look(o);
	return o;
}

static int listenq_event(void *self, const struct ti_record *rec, void *data)
{
	struct overflow *e = data;
	const struct owner *o = owner_of(self, e->inode, rec->boot_ns);

	if (o) {
		e->pid = o->pid;
		e->comm.len = strlen(o->comm);
		memcpy(e->comm.str, o->comm, e->comm.len);
	}
	return 0; /* goes on to the sinks */
}

static int listenq_start(void **self, const struct ti_host *host, struct ti_handle *h, const void *config)
{
	(void)host;
	(void)h;
	(void)config;
	*self = calloc(1, sizeof(struct listenq));
	return *self ? 0 : -ENOMEM;
}

TI_BPF_OBJECT(listenq_bpf, "listenq.bpf.o");
TI_PLUGIN(listenq, .version = "1.0", .summary = "listeners whose accept queue overflows, and whose they are",
	  TI_PLUGIN_BPF(listenq_bpf), .start = listenq_start, .event = listenq_event, .stop = free);
