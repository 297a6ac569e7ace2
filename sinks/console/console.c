/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * console.c - lines to standard output.
 *
 * A terminal that is stopped or a reader that sleeps must not stop the daemon,
 * and O_NONBLOCK on standard output would be set for the shell and everyone else
 * who shares it. So a terminal or pipe is opened a second time, through
 * /proc/self/fd, as an open file of our own. Where that can't be, it is written in
 * pieces of PIPE_BUF bytes after poll() has said that one fits.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <tcpinspect/sink.h>
#include <unistd.h>

enum { COLOUR_AUTO, COLOUR_YES, COLOUR_NO };

struct config {
	uint32_t colour;
};

static const char *const colour_choices[] = {"auto", "yes", "no", NULL};

static const struct ti_option options[] = {
	{
		.key = "colour",
		.type = TI_OPT_ENUM,
		.offset = offsetof(struct config, colour),
		.def = "auto",
		.help = "colours in text; auto: on a terminal unless NO_COLOR is set or TERM is "
			"dumb",
		.choices = colour_choices,
	},
};

struct console {
	int fd;
	bool is_socket;
	bool is_device;
	bool may_block; /* write() would wait: ask poll() first */
};

static bool wants_colour(const struct config *c)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (c->colour != COLOUR_AUTO)
		return c->colour == COLOUR_YES;
	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static void open_stdout(struct console *c, mode_t mode)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	c->fd = -1;
	c->is_socket = S_ISSOCK(mode);
	c->is_device = S_ISCHR(mode);
	if (S_ISFIFO(mode) || c->is_device)
		c->fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (c->fd >= 0)
		return;
	c->fd = STDOUT_FILENO;
	c->may_block = (S_ISFIFO(mode) || c->is_device) && !(flags & O_NONBLOCK);
}

static int console_start(void **self, const struct ti_sink_host *host, struct ti_handle *h,
			 const void *config)
{
	struct console *c;
	struct stat st;

	if (fstat(STDOUT_FILENO, &st) < 0) {
		int r = -errno;

		host->log(h, TI_LOG_ERROR, "standard output is closed");
		return r;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	open_stdout(c, st.st_mode);
	host->colour(h, wants_colour(config));
	*self = c;
	return 0;
}

static ssize_t write_piece(const struct console *c, const char *data, size_t len)
{
	struct pollfd p = {.fd = c->fd, .events = POLLOUT};
	ssize_t r;

	if (c->may_block) {
		if (poll(&p, 1, 0) <= 0)
			return -EAGAIN;
		len = len < PIPE_BUF ? len : PIPE_BUF;
	}
	if (c->is_socket)
		r = send(c->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		r = write(c->fd, data, len);
	if (r >= 0)
		return r;
	/* A terminal that was hung up doesn't come back either. */
	if ((c->is_device && errno == EIO) || (c->is_socket && errno == ECONNRESET))
		return -EPIPE;
	return errno == EINTR ? -EAGAIN : -errno;
}

static ssize_t console_write(void *self, const char *data, size_t len)
{
	size_t done = 0;
	ssize_t r = 0;

	while (done < len) {
		r = write_piece(self, data + done, len - done);
		if (r <= 0)
			break;
		done += (size_t)r;
	}
	return done ? (ssize_t)done : r;
}

static void console_stop(void *self)
{
	struct console *c = self;

	if (c->fd != STDOUT_FILENO)
		close(c->fd);
	free(c);
}

/* clang-format off */
TI_SINK(console,
	.version = "1.0",
	.summary = "prints lines to standard output",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.config_size = sizeof(struct config),
	.format = TI_FORMAT_TEXT,
	.start = console_start,
	.write = console_write,
	.stop = console_stop);
