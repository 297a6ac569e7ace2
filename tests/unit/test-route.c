/* SPDX-License-Identifier: GPL-2.0-or-later */
/* route.c, over sinks that keep what they get. */
#include "sink-fixture.h"

#define SINKS 3

/* What each sink got, by the name in its options. */
static char got[SINKS][65536];
static size_t got_len[SINKS];

struct keep_config {
	uint32_t slot;
};

static const struct ti_option keep_options[] = {
	{.key = "slot",
	 .type = TI_OPT_U32,
	 .offset = offsetof(struct keep_config, slot),
	 .def = "0",
	 .help = "which"},
};

static int keep_start(void **self, const struct ti_sink_host *host, struct ti_handle *h,
		      const void *config)
{
	(void)host;
	(void)h;
	*self = (void *)config;
	return 0;
}

static ssize_t keep_write(void *self, const char *data, size_t len)
{
	uint32_t slot = ((struct keep_config *)self)->slot;

	assert_true(got_len[slot] + len < sizeof(got[slot]));
	memcpy(got[slot] + got_len[slot], data, len);
	got_len[slot] += len;
	got[slot][got_len[slot]] = '\0';
	return (ssize_t)len;
}

static void keep_stop(void *self)
{
	(void)self;
}

static const struct ti_sink keep_sink = {
	.options = keep_options,
	.n_options = 1,
	.config_size = sizeof(struct keep_config),
	.start = keep_start,
	.write = keep_write,
	.stop = keep_stop,
};

/* Sinks "json", "text" and "siem" (JSON), plugins "alpha" and "beta", each with
 * the events odd and even. */
static struct {
	struct ti_module module;
	struct ti_ini ini;
	struct ti_sink_run *sinks[SINKS];
	struct ti_router *router;
	size_t alpha, beta;
} t;

static int set_up(void **state)
{
	static const char *const names[SINKS] = {"json", "text", "siem"};
	char set[64];

	(void)state;
	memset(&t, 0, sizeof(t));
	memset(got_len, 0, sizeof(got_len));
	memset(got, 0, sizeof(got));
	t.module.sink = keep_sink;
	for (int i = 0; i < SINKS; i++) {
		snprintf(set, sizeof(set), "sink.%s.slot=%d", names[i], i);
		assert_int_equal(ti_ini_set(&t.ini, set), 0);
		assert_int_equal(ti_sink_new(&t.sinks[i], names[i], &t.module, &t.ini,
					     ti_ini_find(&t.ini, "sink", names[i]),
					     i == 1 ? "text" : NULL),
				 0);
		assert_int_equal(ti_sink_start(t.sinks[i], NULL), 0);
	}
	assert_int_equal(ti_router_new(&t.router, t.sinks, SINKS, &no_env), 0);
	assert_int_equal(ti_router_add_plugin(t.router, "alpha", numbered_types, 2, &t.alpha), 0);
	assert_int_equal(ti_router_add_plugin(t.router, "beta", numbered_types, 2, &t.beta), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	end_log();
	ti_router_free(t.router);
	for (int i = 0; i < SINKS; i++)
		ti_sink_free(t.sinks[i]);
	ti_ini_free(&t.ini);
	return 0;
}

static void set(const char *assignment)
{
	assert_int_equal(ti_ini_set(&t.ini, assignment), 0);
}

static void routes(void)
{
	static const char *const known[] = {"alpha", "beta", "gamma"};

	ti_router_routes(t.router, &t.ini, known, TI_ARRAY_SIZE(known), NULL);
}

/* One of each event: alpha.odd 1, alpha.even 2, beta.odd 3, beta.even 4. */
static void send_four(void)
{
	send_event(t.router, t.alpha, 0, 1);
	send_event(t.router, t.alpha, 1, 2);
	send_event(t.router, t.beta, 0, 3);
	send_event(t.router, t.beta, 1, 4);
	ti_router_drain(t.router);
}

/* The numbers that a JSON sink got, as text. */
static const char *numbers(int slot)
{
	static char text[SINKS][64];
	const char *p = got[slot];
	char *o = text[slot];

	*o = '\0';
	while ((p = strstr(p, "\"n\":"))) {
		*o++ = p[4];
		*o = '\0';
		p++;
	}
	return text[slot];
}

static void without_routes_everything_goes_everywhere(void **state)
{
	(void)state;
	routes();
	send_four();
	assert_string_equal(numbers(0), "1234");
	assert_string_equal(numbers(2), "1234");
	assert_int_equal(count_text(got[1], "\n"), 4);
	assert_non_null(strstr(got[1], " n=4\n"));
	for (size_t i = 0; i < SINKS; i++) {
		const struct ti_account *a = ti_router_account(t.router, t.alpha, i);

		assert_int_equal(a->emitted, 2);
		assert_int_equal(a->delivered, 2);
		assert_true(is_balanced(a));
	}
	assert_int_equal(t.ini.errors, 0);
}

static void routes_choose_by_plugin_and_event(void **state)
{
	const struct ti_account *a;

	(void)state;
	set("route.one.events=alpha, beta.even");
	set("route.one.sinks=json");
	set("route.two.events=beta.*");
	set("route.two.sinks=siem");
	routes();
	send_four();
	assert_string_equal(numbers(0), "124");
	assert_string_equal(numbers(2), "34");
	assert_string_equal(got[1], "");
	a = ti_router_account(t.router, t.beta, 0);
	assert_int_equal(a->emitted, 2);
	assert_int_equal(a->delivered, 1);
	assert_int_equal(a->filtered, 1);
	a = ti_router_account(t.router, t.beta, 1);
	assert_int_equal(a->filtered, 2);
	assert_int_equal(t.ini.errors, 0);
}

static void an_event_of_two_routes_comes_once(void **state)
{
	(void)state;
	set("route.one.events=alpha");
	set("route.one.sinks=json, json");
	set("route.two.events=*");
	set("route.two.sinks=json");
	routes();
	send_four();
	assert_string_equal(numbers(0), "1234");
}

static void a_route_defaults_to_all(void **state)
{
	(void)state;
	set("route.one.events=beta");
	routes();
	send_four();
	assert_string_equal(numbers(0), "34");
	assert_string_equal(numbers(2), "34");
	/* Read again after a reload, the old ones are forgotten. */
	ti_ini_free(&t.ini);
	memset(got_len, 0, sizeof(got_len));
	set("route.one.sinks=siem");
	routes();
	memset(got, 0, sizeof(got));
	send_four();
	assert_string_equal(numbers(0), "");
	assert_string_equal(numbers(2), "1234");
}

static void one_sink_may_get_everything(void **state)
{
	(void)state;
	set("route.one.events=beta");
	set("route.one.sinks=siem");
	ti_router_routes(t.router, &t.ini, NULL, 0, "json");
	send_four();
	assert_string_equal(numbers(0), "1234");
	assert_string_equal(numbers(2), "34");
	assert_string_equal(got[1], "");
}

static void unknown_names_are_errors_with_a_suggestion(void **state)
{
	char *log;

	(void)state;
	set("route.one.events=alhpa, beta.evn, alpha.nothing_like_it, gamma, gamma.x");
	set("route.one.sinks=siemm, elsewhere");
	set("route.one.event=alpha");
	start_log();
	routes();
	log = take_log();
	assert_int_equal(t.ini.errors, 6);
	assert_non_null(strstr(log, "events: there is no plugin 'alhpa'; did you mean 'alpha'?"));
	assert_non_null(strstr(log, "events: there is no event 'beta.evn'; did you mean 'beta.even'?"));
	assert_non_null(strstr(log, "events: there is no event 'alpha.nothing_like_it'\n"));
	assert_non_null(strstr(log, "sinks: there is no sink 'siemm'; did you mean 'siem'?"));
	assert_non_null(strstr(log, "sinks: there is no sink 'elsewhere'\n"));
	assert_non_null(strstr(log, "--set"));
	assert_null(strstr(log, "gamma"));
	free(log);
}

static void losses_and_swallowed_events_are_accounted(void **state)
{
	const struct ti_account *a = ti_router_account(t.router, t.alpha, 0);

	(void)state;
	send_event(t.router, t.alpha, 0, 1);
	ti_router_swallowed(t.router, t.alpha);
	ti_router_lost(t.router, t.alpha, 40);
	assert_int_equal(a->emitted, 42);
	assert_int_equal(a->filtered, 1);
	assert_int_equal(a->lost_ring, 40);
	assert_int_equal(a->in_flight, 1);
	assert_true(is_balanced(a));
	ti_router_flush(t.router);
	assert_int_equal(a->delivered, 1);
	assert_int_equal(a->in_flight, 0);
	assert_int_equal(ti_router_account(t.router, t.beta, 0)->emitted, 0);
}

static void records_of_no_event_are_not_read(void **state)
{
	const struct ti_account *a = ti_router_account(t.router, t.alpha, 0);
	struct ti_record unknown = {.event = 2, .len = sizeof(struct numbered)};
	struct ti_record cut = {.event = 0, .len = sizeof(struct numbered) - 1};
	char *data = malloc(1), *log;

	(void)state;
	start_log();
	ti_router_event(t.router, t.alpha, &unknown, data);
	ti_router_event(t.router, t.alpha, &cut, data);
	log = take_log();
	ti_router_drain(t.router);
	assert_int_equal(count_text(log, "plugin alpha"), 1);
	assert_int_equal(a->emitted, 2);
	assert_int_equal(a->filtered, 2);
	assert_string_equal(got[0], "");
	free(data);
	free(log);
}

static void a_plugin_may_be_freed_while_routes_stand(void **state)
{
	struct ti_event_type *types = malloc(sizeof(*types));
	char *name = strdup("delta");
	size_t delta;

	(void)state;
	types[0] = numbered_types[0];
	types[0].plugin = name;
	assert_int_equal(ti_router_add_plugin(t.router, name, types, 1, &delta), 0);
	free(types);
	free(name);
	set("route.one.events=delta.odd");
	routes();
	send_event(t.router, delta, 0, 7);
	ti_router_drain(t.router);
	assert_string_equal(numbers(0), "7");
	assert_non_null(strstr(got[0], "\"plugin\":\"delta\""));
}

/* The accounts go with it: nothing that refers to them may wait in a sink. */
static void freeing_drains(void **state)
{
	(void)state;
	send_event(t.router, t.alpha, 0, 1);
	ti_router_free(t.router);
	t.router = NULL;
	assert_string_equal(numbers(0), "1");
	ti_sink_flush(t.sinks[0]);
}

static void too_many_sinks_are_refused(void **state)
{
	struct ti_router *r = NULL;

	(void)state;
	start_log();
	assert_int_equal(ti_router_new(&r, t.sinks, 65, &no_env), -E2BIG);
	free(take_log());
	assert_null(r);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(without_routes_everything_goes_everywhere),
		TEST(routes_choose_by_plugin_and_event),
		TEST(an_event_of_two_routes_comes_once),
		TEST(a_route_defaults_to_all),
		TEST(one_sink_may_get_everything),
		TEST(unknown_names_are_errors_with_a_suggestion),
		TEST(losses_and_swallowed_events_are_accounted),
		TEST(records_of_no_event_are_not_read),
		TEST(a_plugin_may_be_freed_while_routes_stand),
		TEST(freeing_drains),
		TEST(too_many_sinks_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
