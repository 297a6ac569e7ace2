/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sink.c and queue.c, with a sink that takes as much as a test lets it. */
#include <event2/event.h>
#include <time.h>
#include "sink-fixture.h"
#include "queue.h"

/* The sink under the tests' control. */
static struct {
	size_t room; /* bytes it takes now */
	size_t piece; /* at most, in one write; 0: any */
	int error; /* when it has no room; 0: it takes nothing, without an error */
	char *bytes;
	size_t n;
	unsigned writes;
	int opened, reopened, stopped;
	uint32_t tint;
} valve;

struct valve_config {
	uint32_t tint;
	char *label;
};

static const struct ti_option valve_options[] = {
	{.key = "tint",
	 .type = TI_OPT_U32,
	 .offset = offsetof(struct valve_config, tint),
	 .def = "7",
	 .max = 10,
	 .help = "a number"},
	{.key = "label",
	 .type = TI_OPT_STRING,
	 .offset = offsetof(struct valve_config, label),
	 .help = "a text"},
};

static int valve_start(void **self, const struct ti_sink_host *host, struct ti_handle *h,
		       const void *config)
{
	*self = &valve;
	valve.opened++;
	valve.tint = ((const struct valve_config *)config)->tint;
	host->colour(h, 1);
	host->log(h, TI_LOG_INFO, "opened %d", valve.opened);
	return 0;
}

static ssize_t valve_write(void *self, const char *data, size_t len)
{
	size_t n = len < valve.room ? len : valve.room;

	assert_ptr_equal(self, &valve);
	valve.writes++;
	if (valve.piece && n > valve.piece)
		n = valve.piece;
	if (!n)
		return -valve.error;
	valve.bytes = realloc(valve.bytes, valve.n + n);
	memcpy(valve.bytes + valve.n, data, n);
	valve.n += n;
	valve.room -= n;
	return (ssize_t)n;
}

static int valve_reopen(void *self)
{
	assert_ptr_equal(self, &valve);
	valve.reopened++;
	return valve.error ? -valve.error : 0;
}

static void valve_stop(void *self)
{
	assert_ptr_equal(self, &valve);
	valve.stopped++;
}

static const struct ti_sink valve_sink = {
	.format = TI_FORMAT_TEXT,
	.options = valve_options,
	.n_options = TI_ARRAY_SIZE(valve_options),
	.config_size = sizeof(struct valve_config),
	.start = valve_start,
	.write = valve_write,
	.reopen = valve_reopen,
	.stop = valve_stop,
};

static int set_up(void **state)
{
	(void)state;
	memset(&valve, 0, sizeof(valve));
	valve.room = SIZE_MAX;
	valve.error = EIO;
	ti_log_level(TI_LOG_INFO);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	end_log();
	free(valve.bytes);
	return 0;
}

static void sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000l}, NULL);
}

/* The valve has whole lines with the numbers 0 to n - 1. */
static void assert_got(uint64_t n)
{
	const char *p = valve.bytes, *end = p + valve.n;

	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(next_number(&p, end), i);
	assert_ptr_equal(p, end);
}

static uint64_t whole_lines_taken(void)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < valve.n; i++)
		lines += valve.bytes[i] == '\n';
	return lines;
}

/* Life and options */

static void options_come_from_the_section(void **state)
{
	struct way w;
	char *log;

	(void)state;
	start_log();
	assert_int_equal(
		open_way(&w, &valve_sink, NULL,
			 (const char *[]){"tint=3", "type=valve", "queue=1MiB", "label=x", NULL}),
		0);
	log = take_log();
	assert_non_null(strstr(log, "sink out: opened 1\n"));
	assert_int_equal(valve.tint, 3);
	assert_string_equal(ti_sink_name(w.sink), "out");
	assert_int_equal(ti_sink_colour(w.sink), 1);
	assert_int_equal(ti_sink_format(w.sink), TI_FORMAT_JSON); /* open_way overrides */
	close_way(&w);
	assert_int_equal(valve.stopped, 1);
	free(log);
}

static void format_is_the_modules_the_inis_or_the_callers(void **state)
{
	struct ti_module m = {.sink = valve_sink};
	struct ti_ini ini = {0};
	struct ti_sink_run *s;

	(void)state;
	assert_int_equal(ti_sink_new(&s, "a", &m, &ini, NULL, NULL), 0);
	assert_int_equal(ti_sink_format(s), TI_FORMAT_TEXT);
	ti_sink_free(s);
	ti_ini_set(&ini, "sink.a.format=json");
	assert_int_equal(ti_sink_new(&s, "a", &m, &ini, ti_ini_find(&ini, "sink", "a"), NULL), 0);
	assert_int_equal(ti_sink_format(s), TI_FORMAT_JSON);
	ti_sink_free(s);
	assert_int_equal(ti_sink_new(&s, "a", &m, &ini, ti_ini_find(&ini, "sink", "a"), "text"), 0);
	assert_int_equal(ti_sink_format(s), TI_FORMAT_TEXT);
	ti_sink_free(s);
	assert_int_equal(ini.errors, 0);
	ti_ini_free(&ini);
	assert_int_equal(valve.opened, 0);
}

static void mistakes_are_counted(void **state)
{
	struct ti_module m = {.sink = valve_sink};
	struct ti_ini ini = {0};
	struct ti_sink_run *s;
	char *log;

	(void)state;
	ti_ini_set(&ini, "sink.a.queue=1KiB");
	ti_ini_set(&ini, "sink.a.tint=11");
	ti_ini_set(&ini, "sink.a.lable=x");
	start_log();
	assert_int_equal(ti_sink_new(&s, "a", &m, &ini, ti_ini_find(&ini, "sink", "a"), NULL), 0);
	log = take_log();
	assert_int_equal(ini.errors, 3);
	assert_non_null(strstr(log, "'label'"));
	ti_sink_free(s);
	m.sink.write = NULL;
	start_log();
	assert_int_equal(ti_sink_new(&s, "a", &m, &ini, NULL, NULL), -EBADMSG);
	m.sink = valve_sink;
	m.sink.format = 2;
	assert_int_equal(ti_sink_new(&s, "a", &m, &ini, NULL, NULL), -EBADMSG);
	free(log);
	free(take_log());
	ti_ini_free(&ini);
}

/* Writing */

static void everything_is_taken_in_batches(void **state)
{
	struct way w;

	(void)state;
	open_way(&w, &valve_sink, NULL, NULL);
	for (uint64_t i = 0; i < 10000; i++)
		send_on(&w, i);
	assert_true(is_balanced(w.account));
	assert_true(w.account->in_flight > 0); /* the last batch waits for a flush */
	assert_true(w.account->delivered > 9000);
	assert_true(valve.writes < 50);
	ti_sink_flush(w.sink);
	assert_int_equal(w.account->delivered, 10000);
	assert_int_equal(w.account->in_flight, 0);
	assert_int_equal(ti_sink_error(w.sink), 0);
	assert_got(10000);
	close_way(&w);
}

static void a_line_is_delivered_with_its_last_byte(void **state)
{
	struct way w;

	(void)state;
	open_way(&w, &valve_sink, NULL, NULL);
	valve.error = EAGAIN;
	valve.room = 0;
	for (uint64_t i = 0; i < 300; i++)
		send_on(&w, i);
	while (w.account->in_flight) {
		valve.room = 1 + (size_t)(lrand48() % 400);
		valve.piece = 1 + (size_t)(lrand48() % 100);
		sleep_ms(2);
		ti_sink_flush(w.sink);
		assert_int_equal(w.account->delivered, whole_lines_taken());
		assert_true(is_balanced(w.account));
		valve.room = 0;
	}
	assert_int_equal(w.account->delivered, 300);
	assert_got(300);
	close_way(&w);
}

static void accounts_of_several_plugins_are_kept_apart(void **state)
{
	const struct ti_account *a[3];
	size_t plugin[3];
	struct way w;

	(void)state;
	open_way(&w, &valve_sink, NULL, NULL);
	plugin[0] = w.plugin;
	assert_int_equal(ti_router_add_plugin(w.router, "b", numbered_types, 2, &plugin[1]), 0);
	assert_int_equal(ti_router_add_plugin(w.router, "c", numbered_types, 2, &plugin[2]), 0);
	for (int i = 0; i < 3; i++)
		a[i] = ti_router_account(w.router, plugin[i], 0);
	valve.room = 5000;
	valve.error = ENOSPC;
	start_log();
	for (uint64_t i = 0; i < 3000; i++)
		send_event(w.router, plugin[i * i % 7 % 3], 0, i);
	ti_sink_flush(w.sink);
	free(take_log());
	assert_int_equal(a[0]->delivered + a[1]->delivered + a[2]->delivered, whole_lines_taken());
	for (int i = 0; i < 3; i++)
		assert_true(is_balanced(a[i]) && a[i]->delivered && a[i]->in_flight);
	valve.room = SIZE_MAX;
	ti_sink_drain(w.sink);
	for (int i = 0; i < 3; i++)
		assert_int_equal(a[i]->delivered, a[i]->emitted);
	assert_got(3000);
	close_way(&w);
}

static void a_full_queue_loses_the_newest(void **state)
{
	struct way w;
	uint64_t kept;
	char expect[64], *log;

	(void)state;
	open_way(&w, &valve_sink, NULL, (const char *[]){"queue=64KiB", NULL});
	valve.room = 0;
	valve.error = ENOSPC;
	start_log();
	for (uint64_t i = 0; i < 5000; i++)
		send_on(&w, i);
	kept = w.account->in_flight;
	assert_true(is_balanced(w.account));
	assert_int_equal(w.account->lost_queue, 5000 - kept);
	assert_true(kept > 300 && kept < 1000);
	assert_int_equal(ti_sink_error(w.sink), -ENOSPC);
	valve.room = SIZE_MAX;
	sleep_ms(110);
	ti_sink_flush(w.sink);
	log = take_log();
	assert_int_equal(w.account->delivered, kept);
	assert_int_equal(ti_sink_error(w.sink), 0);
	assert_got(kept);
	assert_int_equal(count_text(log, "No space left on device"), 1);
	snprintf(expect, sizeof(expect), ", events lost meanwhile: %d\n", 5000 - (int)kept);
	assert_int_equal(count_text(log, expect), 1);
	free(log);
	close_way(&w);
}

/* A reader that takes a bit now and then: the tail comes to the end of the
 * queue's memory again and again. */
static void a_slow_reader_gets_whole_lines(void **state)
{
	const char *p, *end;
	int64_t n, last = -1;
	struct way w;
	char *log;

	(void)state;
	open_way(&w, &valve_sink, NULL, (const char *[]){"queue=64KiB", NULL});
	valve.room = 0;
	valve.error = EAGAIN;
	start_log();
	for (uint64_t i = 0; i < 60000; i++) {
		send_on(&w, i);
		if (i % 300 == 0) {
			valve.room = 20011;
			sleep_ms(2);
			ti_sink_flush(w.sink);
			assert_int_equal(w.account->delivered, whole_lines_taken());
			assert_true(is_balanced(w.account));
			valve.room = 0;
		}
	}
	assert_true(w.account->lost_queue > 1000);
	assert_true(w.account->delivered > 10000);
	valve.room = SIZE_MAX;
	ti_sink_drain(w.sink);
	log = take_log();
	assert_int_equal(w.account->delivered, whole_lines_taken());
	assert_int_equal(w.account->delivered + w.account->lost_queue, 60000);
	p = valve.bytes;
	end = p + valve.n;
	while (p < end) {
		n = next_number(&p, end);
		assert_true(n > last);
		last = n;
	}
	assert_int_equal(count_text(log, "events are dropped"), 1);
	assert_int_equal(count_text(log, "lost meanwhile"), 1);
	free(log);
	close_way(&w);
}

static void being_busy_is_not_logged(void **state)
{
	struct way w;
	char *log;

	(void)state;
	open_way(&w, &valve_sink, NULL, NULL);
	valve.room = 0;
	valve.error = EAGAIN;
	start_log();
	for (uint64_t i = 0; i < 100; i++)
		send_on(&w, i);
	ti_sink_flush(w.sink);
	valve.error = 0; /* taking nothing is the same */
	sleep_ms(5);
	ti_sink_flush(w.sink);
	valve.room = SIZE_MAX;
	sleep_ms(5);
	ti_sink_flush(w.sink);
	log = take_log();
	assert_string_equal(log, "");
	assert_int_equal(w.account->delivered, 100);
	free(log);
	close_way(&w);
}

static void each_failure_is_logged_once(void **state)
{
	struct way w;
	char *log;

	(void)state;
	open_way(&w, &valve_sink, NULL, NULL);
	valve.room = 0;
	start_log();
	for (int i = 0; i < 4; i++) {
		valve.error = i < 2 ? EIO : EROFS;
		send_on(&w, (uint64_t)i);
		ti_sink_flush(w.sink);
		sleep_ms(i % 2 ? 210 : 110);
	}
	log = take_log();
	assert_int_equal(valve.writes, 4);
	assert_int_equal(count_text(log, "cannot write: Input/output error"), 1);
	assert_int_equal(count_text(log, "cannot write: Read-only file system"), 1);
	free(log);
	valve.room = SIZE_MAX;
	close_way(&w);
}

static void a_reader_gone_for_good_is_told(void **state)
{
	struct way w;

	(void)state;
	open_way(&w, &valve_sink, NULL, NULL);
	valve.room = 0;
	valve.error = EPIPE;
	send_on(&w, 0);
	assert_int_equal(ti_sink_error(w.sink), 0);
	ti_sink_flush(w.sink);
	assert_int_equal(ti_sink_error(w.sink), -EPIPE);
	close_way(&w);
}

/* Pauses */

static void pauses_grow_and_the_timer_ends_them(void **state)
{
	struct event_base *base = event_base_new();
	struct way w;
	char *log;

	(void)state;
	open_way(&w, &valve_sink, base, NULL);
	valve.room = 0;
	valve.error = EIO;
	start_log();
	send_on(&w, 0);
	ti_sink_flush(w.sink);
	for (int i = 0; i < 100; i++)
		ti_sink_flush(w.sink); /* in a pause */
	assert_int_equal(valve.writes, 1);
	/* 100, 200 and 400 ms later. */
	event_base_loopexit(base, &(struct timeval){1, 0});
	event_base_dispatch(base);
	assert_in_range(valve.writes, 3, 4);
	valve.room = SIZE_MAX;
	event_base_loopexit(base, &(struct timeval){1, 0});
	event_base_dispatch(base);
	assert_int_equal(w.account->delivered, 1);
	/* And no more wake-ups. */
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	log = take_log();
	assert_int_equal(count_text(log, "writes again"), 1);
	free(log);
	close_way(&w);
	event_base_free(base);
}

static void a_busy_sink_is_asked_again_soon(void **state)
{
	struct event_base *base = event_base_new();
	struct way w;

	(void)state;
	open_way(&w, &valve_sink, base, NULL);
	valve.room = 0;
	valve.error = EAGAIN;
	send_on(&w, 0);
	ti_sink_flush(w.sink);
	event_base_loopexit(base, &(struct timeval){0, 60000});
	event_base_dispatch(base);
	assert_in_range(valve.writes, 2, 8); /* after 1, 2, 4, 8, 16 ms */
	close_way(&w);
	event_base_free(base);
}

/* The end */

static void a_drain_loses_what_is_refused(void **state)
{
	struct way w;
	char *log;

	(void)state;
	open_way(&w, &valve_sink, NULL, NULL);
	valve.room = 1000;
	valve.error = ENOSPC;
	for (uint64_t i = 0; i < 100; i++)
		send_on(&w, i);
	start_log();
	ti_router_drain(w.router);
	log = take_log();
	assert_int_equal(w.account->in_flight, 0);
	assert_int_equal(w.account->delivered, whole_lines_taken());
	assert_int_equal(w.account->delivered + w.account->lost_queue, 100);
	assert_true(w.account->delivered > 0 && is_balanced(w.account));
	assert_int_equal(count_text(log, ": No space left on device"), 1);
	free(log);
	close_way(&w);
}

static uint64_t monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static ssize_t slow_write(void *self, const char *data, size_t len)
{
	if (valve.writes++ % 3)
		return -EAGAIN;
	valve.writes--;
	valve.room = 2000;
	return valve_write(self, data, len);
}

static void a_drain_waits_for_a_slow_sink(void **state)
{
	struct ti_sink slow = valve_sink;
	struct way w;
	uint64_t start;

	(void)state;
	slow.write = slow_write;
	open_way(&w, &slow, NULL, NULL);
	for (uint64_t i = 0; i < 200; i++)
		send_on(&w, i);
	ti_router_drain(w.router);
	assert_int_equal(w.account->delivered, 200);
	assert_got(200);
	/* But not for ever. */
	w.module.sink.write = valve_write;
	valve.room = 0;
	valve.error = EAGAIN;
	send_on(&w, 200);
	start = monotonic_ms();
	start_log();
	ti_router_drain(w.router);
	free(take_log());
	assert_in_range(monotonic_ms() - start, 1500, 5000);
	assert_int_equal(w.account->lost_queue, 1);
	assert_true(is_balanced(w.account));
	close_way(&w);
}

static void reopening_ends_a_pause(void **state)
{
	struct way w;
	char *log;

	(void)state;
	open_way(&w, &valve_sink, NULL, NULL);
	valve.room = 0;
	valve.error = EIO;
	start_log();
	send_on(&w, 0);
	ti_sink_flush(w.sink);
	valve.room = SIZE_MAX;
	valve.error = 0;
	ti_sink_reopen(w.sink);
	free(take_log());
	assert_int_equal(valve.reopened, 1);
	assert_int_equal(w.account->delivered, 1);
	valve.error = EACCES;
	start_log();
	ti_sink_reopen(w.sink);
	log = take_log();
	assert_non_null(strstr(log, "Permission denied; the old one stays in use"));
	free(log);
	close_way(&w);
}

/* Memory */

static size_t resident(void)
{
	unsigned long total, pages;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_int_equal(fscanf(f, "%lu %lu", &total, &pages), 2);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void a_queue_costs_what_it_holds(void **state)
{
	size_t before = resident(), idle, full;
	struct ti_account a = {0};
	struct ti_queue q = {0};
	char *line;

	(void)state;
	assert_null(ti_queue_reserve(&q, 1));
	assert_int_equal(ti_queue_init(&q, 1 << 30), 0);
	for (int i = 0; i < 100000; i++) {
		line = ti_queue_reserve(&q, 1000);
		memset(line, 'x', 999);
		line[999] = '\n';
		ti_queue_commit(&q, 1000, &a);
		ti_queue_taken(&q, 1000);
	}
	idle = resident() - before;
	assert_true(idle < 2 << 20);
	for (int i = 0; i < 50000; i++) {
		line = ti_queue_reserve(&q, 1000);
		memset(line, 'x', 1000);
		ti_queue_commit(&q, 1000, &a);
	}
	full = resident() - before;
	assert_true(full > 40 << 20);
	assert_int_equal(ti_queue_drop(&q), 50000);
	assert_true(resident() - before < 3 << 20);
	ti_queue_free(&q);
	assert_int_equal(a.delivered, 100000);
	assert_int_equal(a.lost_queue, 50000);
	assert_int_equal(a.in_flight, 0);
}

static void an_empty_queue_takes_any_line(void **state)
{
	struct ti_account a = {0};
	struct ti_queue q = {0};

	(void)state;
	assert_int_equal(ti_queue_init(&q, 64 * 1024), 0);
	assert_non_null(ti_queue_reserve(&q, 600 * 1024));
	ti_queue_commit(&q, 100, &a);
	assert_null(ti_queue_reserve(&q, 64 * 1024));
	assert_non_null(ti_queue_reserve(&q, 64 * 1024 - 100));
	ti_queue_drop(&q);
	assert_null(ti_queue_reserve(&q, 1 << 24));
	ti_queue_free(&q);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(options_come_from_the_section),
		TEST(format_is_the_modules_the_inis_or_the_callers),
		TEST(mistakes_are_counted),
		TEST(everything_is_taken_in_batches),
		TEST(a_line_is_delivered_with_its_last_byte),
		TEST(accounts_of_several_plugins_are_kept_apart),
		TEST(a_full_queue_loses_the_newest),
		TEST(a_slow_reader_gets_whole_lines),
		TEST(being_busy_is_not_logged),
		TEST(each_failure_is_logged_once),
		TEST(a_reader_gone_for_good_is_told),
		TEST(pauses_grow_and_the_timer_ends_them),
		TEST(a_busy_sink_is_asked_again_soon),
		TEST(a_drain_loses_what_is_refused),
		TEST(a_drain_waits_for_a_slow_sink),
		TEST(reopening_ends_a_pause),
		TEST(a_queue_costs_what_it_holds),
		TEST(an_empty_queue_takes_any_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
