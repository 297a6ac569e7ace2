/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sinks/file/file.c, behind the daemon's own queue and router. Disks that are
 * full are small tmpfs of the test's own mount namespace; without the right to
 * mount, those tests are skipped and /dev/full stands in.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include "sink-fixture.h"
#include "../../sinks/file/file.c"

static char dir[64];
static char path[128]; /* the file of the test */
static struct way w;

static const char *in_dir(const char *name)
{
	static char buf[2][160];
	static int i;

	i = !i;
	snprintf(buf[i], sizeof(buf[i]), "%s/%s", dir, name);
	return buf[i];
}

/* Starts the sink "out" at `path`; what start() said. */
static int open_out(const char *a, const char *b, const char *c)
{
	char option[200];

	snprintf(option, sizeof(option), "path=%s", path);
	return open_way(&w, &ti_sink, NULL, (const char *[]){option, a, b, c, NULL});
}

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/tcpinspect-test-file.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	memset(&w, 0, sizeof(w));
	return 0;
}

static int tear_down(void **state)
{
	char command[100];

	(void)state;
	end_log();
	close_way(&w);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* Whole file, or "" when there is none; the caller's to free. */
static char *slurp(const char *file, size_t *n)
{
	FILE *f = fopen(file, "r");
	char *text = calloc(1, 32 << 20);

	*n = f ? fread(text, 1, (32 << 20) - 1, f) : 0;
	if (f)
		fclose(f);
	return text;
}

static void assert_holds(const char *file, const char *expect)
{
	size_t n;
	char *text = slurp(file, &n);

	assert_string_equal(text, expect);
	free(text);
}

static void put(const char *file, const char *text)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* The file's lines are whole and their numbers follow *next; 0 when it is missing
 * or empty. *next becomes what would follow. */
static uint64_t read_lines(const char *file, int64_t *next)
{
	size_t n;
	char *text = slurp(file, &n);
	const char *p = text, *end = text + n;
	uint64_t lines = 0;

	for (; p < end; lines++)
		assert_int_equal(next_number(&p, end), (*next)++);
	free(text);
	return lines;
}

static off_t size_of(const char *file)
{
	struct stat st;

	return stat(file, &st) < 0 ? -1 : st.st_size;
}

static void send_range(uint64_t from, uint64_t to)
{
	for (; from < to; from++)
		send_on(&w, from);
	ti_router_flush(w.router);
	assert_true(is_balanced(w.account));
}

/* Opening */

static void lines_are_appended(void **state)
{
	int64_t next = 0;
	struct stat st;

	(void)state;
	umask(077);
	assert_int_equal(open_out("mode=0640", NULL, NULL), 0);
	send_range(0, 10);
	close_way(&w);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	chmod(path, 0604); /* the operator's own */
	assert_int_equal(open_out("mode=0640", NULL, NULL), 0);
	umask(022);
	send_range(10, 20);
	assert_int_equal(read_lines(path, &next), 20);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(w.account->delivered, 10);
}

static void mode_is_0600_by_default(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(open_out(NULL, NULL, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void assert_refused(const char *why)
{
	char *log;

	start_log();
	assert_true(open_out(NULL, NULL, NULL) < 0);
	log = take_log();
	if (!strstr(log, why))
		fail_msg("expected '%s' in: %s", why, log);
	free(log);
	close_way(&w);
}

static void what_is_no_log_file_is_refused(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s", dir);
	assert_refused("Is a directory");
	snprintf(path, sizeof(path), "%s/none/log", dir);
	assert_refused("folder does not exist");
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused("FIFO that nobody reads"); /* and doesn't wait for one */
	snprintf(path, sizeof(path), "%s/link", dir);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_refused("symbolic link");
	unlink(path);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_refused("symbolic link");
	snprintf(path, sizeof(path), "%s/log", dir);
	assert_int_equal(open_out(NULL, NULL, NULL), 0);
}

static void an_unfinished_line_is_ended(void **state)
{
	char *log;
	size_t n;
	char *text;
	const char *p;

	(void)state;
	put(path, "{\"whole\":1}\n{\"torn\":");
	start_log();
	assert_int_equal(open_out(NULL, NULL, NULL), 0);
	log = take_log();
	assert_non_null(strstr(log, "ended inside a line"));
	free(log);
	send_range(7, 8);
	text = slurp(path, &n);
	p = text + strlen("{\"whole\":1}\n{\"torn\":\n");
	assert_int_equal(p[-1], '\n');
	assert_int_equal(next_number(&p, text + n), 7);
	free(text);
}

static void a_fifo_may_lose_its_reader(void **state)
{
	char *log, buf[256] = "";
	const char *p = buf;
	int fd;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(open_out(NULL, NULL, NULL), 0);
	send_range(0, 1);
	assert_true(read(fd, buf, sizeof(buf)) > 0);
	assert_int_equal(next_number(&p, buf + sizeof(buf)), 0);
	close(fd);
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	start_log();
	send_range(1, 2);
	assert_int_equal(w.account->in_flight, 1);
	assert_int_equal(ti_sink_error(w.sink), -ENXIO); /* not for good */
	fd = open(path, O_RDONLY | O_NONBLOCK);
	usleep(110000);
	ti_router_flush(w.router);
	log = take_log();
	assert_int_equal(w.account->delivered, 2);
	assert_non_null(strstr(log, "writes again"));
	free(log);
	close(fd);
}

/* Rotating */

/* All numbers from 0 on are there, from the oldest file to the newest. */
static uint64_t read_all(int oldest)
{
	char name[32];
	int64_t next = 0;
	uint64_t lines = 0;

	for (; oldest > 0; oldest--) {
		snprintf(name, sizeof(name), "log.%d", oldest);
		lines += read_lines(in_dir(name), &next);
	}
	return lines + read_lines(path, &next);
}

static void rotation_loses_and_tears_nothing(void **state)
{
	char name[32];
	int files = 0;

	(void)state;
	assert_int_equal(open_out("rotate_size=100KiB", "rotate_keep=100", "fsync=rotate"), 0);
	for (uint64_t i = 0; i < 50000; i += 500)
		send_range(i, i + 500);
	ti_router_drain(w.router);
	assert_int_equal(w.account->delivered, 50000);
	do {
		snprintf(name, sizeof(name), "log.%d", ++files);
		assert_true(size_of(in_dir(name)) <= 100 * 1024);
		/* A line more wouldn't have fitted. */
		assert_true(size_of(in_dir(name)) > 100 * 1024 - 200 || size_of(in_dir(name)) < 0);
	} while (size_of(in_dir(name)) >= 0);
	assert_in_range(files - 1, 40, 60);
	assert_int_equal(read_all(files), 50000);
}

static void only_so_many_are_kept(void **state)
{
	int64_t next = 2000 - 3;

	(void)state;
	/* Each line is longer than that: one a file. */
	assert_int_equal(open_out("rotate_size=50", "rotate_keep=2", NULL), 0);
	send_range(0, 2000);
	assert_int_equal(read_lines(in_dir("log.2"), &next), 1);
	assert_int_equal(read_lines(in_dir("log.1"), &next), 1);
	assert_int_equal(read_lines(path, &next), 1);
	assert_int_equal(size_of(in_dir("log.3")), -1);
	assert_int_equal(w.account->delivered, 2000);
}

static void size_counts_from_what_is_there(void **state)
{
	char old[1001];
	int64_t next = 0;

	(void)state;
	memset(old, 'x', 999);
	strcpy(old + 999, "\n");
	put(path, old);
	assert_int_equal(open_out("rotate_size=1050", NULL, NULL), 0);
	send_range(0, 1);
	assert_holds(in_dir("log.1"), old);
	assert_int_equal(read_lines(path, &next), 1);
}

static void rotation_never_when_0(void **state)
{
	int64_t next = 0;

	(void)state;
	assert_int_equal(open_out("rotate_size=0", "fsync=batch", NULL), 0);
	send_range(0, 5000);
	assert_int_equal(read_lines(path, &next), 5000);
	assert_int_equal(size_of(in_dir("log.1")), -1);
}

static void a_gap_in_the_numbers_is_filled(void **state)
{
	(void)state;
	put(path, "0\n");
	put(in_dir("log.1"), "1\n");
	put(in_dir("log.3"), "3\n");
	assert_int_equal(open_out("rotate_size=50", "rotate_keep=9", NULL), 0);
	send_range(0, 1);
	assert_holds(in_dir("log.1"), "0\n");
	assert_holds(in_dir("log.2"), "1\n");
	assert_holds(in_dir("log.3"), "3\n");
	assert_int_equal(size_of(in_dir("log.4")), -1);
}

static void a_file_that_cannot_rotate_grows_on(void **state)
{
	int64_t next = 0;
	char *log;

	(void)state;
	assert_int_equal(open_out("rotate_size=10KiB", "rotate_keep=1", NULL), 0);
	/* A folder stands where PATH.1 would be. */
	assert_int_equal(mkdir(in_dir("log.1"), 0700), 0);
	start_log();
	for (uint64_t i = 0; i < 1000; i += 100)
		send_range(i, i + 100);
	log = take_log();
	assert_int_equal(count_text(log, "cannot rotate"), 1);
	free(log);
	assert_int_equal(w.account->delivered, 1000);
	assert_int_equal(read_lines(path, &next), 1000);
	assert_int_equal(rmdir(in_dir("log.1")), 0);
	send_range(1000, 1010);
	assert_int_equal(size_of(in_dir("log.1")), -1); /* not tried for each line */
	send_range(1010, 2000);
	assert_true(size_of(in_dir("log.1")) > 0);
	assert_true(size_of(path) <= 10 * 1024);
}

/* Reopening */

static void reopening_follows_a_rename(void **state)
{
	int64_t next = 0;

	(void)state;
	assert_int_equal(open_out(NULL, NULL, NULL), 0);
	send_range(0, 100);
	assert_int_equal(rename(path, in_dir("moved")), 0);
	for (uint64_t i = 100; i < 150; i++)
		send_on(&w, i); /* waits in the queue: belongs to the old file */
	ti_sink_reopen(w.sink);
	send_range(150, 200);
	assert_int_equal(read_lines(in_dir("moved"), &next), 150);
	assert_int_equal(read_lines(path, &next), 50);
}

static void a_failed_reopening_keeps_the_old_file(void **state)
{
	int64_t next = 0;
	char *log;

	(void)state;
	assert_int_equal(open_out(NULL, NULL, NULL), 0);
	assert_int_equal(rename(path, in_dir("moved")), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	start_log();
	ti_sink_reopen(w.sink);
	log = take_log();
	assert_int_equal(count_text(log, "\n"), 1);
	assert_non_null(strstr(log, "Is a directory; the old one stays in use"));
	free(log);
	send_range(0, 10);
	assert_int_equal(read_lines(in_dir("moved"), &next), 10);
}

static void two_files_at_once(void **state)
{
	struct way other;
	char option[200];
	int64_t a = 0, b = 100;

	(void)state;
	assert_int_equal(open_out("rotate_size=0", NULL, NULL), 0);
	snprintf(option, sizeof(option), "path=%s", in_dir("other"));
	assert_int_equal(open_way(&other, &ti_sink, NULL, (const char *[]){option, NULL}), 0);
	for (uint64_t i = 0; i < 100; i++) {
		send_on(&w, i);
		send_on(&other, 100 + i);
	}
	ti_router_flush(w.router);
	ti_router_flush(other.router);
	close_way(&other);
	assert_int_equal(read_lines(path, &a), 100);
	assert_int_equal(read_lines(in_dir("other"), &b), 100);
}

/* Full disks */

/* A tmpfs of so many KiB at dir, seen by this process alone. */
static bool mount_small(int kib)
{
	static bool unshared;
	char size[32];

	if (!unshared &&
	    (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0))
		return false;
	unshared = true;
	snprintf(size, sizeof(size), "size=%dk", kib);
	return mount("test", dir, "tmpfs", 0, size) == 0;
}

static void unmount_small(void)
{
	close_way(&w);
	memset(&w, 0, sizeof(w));
	umount(dir);
}

static void a_full_disk_costs_only_what_finds_the_queue_full(void **state)
{
	int64_t next = 0;
	uint64_t kept;
	char *log, lost[64];

	(void)state;
	if (!mount_small(64))
		skip();
	put(in_dir("ballast"), "x");
	assert_int_equal(truncate(in_dir("ballast"), 0), 0);
	assert_int_equal(open_out("queue=64KiB", NULL, NULL), 0);
	start_log();
	for (uint64_t i = 0; i < 4000; i++) {
		send_on(&w, i);
		if (i % 50 == 0)
			ti_router_flush(w.router);
		assert_true(is_balanced(w.account));
	}
	/* Whole lines alone are on the disk, and as many as the account says. */
	assert_int_equal(read_lines(path, &next), w.account->delivered);
	assert_true(w.account->delivered > 500);
	assert_true(w.account->in_flight > 300);
	assert_true(w.account->lost_queue > 1000);
	assert_int_equal(ti_sink_error(w.sink), -ENOSPC);
	kept = w.account->delivered + w.account->in_flight;

	/* Room again: the operator removes what was rotated, say. */
	assert_int_equal(mount(NULL, dir, NULL, MS_REMOUNT, "size=1024k"), 0);
	usleep(250000);
	ti_router_flush(w.router);
	log = take_log();
	assert_int_equal(w.account->in_flight, 0);
	assert_int_equal(w.account->delivered, kept);
	assert_true(is_balanced(w.account));
	next = 0;
	assert_int_equal(read_lines(path, &next), kept);
	assert_int_equal(count_text(log, "No space left on device"), 1);
	snprintf(lost, sizeof(lost), "events lost meanwhile: %d\n", 4000 - (int)kept);
	assert_int_equal(count_text(log, lost), 1);
	free(log);
	send_range((uint64_t)next, (uint64_t)next + 10);
	next = 0;
	assert_int_equal(read_lines(path, &next), kept + 10);
	unmount_small();
}

/* logrotate moves the file away while the disk is full: no half line in either. */
static void a_full_disk_leaves_whole_lines_for_reopening(void **state)
{
	int64_t next = 0;

	(void)state;
	if (!mount_small(64))
		skip();
	assert_int_equal(open_out(NULL, NULL, NULL), 0);
	start_log();
	send_range(0, 1000);
	assert_true(w.account->in_flight > 0);
	assert_int_equal(rename(path, in_dir("moved")), 0);
	assert_int_equal(mount(NULL, dir, NULL, MS_REMOUNT, "size=1024k"), 0);
	ti_sink_reopen(w.sink);
	ti_router_flush(w.router);
	free(take_log());
	assert_int_equal(w.account->delivered, 1000);
	assert_true(read_lines(in_dir("moved"), &next) > 100);
	assert_true(read_lines(path, &next) > 100);
	assert_int_equal(next, 1000);
	unmount_small();
}

static void rotation_on_a_full_disk(void **state)
{
	uint64_t lines;
	int64_t next;

	(void)state;
	if (!mount_small(64))
		skip();
	assert_int_equal(open_out("rotate_size=16KiB", "rotate_keep=9", "queue=1MiB"), 0);
	start_log();
	send_range(0, 5000);
	assert_true(w.account->in_flight > 0);
	lines = read_all(9);
	assert_int_equal(lines, w.account->delivered);
	assert_int_equal(mount(NULL, dir, NULL, MS_REMOUNT, "size=4096k"), 0);
	ti_router_drain(w.router);
	free(take_log());
	assert_int_equal(w.account->delivered, 5000);
	/* The oldest went; what is left is whole and without a gap. */
	next = 5000;
	for (int i = 0; i <= 9; i++) {
		char name[32];
		size_t n;
		char *text;
		const char *p;

		snprintf(name, sizeof(name), i ? "log.%d" : "log", i);
		text = slurp(in_dir(name), &n);
		p = text;
		lines = (uint64_t)count_text(text, "\n");
		next -= (int64_t)lines;
		for (uint64_t l = 0; l < lines; l++)
			assert_int_equal(next_number(&p, text + n), next + (int64_t)l);
		assert_ptr_equal(p, text + n);
		free(text);
	}
	unmount_small();
}

static void dev_full_takes_nothing(void **state)
{
	char *log;

	(void)state;
	snprintf(path, sizeof(path), "/dev/full");
	assert_int_equal(open_out(NULL, NULL, NULL), 0);
	start_log();
	send_range(0, 100);
	assert_int_equal(w.account->in_flight, 100);
	ti_router_drain(w.router);
	log = take_log();
	assert_int_equal(w.account->lost_queue, 100);
	assert_true(is_balanced(w.account));
	assert_int_equal(count_text(log, "cannot write: No space left on device"), 1);
	free(log);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(lines_are_appended),
		TEST(mode_is_0600_by_default),
		TEST(what_is_no_log_file_is_refused),
		TEST(an_unfinished_line_is_ended),
		TEST(a_fifo_may_lose_its_reader),
		TEST(rotation_loses_and_tears_nothing),
		TEST(only_so_many_are_kept),
		TEST(size_counts_from_what_is_there),
		TEST(rotation_never_when_0),
		TEST(a_gap_in_the_numbers_is_filled),
		TEST(a_file_that_cannot_rotate_grows_on),
		TEST(reopening_follows_a_rename),
		TEST(a_failed_reopening_keeps_the_old_file),
		TEST(two_files_at_once),
		TEST(a_full_disk_costs_only_what_finds_the_queue_full),
		TEST(a_full_disk_leaves_whole_lines_for_reopening),
		TEST(rotation_on_a_full_disk),
		TEST(dev_full_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
