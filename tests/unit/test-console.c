/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sinks/console/console.c, writing to pipes and terminals in place of the test's
 * own standard output. */
#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <time.h>
#include "sink-fixture.h"
#include "../../sinks/console/console.c"

static int saved_stdout, reader;
static struct way w;

static void use_stdout(int fd)
{
	fflush(stdout);
	saved_stdout = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	close(fd);
}

static void use_pipe(void)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	reader = fds[0];
	use_stdout(fds[1]);
}

/* `reader` becomes the terminal's other end. */
static void use_terminal(void)
{
	struct termios raw;
	int slave;

	reader = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(reader >= 0 && grantpt(reader) == 0 && unlockpt(reader) == 0);
	slave = open(ptsname(reader), O_RDWR | O_NOCTTY);
	assert_int_equal(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	use_stdout(slave);
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	saved_stdout = reader = -1;
	memset(&w, 0, sizeof(w));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	end_log();
	close_way(&w);
	if (saved_stdout >= 0) {
		dup2(saved_stdout, STDOUT_FILENO);
		close(saved_stdout);
	}
	if (reader >= 0)
		close(reader);
	return 0;
}

static void open_console(const char *option)
{
	assert_int_equal(open_way(&w, &ti_sink, NULL, (const char *[]){option, NULL}), 0);
}

static bool colour_of(const char *option)
{
	bool colour;

	open_console(option);
	colour = ti_sink_colour(w.sink);
	close_way(&w);
	memset(&w, 0, sizeof(w));
	return colour;
}

static void send_range(uint64_t from, uint64_t to)
{
	for (; from < to; from++)
		send_on(&w, from);
	ti_router_flush(w.router);
	assert_true(is_balanced(w.account));
}

/* Reads until nothing comes and nothing is in flight; lines are whole and their
 * numbers follow each other from 0. */
static uint64_t read_all(void)
{
	static char buf[4 << 20];
	const char *p = buf;
	size_t n = 0;
	uint64_t lines = 0;
	ssize_t r;

	fcntl(reader, F_SETFL, O_NONBLOCK);
	do {
		r = read(reader, buf + n, sizeof(buf) - n);
		n += r > 0 ? (size_t)r : 0;
		usleep(2000);
		ti_router_flush(w.router);
	} while (r > 0 || w.account->in_flight);
	while ((r = read(reader, buf + n, sizeof(buf) - n)) > 0)
		n += (size_t)r;
	for (; p < buf + n; lines++)
		assert_int_equal(next_number(&p, buf + n), lines);
	return lines;
}

static void a_sleeping_reader_stops_nobody(void **state)
{
	(void)state;
	use_pipe();
	open_console(NULL);
	alarm(20); /* a write that waits ends the test */
	send_range(0, 5000);
	assert_true(w.account->in_flight > 0);
	assert_true(w.account->delivered > 0);
	assert_int_equal(read_all(), 5000);
	assert_int_equal(w.account->delivered, 5000);
	alarm(0);
	/* Others who share standard output find it as it was. */
	assert_int_equal(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

/* The way when /proc isn't there. */
static void pieces_after_poll_do_not_wait_either(void **state)
{
	struct console c = {.fd = STDOUT_FILENO, .may_block = true};
	char data[65536];
	size_t room = 0, got = 0;
	ssize_t r;

	(void)state;
	memset(data, 'x', sizeof(data));
	use_pipe();
	alarm(20);
	/* One page is free when the seventh comes: poll() says yes to it. */
	while ((r = console_write(&c, data, 10000)) > 0)
		room += (size_t)r;
	assert_int_equal(r, -EAGAIN);
	assert_true(room > 30000);
	alarm(0);
	while (got < room && (r = read(reader, data, sizeof(data))) > 0)
		got += (size_t)r;
	assert_int_equal(got, room);
	assert_int_equal(console_write(&c, data, 9000), 9000);
}

static void a_reader_that_left_is_the_end(void **state)
{
	(void)state;
	use_pipe();
	open_console(NULL);
	send_range(0, 1);
	close(reader);
	reader = -1;
	send_range(1, 2);
	assert_int_equal(ti_sink_error(w.sink), -EPIPE);
}

static void a_stdout_that_does_not_wait_is_fine(void **state)
{
	(void)state;
	use_pipe();
	fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
	open_console(NULL);
	send_range(0, 3000);
	assert_int_equal(read_all(), 3000);
}

static void a_socket_does_not_wait_either(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	reader = fds[0];
	use_stdout(fds[1]);
	open_console(NULL);
	alarm(20);
	send_range(0, 10000);
	assert_true(w.account->in_flight > 0);
	assert_int_equal(read_all(), 10000);
	alarm(0);
	close(reader);
	reader = -1;
	send_range(0, 1);
	assert_int_equal(ti_sink_error(w.sink), -EPIPE);
}

static void a_file_gets_all_of_it(void **state)
{
	char name[] = "/tmp/tcpinspect-test-console.XXXXXX";
	int fd = mkstemp(name);

	(void)state;
	reader = open(name, O_RDONLY);
	unlink(name);
	assert_int_equal(write(fd, "", 0), 0);
	use_stdout(fd);
	open_console(NULL);
	send_range(0, 2000);
	assert_int_equal(w.account->in_flight, 0);
	assert_int_equal(read_all(), 2000);
}

static void a_stopped_terminal_stops_nobody(void **state)
{
	(void)state;
	use_terminal();
	open_console("colour=no");
	alarm(20);
	assert_int_equal(tcflow(STDOUT_FILENO, TCOOFF), 0); /* Ctrl-S */
	send_range(0, 3000);
	assert_true(w.account->in_flight > 0);
	assert_int_equal(tcflow(STDOUT_FILENO, TCOON), 0);
	assert_int_equal(read_all(), 3000);
	alarm(0);
}

static void colours_on_terminals_that_have_them(void **state)
{
	(void)state;
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	use_pipe();
	assert_false(colour_of(NULL));
	assert_true(colour_of("colour=yes"));
	close(reader);
	dup2(saved_stdout, STDOUT_FILENO);
	close(saved_stdout);

	use_terminal();
	assert_true(colour_of(NULL));
	assert_false(colour_of("colour=no"));
	setenv("NO_COLOR", "1", 1);
	assert_false(colour_of("colour=auto"));
	assert_true(colour_of("colour=yes"));
	setenv("NO_COLOR", "", 1);
	assert_true(colour_of("colour=auto"));
	setenv("TERM", "dumb", 1);
	assert_false(colour_of("colour=auto"));
	unsetenv("TERM");
	assert_false(colour_of("colour=auto"));
}

static void a_closed_stdout_is_an_error(void **state)
{
	char *log;

	(void)state;
	use_pipe();
	start_log();
	close(STDOUT_FILENO);
	assert_int_equal(open_way(&w, &ti_sink, NULL, NULL), -EBADF);
	log = take_log();
	assert_non_null(strstr(log, "standard output is closed"));
	free(log);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_sleeping_reader_stops_nobody),  TEST(pieces_after_poll_do_not_wait_either),
		TEST(a_reader_that_left_is_the_end),   TEST(a_stdout_that_does_not_wait_is_fine),
		TEST(a_socket_does_not_wait_either),   TEST(a_file_gets_all_of_it),
		TEST(a_stopped_terminal_stops_nobody), TEST(colours_on_terminals_that_have_them),
		TEST(a_closed_stdout_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
