/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host.c - the host as a test describes it to the plugin, by ti_host. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "plugin_run.h"
#include "test.h"

struct ti_test *test_of(struct ti_handle *h)
{
	const struct ti_plugin_env *env = ((struct ti_plugin_run *)h)->env;

	return env->arg;
}

/* --- services -------------------------------------------------------------- */

static int host_sockets(struct ti_handle *h, uint32_t states,
			int (*fn)(void *arg, const struct ti_socket *s), void *arg)
{
	struct ti_test *t = test_of(h);
	int r = t->sockets_fail;

	for (size_t i = 0; r == 0 && i < t->sockets.n; i++)
		if (states >> t->sockets.at[i].state & 1)
			r = fn(arg, &t->sockets.at[i]);
	return r;
}

const char *test_ifname(void *arg, uint32_t ifindex)
{
	const struct ti_test *t = arg;

	for (size_t i = 0; i < t->n_ifaces; i++)
		if (t->ifaces[i].ifindex == ifindex)
			return t->ifaces[i].name;
	return NULL;
}

static const char *host_ifname(struct ti_handle *h, uint32_t ifindex)
{
	return test_ifname(test_of(h), ifindex);
}

static const char *host_hook(struct ti_handle *h, const char *group)
{
	const struct ti_test *t = test_of(h);

	for (size_t i = 0; i < t->n_hooks; i++)
		if (!strcmp(t->hooks[i].group, group))
			return t->hooks[i].hook;
	return ti_plugin_host.hook(h, group);
}

static int host_offline(struct ti_handle *h)
{
	return test_of(h)->whole;
}

void test_host_init(struct ti_test *t)
{
	t->host = ti_plugin_host;
	t->host.sockets = host_sockets;
	t->host.ifname = host_ifname;
	t->host.hook = host_hook;
	t->host.offline = host_offline;
	if (t->whole)
		return;
	t->host.map = test_map;
	t->host.map_get = test_map_get;
	t->host.map_set = test_map_set;
	t->host.map_delete = test_map_delete;
	t->host.map_each = test_map_each;
}

void test_host_free(struct ti_test *t)
{
	for (size_t i = 0; i < t->n_ifaces; i++)
		free(t->ifaces[i].name);
	free(t->sockets.at);
}

/* --- what the test says ---------------------------------------------------- */

void ti_test_socket(struct ti_test *t, const struct ti_socket *s)
{
	for (size_t i = 0; s->cookie && i < t->sockets.n; i++)
		if (t->sockets.at[i].cookie == s->cookie) {
			t->sockets.at[i] = *s;
			return;
		}
	*LIST_ADD(t->sockets) = *s;
}

void ti_test_no_sockets(struct ti_test *t)
{
	t->sockets.n = 0;
}

void ti_test_sockets_fail(struct ti_test *t, int r)
{
	t->sockets_fail = r;
}

static void tell(struct ti_test *t)
{
	test_enter(t);
	if (!t->stopped)
		ti_plugin_attached(t->plugin);
}

void ti_test_interface(struct ti_test *t, uint32_t ifindex, const char *name)
{
	size_t i = 0;

	while (i < t->n_ifaces && t->ifaces[i].ifindex != ifindex)
		i++;
	if (i == IFACES_MAX)
		abort();
	t->n_ifaces += i == t->n_ifaces;
	free(t->ifaces[i].name);
	t->ifaces[i].ifindex = ifindex;
	t->ifaces[i].name = name ? strdup(name) : NULL;
	tell(t);
}

void ti_test_hook(struct ti_test *t, const char *group, const char *hook)
{
	size_t i = 0;

	while (i < t->n_hooks && strcmp(t->hooks[i].group, group))
		i++;
	if (i == HOOKS_MAX)
		abort();
	t->n_hooks += i == t->n_hooks;
	t->hooks[i].group = group;
	t->hooks[i].hook = hook;
	tell(t);
}

/* --- memory, maps ---------------------------------------------------------- */

static struct ti_handle *handle(struct ti_test *t)
{
	return (struct ti_handle *)t->plugin;
}

void *ti_test_find_memory(struct ti_test *t, const char *name, size_t *size, const char *file, int line)
{
	size_t unused;
	void *at = t->host.memory(handle(t), name, size ? size : &unused);

	if (!at)
		test_fail(file, line, "%s has no variable or TI_CPU_ARRAY '%s'", ti_plugin_name(t->plugin), name);
	return at;
}

int ti_test_map_get(struct ti_test *t, const char *map, const void *key, void *value)
{
	int fd = t->host.map(handle(t), map);

	return fd < 0 ? fd : t->host.map_get(handle(t), fd, key, value);
}

int ti_test_map_set(struct ti_test *t, const char *map, const void *key, const void *value)
{
	int fd = t->host.map(handle(t), map);

	return fd < 0 ? fd : t->host.map_set(handle(t), fd, key, value);
}

int ti_test_map_delete(struct ti_test *t, const char *map, const void *key)
{
	int fd = t->host.map(handle(t), map);

	return fd < 0 ? fd : t->host.map_delete(handle(t), fd, key);
}

uint64_t ti_test_counter(struct ti_test *t, enum ti_count which)
{
	struct ti_plugin_run *p = t->plugin;

	return t->stopped ? ti_plugin_counted(p, which) : ti_probe_counter(ti_plugin_probe(p), which);
}
