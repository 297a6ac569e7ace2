/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test.h - struct ti_test, and what the files of the kit share: test.c (begin, clock,
 * end), feed.c (packets), host.c (services of the host), map.c (maps without kernel),
 * metric.c, event.c, json.c (fields of events), failure.c (failures and the log).
 */
#ifndef TI_TESTING_TEST_H
#define TI_TESTING_TEST_H

#include <stdbool.h>
#include <tcpinspect/testing.h>
#include "offline.h"
#include "setup.h"

#define HOOKS_MAX  16 /* that a test may set */
#define IFACES_MAX 16
#define LIST_OF(T)	  \
	struct {	  \
		T *at;	  \
		size_t n; \
	}

struct line {
	enum ti_log_level level;
	char *text;
};

struct ti_test_event {
	struct ti_test *t;
	const struct ti_event_type *type;
	struct ti_record rec;
	void *data;
	char *json; /* NULL until somebody asks */
};

struct ti_test {
	struct ti_test *next; /* that is open */
	bool whole;
	struct ti_module module;
	struct ti_ini ini;
	struct ti_router *router;
	struct ti_format_env format;
	struct ti_plugin_env env;
	struct ti_plugin_run *plugin;
	struct ti_offline *offline; /* whole, from start to stop */
	uint64_t clock;             /* ns; that of `offline`, while there is one */
	uint64_t started;           /* ticks come at multiples of their period from here */
	bool stopped;

	/* What the host is. */
	struct ti_host host;
	LIST_OF(struct ti_socket) sockets;
	int sockets_fail;
	struct {
		const char *group, *hook;
	} hooks[HOOKS_MAX];
	size_t n_hooks;
	struct {
		uint32_t ifindex;
		char *name;
	} ifaces[IFACES_MAX];
	size_t n_ifaces;
	LIST_OF(struct test_map *) maps;

	LIST_OF(struct ti_test_event *) events;
	size_t taken; /* of them */
	LIST_OF(struct line) lines;
	size_t lines_taken;
	LIST_OF(char *) texts; /* given out, freed at the end */
};

/* Room for one more at the end of a LIST_OF; aborts without memory. */
#define LIST_ADD(list)                                                                    \
	({                                                                                \
		(list).at = test_grow((list).at, (list).n, sizeof(*(list).at));           \
		&(list).at[(list).n++];                                                   \
	})
void *test_grow(void *at, size_t n, size_t size);
/* A text that lives as long as the test; takes it. */
const char *test_keep(struct ti_test *t, char *text);
/* Calls of the core write to this test's log from now on. */
void test_enter(struct ti_test *t);

/* failure.c: the rest of the line is appended to what test_fail_begin() began. */
void test_fail(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Errors among the lines of t, each on its own, to out[]. */
void test_errors(const struct ti_test *t, char *out, size_t size);

/* host.c */
void test_host_init(struct ti_test *t);
const char *test_ifname(void *t, uint32_t ifindex);
void test_host_free(struct ti_test *t);

/* map.c: ti_host's services for maps. */
struct test_map;
int test_map(struct ti_handle *h, const char *name);
int test_map_get(struct ti_handle *h, int map, const void *key, void *value);
int test_map_set(struct ti_handle *h, int map, const void *key, const void *value);
int test_map_delete(struct ti_handle *h, int map, const void *key);
int test_map_each(struct ti_handle *h, int map,
		  int (*fn)(void *arg, const void *key, const void *value), void *arg);
void test_maps_free(struct ti_test *t);

/* The test of a plugin's handle. */
struct ti_test *test_of(struct ti_handle *h);

/* event.c */
void test_seen(void *t, const struct ti_event_type *type, const struct ti_record *rec,
	       const void *data);
void test_events_free(struct ti_test *t);

/* json.c: the value at a path in a line of JSON, without quotes and escapes; the caller
 * frees it. NULL: it isn't there. */
char *test_json_value(const char *json, const char *path);

#endif
