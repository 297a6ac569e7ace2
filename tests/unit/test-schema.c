/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-schema.c - what BPF objects say of themselves. Objects are compiled from
 * tests/unit/fixtures/ with clang, as authors do: one that says everything that
 * can be said, and some that say what can't.
 */
#define _GNU_SOURCE 1
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
/* after those it needs */
#include <cmocka.h>

#include "fixtures/schema.h"
#include "log.h"
#include "module-files.h"
#include "schema.h"

static char said[16384]; /* what the last ti_schema_new logged */

/* --- objects --------------------------------------------------------------- */

static const char *env_or(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value && *value ? value : otherwise;
}

static const char *compile(const char *source, const char *flags)
{
	const char *top = env_or("srcdir", ".");
	const char *path = in_work("object.bpf.o");

	shell("%s %s -I%s/sdk/include %s -c -o %s %s/tests/unit/fixtures/%s",
	      env_or("CLANG", "clang"),
	      env_or("TI_BPF_CFLAGS",
		     "-target bpf -mcpu=v3 -g -O2 -idirafter /usr/include/$(uname -m)-linux-gnu"),
	      top, flags, path, top, source);
	return path;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static int new_schema(struct ti_schema **s, const struct btf *btf, const void *rodata, size_t size)
{
	int log = memfd_create("log", MFD_CLOEXEC), old = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	ssize_t n;
	int r;

	dup2(log, STDERR_FILENO);
	r = ti_schema_new(s, "probe", btf, rodata, size);
	dup2(old, STDERR_FILENO);
	n = pread(log, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	close(old);
	close(log);
	return r;
}

/* As the daemon reads it, but for `cut` bytes that .rodata is shorter. */
static int read_object(struct ti_schema **s, const char *path, size_t cut)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_map *map;
	const void *rodata = NULL;
	size_t size = 0;
	int r;

	assert_non_null(obj);
	map = bpf_object__find_map_by_name(obj, ".rodata");
	if (map)
		rodata = bpf_map__initial_value(map, &size);
	assert_true(size >= cut);
	r = new_schema(s, bpf_object__btf(obj), rodata, size - cut);
	bpf_object__close(obj);
	return r;
}

/* --- the good one ------------------------------------------------------------- */

static struct ti_schema *good;

static const struct ti_event_type *type_of(const char *name)
{
	for (size_t i = 0; i < good->n_types; i++)
		if (!strcmp(good->types[i].name, name))
			return &good->types[i];
	fail_msg("no event %s", name);
	return NULL;
}

static const struct ti_field *field_of(const struct ti_field *fields, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(fields[i].name, name))
			return &fields[i];
	fail_msg("no field %s", name);
	return NULL;
}

static const struct ti_field *of_all(const char *name)
{
	const struct ti_event_type *t = type_of("all");

	return field_of(t->fields, t->n_fields, name);
}

static void test_events(void **state)
{
	const struct ti_event_type *all = type_of("all"), *small = type_of("small_one");
	size_t size;
	int64_t at;

	(void)state;
	assert_string_equal(said, "");
	assert_int_equal(good->n_types, 2);
	for (size_t i = 0; i < good->n_types; i++) {
		char var[64];

		assert_int_equal(good->types[i].number, i);
		assert_string_equal(good->types[i].plugin, "probe");
		snprintf(var, sizeof(var), "ti_event_%s", good->types[i].name);
		at = ti_schema_var(good, ".rodata", var, &size);
		assert_int_equal(good->type_vars[i], at);
		assert_int_equal(size, 8);
	}
	assert_int_not_equal(good->type_vars[0], good->type_vars[1]);
	assert_int_equal(all->severity, TI_WARNING);
	assert_string_equal(all->help, "one of everything");
	assert_int_equal(all->size, sizeof(struct all));
	assert_int_equal(small->severity, TI_CRITICAL);
	assert_string_equal(small->help, "");
	assert_int_equal(small->size, 1);
	assert_int_equal(small->n_fields, 1);
}

#define AT(name)   #name, offsetof(struct all, name), sizeof(((struct all *)0)->name)
#define LIST(name) #name, offsetof(struct all, name), sizeof(((struct all *)0)->name.item[0])

static void test_fields(void **state)
{
	static const struct {
		const char *name;
		uint32_t offset, size;
		enum ti_field_kind kind;
		uint32_t capacity;
		int optional;
		const char *help;
	} rows[] = {
		{AT(u8), TI_FIELD_UINT, 0, 0, "one byte"},
		{AT(s8), TI_FIELD_INT, 0, 0, ""},
		{AT(u16), TI_FIELD_UINT, 0, 0, ""},
		{AT(s16), TI_FIELD_INT, 0, 0, ""},
		{AT(u32), TI_FIELD_UINT, 0, 1, ""},
		{AT(s32), TI_FIELD_INT, 0, 0, ""},
		{AT(u64), TI_FIELD_UINT, 0, 1, "eight"},
		{AT(s64), TI_FIELD_INT, 0, 0, ""},
		{AT(c_bool), TI_FIELD_BOOL, 0, 0, ""},
		{AT(flag), TI_FIELD_BOOL, 0, 0, ""},
		{AT(again), TI_FIELD_UINT, 0, 0, ""},
		{AT(port), TI_FIELD_PORT, 0, 0, ""},
		{AT(vlan), TI_FIELD_VLAN, 0, 0, ""},
		{AT(ifname), TI_FIELD_IFINDEX, 0, 0, ""},
		{AT(mood), TI_FIELD_ENUM, 0, 0, ""},
		{AT(src_ip), TI_FIELD_ADDR, 0, 0, ""},
		{AT(prefix), TI_FIELD_PREFIX, 0, 0, ""},
		{AT(duration), TI_FIELD_NS, 0, 0, ""},
		{AT(below), TI_FIELD_ENUM, 0, 0, ""},
		{AT(small), TI_FIELD_ENUM, 0, 0, ""},
		{AT(text), TI_FIELD_STR, 10, 0, ""},
		{LIST(ports), TI_FIELD_LIST, 4, 0, ""},
		{LIST(peers), TI_FIELD_LIST, 2, 0, ""},
		{LIST(moods), TI_FIELD_LIST, 2, 0, ""},
		{LIST(words), TI_FIELD_LIST, 2, 0, ""},
		{LIST(pairs), TI_FIELD_LIST, 3, 0, "each with its count"},
	};
	const struct ti_event_type *t = type_of("all");

	(void)state;
	assert_int_equal(t->n_fields, TI_ARRAY_SIZE(rows)); /* none of the padding */
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		const struct ti_field *f = &t->fields[i];

		assert_string_equal(f->name, rows[i].name);
		assert_int_equal(f->kind, rows[i].kind);
		assert_int_equal(f->offset, rows[i].offset);
		assert_int_equal(f->size, rows[i].size);
		assert_int_equal(f->capacity, rows[i].capacity);
		assert_int_equal(f->optional, rows[i].optional);
		assert_string_equal(f->help, rows[i].help);
	}
}

static void test_lists(void **state)
{
	static const struct {
		const char *list;
		enum ti_field_kind kind;
		uint32_t size, capacity;
	} rows[] = {
		{"ports", TI_FIELD_UINT, 2, 0},
		{"peers", TI_FIELD_ADDR, 16, 0},
		{"moods", TI_FIELD_ENUM, 4, 0},
		{"words", TI_FIELD_STR, 8, 6},
	};
	const struct ti_field *pairs = of_all("pairs"), *f;

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		f = of_all(rows[i].list);
		assert_int_equal(f->n_items, 1);
		assert_string_equal(f->items[0].name, "");
		assert_string_equal(f->items[0].help, "");
		assert_int_equal(f->items[0].kind, rows[i].kind);
		assert_int_equal(f->items[0].size, rows[i].size);
		assert_int_equal(f->items[0].capacity, rows[i].capacity);
		assert_int_equal(f->items[0].offset, 0);
	}
	assert_int_equal(of_all("moods")->items[0].n_names, 5);
	assert_int_equal(pairs->n_items, 4);
	f = field_of(pairs->items, 4, "ip");
	assert_int_equal(f->kind, TI_FIELD_ADDR);
	assert_string_equal(f->help, "whose");
	f = field_of(pairs->items, 4, "count");
	assert_int_equal(f->offset, offsetof(struct pair, count));
	assert_true(f->optional);
	f = field_of(pairs->items, 4, "word");
	assert_int_equal(f->kind, TI_FIELD_STR);
	assert_int_equal(f->capacity, 6);
	f = field_of(pairs->items, 4, "mood");
	assert_int_equal(f->offset, offsetof(struct pair, mood));
	assert_int_equal(f->n_names, 5);
}

static void test_enum_names(void **state)
{
	static const struct ti_enum_name mood[] = {
		{MOOD_CALM, "calm"}, {MOOD_Angry_Again, "angry_again"},
		{MOODY, "moody"},    {MOOD_, "mood_"},
		{LATE, "late"},
	};
	const struct ti_field *f = of_all("mood"), *below = of_all("below"),
			      *small = of_all("small");

	(void)state;
	assert_int_equal(f->n_names, TI_ARRAY_SIZE(mood));
	for (size_t i = 0; i < TI_ARRAY_SIZE(mood); i++) {
		assert_int_equal(f->names[i].value, mood[i].value);
		assert_string_equal(f->names[i].name, mood[i].name);
	}
	assert_int_equal(below->n_names, 2);
	assert_true(below->names[0].value == -2);
	assert_string_equal(below->names[0].name, "zero");
	assert_string_equal(small->names[1].name, "b");
}

static void test_options(void **state)
{
	static const struct {
		const char *key;
		enum ti_option_type type;
		uint32_t width;
		const char *def;
		int64_t min, max;
		const char *help;
	} rows[] = {
		{"limit8", TI_OPT_U32, 1, "7", 1, 255, "a byte"},
		{"limit16", TI_OPT_U32, 2, "1220", 536, 65535, "two bytes"},
		{"limit32", TI_OPT_U32, 4, "100000", 0, 0, "any"},
		{"limit64", TI_OPT_U64, 8, "18446744073709551615", 0, 0, "any"},
		{"suffixed", TI_OPT_U64, 8, "5", 1, INT64_MAX, "limits with suffixes"},
		{"quiet", TI_OPT_BOOL, 1, "yes", 0, 1, "on"},
		{"loud", TI_OPT_BOOL, 1, "no", 0, 1, "off"},
		{"odd", TI_OPT_BOOL, 1, "yes", 0, 1, "C's own"},
		{"never", TI_OPT_DURATION, 8, "0", 0, 0, "zero"},
		{"hours", TI_OPT_DURATION, 8, "2h", 1, 86400000000000, "whole hours"},
		{"minutes", TI_OPT_DURATION, 8, "90m", 1, 86400000000000, "whole minutes"},
		{"seconds", TI_OPT_DURATION, 8, "61s", 0, 0, "whole seconds"},
		{"millis", TI_OPT_DURATION, 8, "1500ms", 0, 0, "whole milliseconds"},
		{"micros", TI_OPT_DURATION, 8, "2us", 0, 0, "whole microseconds"},
		{"nanos", TI_OPT_DURATION, 8, "2001ns", 0, 0, "neither"},
		{"entries", TI_OPT_U32, 4, "64", 1, 1024, "of a map"},
		{"mode", TI_OPT_ENUM, 4, "watch", 0, 0, "what to do"},
	};

	(void)state;
	assert_int_equal(good->n_options, TI_ARRAY_SIZE(rows));
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		const struct ti_bpf_option *o = NULL;
		size_t size;

		for (size_t k = 0; k < good->n_options; k++)
			if (!strcmp(good->options[k].row.key, rows[i].key))
				o = &good->options[k];
		assert_non_null(o);
		assert_int_equal(o->row.type, rows[i].type);
		assert_int_equal(o->width, rows[i].width);
		assert_string_equal(o->row.def, rows[i].def);
		assert_true(o->row.min == rows[i].min && o->row.max == rows[i].max);
		assert_string_equal(o->row.help, rows[i].help);
		assert_int_equal(o->row.offset, ti_schema_var(good, ".rodata", rows[i].key, &size));
		assert_int_equal(size, rows[i].width);
		if (rows[i].type == TI_OPT_ENUM) {
			assert_string_equal(o->row.choices[0], "off");
			assert_string_equal(o->row.choices[2], "limit");
			assert_null(o->row.choices[3]);
		}
	}
}

static void test_hooks(void **state)
{
	static const struct ti_bpf_hook rows[] = {
		{"alone", "alone", 0, true, 0, .by_hand = true},
		{"entries", "entries_fentry_tcp_sendmsg", 3, false, 0},
		{"entries", "entries_kprobe_tcp_sendmsg", 4, false, 0},
		{"packets", "packets_tc", 0, false, TI_KNOW_FLOW},
		{"packets", "packets_xdp", 1, false, TI_KNOW_FLOW},
		{"packets", "packets_socket", 2, false, TI_KNOW_FLOW},
		{"returns", "returns_fexit_inet_csk_accept", 0, true, 0},
		{"returns", "returns_kretprobe_inet_csk_accept", 1, true, 0},
		{"states", "states_tp_btf", 0, true, TI_KNOW_SOCK | TI_KNOW_PID},
		{"states", "states_raw_tp", 1, true, 0},
		{"users", "users_uprobe_", 0, false, TI_KNOW_PID},
		{"users", "users_uretprobe_", 0, false, TI_KNOW_PID},
	};

	(void)state;
	assert_int_equal(good->n_hooks, TI_ARRAY_SIZE(rows));
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		assert_string_equal(good->hooks[i].group, rows[i].group);
		if (!strcmp(rows[i].group, "users")) /* a number follows */
			assert_memory_equal(good->hooks[i].prog, rows[i].prog, strlen(rows[i].prog));
		else
			assert_string_equal(good->hooks[i].prog, rows[i].prog);
		assert_int_equal(good->hooks[i].order, rows[i].order);
		assert_int_equal(good->hooks[i].optional, rows[i].optional);
		assert_int_equal(good->hooks[i].knows, rows[i].knows);
		assert_int_equal(good->hooks[i].by_hand, rows[i].by_hand);
	}
}

/* The variable that is told the number of a function's parameters. */
static void test_params(void **state)
{
	size_t size;

	(void)state;
	assert_int_equal(good->n_params, 1);
	assert_string_equal(good->params[0].function, "inet_csk_accept");
	assert_int_equal(good->params[0].offset,
			 ti_schema_var(good, ".rodata", "returns_params_inet_csk_accept", &size));
	assert_int_equal(size, sizeof(uint32_t));
}

/* Numbered behind the events, and none of them. */
static void test_internals(void **state)
{
	const struct ti_bpf_internal *own = good->internals;

	(void)state;
	assert_int_equal(good->n_internals, 1);
	assert_string_equal(own->name, "own");
	assert_int_equal(own->size, 112);
	for (size_t i = 0; i < good->n_types; i++)
		assert_int_not_equal(good->type_vars[i], own->offset);
}

static void test_maps(void **state)
{
	unsigned seen = 0;
	size_t size;

	(void)state;
	assert_int_equal(good->n_maps, 3); /* not `plain`, not the ring */
	for (size_t i = 0; i < good->n_maps; i++) {
		const struct ti_bpf_map *m = &good->maps[i];
		bool sized = !strcmp(m->name, "sized");

		seen |= sized << 0 | !strcmp(m->name, "ti_counters") << 1 | !strcmp(m->name, "pairs") << 2;
		assert_int_equal(m->cpus, !sized);
		assert_null(m->only_if);
		if (sized)
			assert_int_equal(m->sized_by->row.offset, ti_schema_var(good, ".rodata", "entries", &size));
		else
			assert_null(m->sized_by);
	}
	assert_int_equal(seen, 7);
}

static void test_variables(void **state)
{
	size_t size = 0;

	(void)state;
	assert_true(ti_schema_var(good, ".bss", "in_bss", &size) >= 0);
	assert_int_equal(size, 4);
	assert_true(ti_schema_var(good, ".data", "in_data", &size) >= 0);
	assert_int_equal(size, 8);
	assert_true(ti_schema_var(good, ".rodata", "ti_seed", &size) >= 0);
	assert_int_equal(size, 8);
	size = 7;
	assert_int_equal(ti_schema_var(good, ".bss", "in_data", &size), -ENOENT);
	assert_int_equal(ti_schema_var(good, ".nowhere", "in_data", &size), -ENOENT);
	assert_int_equal(size, 7);
}

/* --- refusals -------------------------------------------------------------------- */

static void assert_refused(int r, const char *text)
{
	assert_int_equal(r, -EINVAL);
	if (!strstr(said, text))
		fail_msg("'%s' is not in: %s", text, said);
	/* One line: the reason is not told twice. */
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

#define POINTS "is a pointer, which means nothing outside the kernel"
#define NAMED  "is a name that every event has already; choose another"
#define ARRAY  "is an array; use ti_str(N) for text or ti_list(T, N)"
#define SIZED  "struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, __u32); } m SEC(\".maps\") TI_SIZED_BY(o)"
#define UNSIZED "probe: m has its size from an option that isn't a __u32 of at least 1"
#define LABELS(members) "struct m { ti_counter n; }; struct k { " members " }; TI_METRICS_BY(m, k, 9)"
#define STRUCT "is a struct; write its members as fields, or use ti_list"

static void test_refused(void **state)
{
	static const struct {
		const char *flags, *text;
	} rows[] = {
		{"-DFIELD='__u32 flags : 3'",
		 "probe: bad.flags is a bitfield; use a whole integer"},
		{"-DFIELD='void *skb'", "probe: bad.skb " POINTS},
		{"-DFIELD='void (*fn)(void)'", "probe: bad.fn " POINTS},
		{"-DFIELD='union { __u32 v4; __u64 v6; } ip'",
		 "probe: bad.ip is a union; use one field"},
		{"-DFIELD='__u8 mac[6]'", "probe: bad.mac " ARRAY},
		{"-DFIELD='char text[16]'", "probe: bad.text " ARRAY},
		{"-DFIELD='struct inner in'", "probe: bad.in " STRUCT},
		{"-DFIELD='struct { __u32 x; }'", "probe: bad. has a member without a name"},
		{"-DFIELD='__int128 wide'", "probe: bad.wide is wider than 64 bits"},
		{"-DFIELD='double mean'", "probe: bad.mean is a float; use an integer"},
		{"-DFIELD='__u32 time'", "probe: bad.time " NAMED},
		{"-DFIELD='__u32 host'", "probe: bad.host " NAMED},
		{"-DFIELD='__u32 plugin'", "probe: bad.plugin " NAMED},
		{"-DFIELD='__u32 event'", "probe: bad.event " NAMED},
		{"-DFIELD='__u32 severity'", "probe: bad.severity " NAMED},
		/* what it is */
		{"-DFIELD='const struct sk_buff *skb'", "(its type is struct sk_buff *)"},
		{"-DFIELD='__u8 mac[6][2]'", "(its type is __u8[6][2])"},
		{"-DFIELD='__u32 flags : 3'", "(its type is __u32)"},
		{"-DFIELD='union { __u32 v4; __u64 v6; } ip'", "(its type is union)"},
		/* like ti_str and ti_list, but not quite */
		{"-DFIELD='struct { __u32 len; char str[8]; } s'", "probe: bad.s " STRUCT},
		{"-DFIELD='struct { __u16 len; __u16 str[8]; } s'", "probe: bad.s " STRUCT},
		{"-DFIELD='struct { __u32 len; __u32 item[2]; } l'", "probe: bad.l " STRUCT},
		{"-DOTHER_VLAN '-DFIELD=ti_vlan id'",
		 "probe: bad.id has a type of that name but of another size"},
		/* in lists */
		{"'-DFIELD=ti_list(ti_list(__u32, 2), 2) l'", "probe: bad.l is a list in a list"},
		{"'-DBEFORE=struct item { ti_list(__u32, 2) l; }' '-DFIELD=ti_list(struct item, 2) "
		 "x'",
		 "probe: bad.l is a list in a list; make it a field of the event"},
		{"'-DFIELD=ti_list(void *, 2) l'", "probe: bad.l " POINTS},
		{"'-DBEFORE=struct item { __u32 x : 1; }' '-DFIELD=ti_list(struct item, 2) l'",
		 "probe: bad.x is a bitfield"},
		/* events */
		{"'-DBEFORE=struct big { ti_list(__u64, 2048) l; }' '-DVARIABLE=TI_TAG(\"event\") "
		 "TI_TAG(\"severity:INFO\") struct big *const volatile big'",
		 "probe: big is larger than 16 KiB"},
		{"'-DVARIABLE=TI_TAG(\"event\") TI_TAG(\"severity:INFO\") struct bad *const volatile twice'",
		 "probe: bad is an event twice; one TI_EVENT makes one"},
		{"-DSEVERITY=LOUD", "probe: bad has an unknown severity; INFO, NOTICE"},
		{"'-DVARIABLE=TI_TAG(\"event\") const volatile __u32 fake'",
		 "probe: fake is tagged as an event but not made by TI_EVENT"},
		{"'-DVARIABLE=TI_TAG(\"event\") struct fwd *const volatile fwd'",
		 "probe: fwd has no struct with fields; define it before TI_EVENT"},
		{"'-DBEFORE=struct none {}' '-DVARIABLE=TI_EVENT(none, INFO, \"\")'",
		 "probe: ti_event_none has no struct with fields"},
		/* options */
		{"'-DVARIABLE=TI_OPTION(int, o, 0, 0, 0, \"\")'",
		 "probe: o is an option of a type that can't be one; use __u8"},
		{"'-DVARIABLE=TI_OPTION(double, o, 0, 0, 0, \"\")'",
		 "probe: o is an option of a type"},
		{"'-DVARIABLE=TI_OPTION(__int128, o, 0, 0, 0, \"\")'",
		 "probe: o is an option of a type"},
		{"'-DVARIABLE=TI_TAG(\"option\") TI_TAG(\"min:0\") TI_TAG(\"max:0\") const "
		 "volatile struct inner o'",
		 "probe: o is an option of a type"},
		{"'-DVARIABLE=TI_OPTION(__u32, o, 0, 0, 0x10, \"\")'",
		 "probe: o has a limit that is no plain number"},
		{"'-DVARIABLE=TI_OPTION(__u64, o, 0, 0, 9223372036854775808, \"\")'",
		 "probe: o has a limit"},
		{"'-DVARIABLE=TI_OPTION(__u64, o, 0, 1 + 1, 9, \"\")'", "probe: o has a limit"},
		{"'-DVARIABLE=TI_OPTION(__u32, o, 4, 5, 9, \"\")'",
		 "probe: o is an option from 5 to 9 with the default 4; choose one in between"},
		{"'-DVARIABLE=TI_OPTION(ti_ns, o, 10, 5, 9, \"\")'", "probe: o is an option from 5 to 9 with"},
		{"'-DVARIABLE=TI_OPTION(__u32, o, 7, 9, 5, \"\")'",
		 "probe: o is an option from 9 to 5; the lower limit comes first"},
		{"'-DVARIABLE=TI_OPTION(__u32, o, 0, -1, 5, \"\")'", "probe: o is an option from -1 to 5;"},
		{"'-DVARIABLE=TI_OPTION(__u16, o, 0, 0, 65536, \"\")'",
		 "probe: o is an option of up to 65536, for which a variable of 16 bits has no room"},
		{"'-DVARIABLE=TI_OPTION(__u32, O, 0, 0, 5, \"\")'", "probe: O is an option's name that the ini can't have"},
		{"'-DVARIABLE=TI_TAG(\"option\") const volatile __u32 o'",
		 "probe: o is tagged as an option but not made"},
		{"'-DBEFORE=enum e { A, C = 2 }' '-DVARIABLE=TI_OPTION(enum e, o, A, 0, 0, \"\")'",
		 "probe: o is an enum whose values are not 0, 1, 2, ..."},
		{"'-DBEFORE=enum e { A, B }' '-DVARIABLE=TI_OPTION(enum e, o, 2, 0, 0, \"\")'",
		 "probe: o has a default that is none of its enum's values"},
		/* functions */
		{"'-DVARIABLE=TI_TAG(\"params:f\") const volatile __u64 wide'",
		 "probe: wide is tagged for a function's parameters but not made by TI_RETURN"},
		/* maps */
		{"'-DVARIABLE=" SIZED "'", "probe: m is tagged with an option that is no TI_OPTION of this object"},
		{"'-DVARIABLE=TI_OPTION(__u64, o, 1, 1, 9, \"\"); " SIZED "'", UNSIZED},
		{"'-DVARIABLE=TI_OPTION(__u32, o, 1, 0, 9, \"\"); " SIZED "'", UNSIZED},
		/* metrics */
		{"'-DVARIABLE=struct m { __u64 n; }; TI_METRICS(m)'", "probe: m.n is no metric; make it a ti_counter"},
		{"'-DVARIABLE=struct m { ti_counter n[2]; }; TI_METRICS(m)'", "probe: m.n is no metric"},
		{"'-DVARIABLE=struct m { __u64 _n; }; TI_METRICS(m)'", "probe: m has no metric"},
		{"'-DVARIABLE=struct m { ti_histogram(1) h; }; TI_METRICS(m)'", "probe: m.h has no bounds"},
		{"'-DVARIABLE=struct m { ti_histogram(65) h; }; TI_METRICS(m)'", "probe: m.h has no bounds"},
		{"'-DVARIABLE=struct m { ti_histogram(60, 1000000) h; }; TI_METRICS(m)'", "probe: m.h has no bounds"},
		{"'-DVARIABLE=struct m { __u32 _p; ti_counter n; } __attribute__((packed)); TI_METRICS(m)'",
		 "probe: m.n is not at a multiple of 8 bytes"},
		{"'-DVARIABLE=struct m { ti_counter n; }; TI_METRICS(m); struct o { ti_counter n; }; TI_METRICS(o)'",
		 "probe: o.n is in another struct of metrics, too"},
		{"'-DVARIABLE=struct m { ti_counter n, n_total; }; TI_METRICS(m)'", "probe: m.n_total is in another"},
		{"'-DVARIABLE=" LABELS("__u32 a; ti_addr b;") "'", "probe: m is a struct of labels with a hole"},
		{"'-DVARIABLE=" LABELS("__u32 a; __u16 b;") "'", "probe: m is a struct of labels with a hole"},
		{"'-DVARIABLE=" LABELS("ti_str(3) a;") "'", "probe: m is a struct of labels with a hole"},
		{"'-DVARIABLE=" LABELS("__u32 le;") "'", "probe: m.le is a label that metrics have already"},
		{"'-DVARIABLE=" LABELS("__u32 overflow;") "'", "probe: m.overflow is a label"},
		{"'-DVARIABLE=" LABELS("ti_list(__u64, 2) l;") "'", "probe: m.l is a list, which can't be a label"},
		{"'-DVARIABLE=" LABELS("void *p;") "'", "probe: m.p " POINTS},
		/* hooks */
		{"-DNO_HOOK", "probe: its BPF object has no hook; use TI_PACKET or TI_HOOK"},
		{"-DNO_HOOK '-DVARIABLE=TI_TAG(\"hook:x\") SEC(\"tc\") int f(void *c) { return 0; "
		 "}'",
		 "probe: f has a hook tag that is none of bpf.h's"},
		{"-DNO_HOOK '-DVARIABLE=TI_TAG(\"hook::0\") SEC(\"tc\") int f(void *c) { return 0; "
		 "}'",
		 "probe: f has a hook tag"},
		{"-DNO_HOOK '-DVARIABLE=TI_TAG(\"hook:x:y\") SEC(\"tc\") int f(void *c) { return "
		 "0; }'",
		 "probe: f has a hook tag"},
		{"-DNO_HOOK '-DVARIABLE=TI_ONLY_IF(missing) TI_HOOK(x, 0) SEC(\"tc\") int f(void *c) { "
		 "return 0; }'",
		 "probe: f is tagged with an option that is no TI_OPTION of this object"},
		{"-DNO_HOOK '-DVARIABLE=TI_BY_HAND TI_HOOK(x, 0) SEC(\"tc\") int f(void *c) { return 0; }'",
		 "probe: f is TI_BY_HAND and has a hook; leave one out"},
		{"-DNO_HOOK '-DVARIABLE=TI_BY_HAND SEC(\"tc\") int f(void *c) { return 0; } "
		 "TI_HOOK(f, 0) SEC(\"tc\") int g(void *c) { return 0; }'",
		 "probe: f is the name of a hook group and of a program by hand; rename one"},
	};

	(void)state;
	for (size_t i = 0; i < TI_ARRAY_SIZE(rows); i++) {
		struct ti_schema *s = NULL;

		assert_refused(read_object(&s, compile("refused.bpf.c", rows[i].flags), 0),
			       rows[i].text);
		assert_null(s);
	}
}

/* All that is wrong with them is that one thing. */
static void test_fixture_is_good(void **state)
{
	struct ti_schema *s = NULL;

	(void)state;
	assert_int_equal(read_object(&s, compile("refused.bpf.c", "'-DFIELD=__u64 fine'"), 0), 0);
	assert_string_equal(said, "");
	assert_int_equal(s->types[0].n_fields, 2);
	ti_schema_free(s);
}

static void test_without_btf(void **state)
{
	struct ti_schema *s = NULL;

	(void)state;
	assert_refused(new_schema(&s, NULL, NULL, 0), "probe: its BPF object has no BTF; build it "
						      "with -g and strip it with llvm-strip -g");
	assert_null(s);
}

static void test_rodata_is_shorter(void **state)
{
	struct ti_schema *s = NULL;
	const char *path = compile("schema.bpf.c", "");

	(void)state;
	for (size_t cut = 1; cut < 64; cut++) {
		assert_refused(read_object(&s, path, cut),
			       "probe: BTF and .rodata differ; build the object again");
		assert_null(s);
	}
}

/* --- */

static int remove_work(void **state)
{
	(void)state;
	ti_schema_free(good);
	shell("rm -rf %s", work);
	return 0;
}

static int make_work(void **state)
{
	(void)state;
	libbpf_set_print(quiet);
	snprintf(work, sizeof(work), "/tmp/test-schema.XXXXXX");
	if (!mkdtemp(work))
		return -1;
	if (read_object(&good, compile("schema.bpf.c", ""), 0) == 0)
		return 0;
	print_error("%s", said);
	return remove_work(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),	    cmocka_unit_test(test_fields),
		cmocka_unit_test(test_lists),	    cmocka_unit_test(test_enum_names),
		cmocka_unit_test(test_options),	    cmocka_unit_test(test_hooks),
		cmocka_unit_test(test_params),	    cmocka_unit_test(test_internals),
		cmocka_unit_test(test_maps),	    cmocka_unit_test(test_variables),
		cmocka_unit_test(test_refused),	    cmocka_unit_test(test_fixture_is_good),
		cmocka_unit_test(test_without_btf), cmocka_unit_test(test_rodata_is_shorter),
	};

	return cmocka_run_group_tests(tests, make_work, remove_work);
}
