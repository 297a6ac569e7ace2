/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file.c - lines to a file that rotates itself by size: PATH, PATH.1 (the newest
 * of the old ones), PATH.2, ... Also to a FIFO that somebody reads, or a device.
 *
 * A regular file only ever holds whole lines. What a full disk took of a line is
 * cut off again and left with the daemon, which comes back with it; so rotating
 * and reopening may happen before any write. A line that another writer, or the
 * end of an earlier run, left unfinished is ended when the file is opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <tcpinspect/sink.h>
#include <unistd.h>

enum { FSYNC_NEVER, FSYNC_ROTATE, FSYNC_BATCH };

struct config {
	char *path;
	uint64_t rotate_size;
	uint32_t rotate_keep;
	uint32_t mode;
	uint32_t fsync;
};

static const char *const fsync_choices[] = {"never", "rotate", "batch", NULL};

static const struct ti_option options[] = {
	{
		.key = "path",
		.type = TI_OPT_STRING,
		.offset = offsetof(struct config, path),
		.min = 1,
		.max = 4000,
		.help = "file to append to",
		.flags = TI_OPT_REQUIRED,
	},
	{
		.key = "rotate_size",
		.type = TI_OPT_SIZE,
		.offset = offsetof(struct config, rotate_size),
		.def = "100MiB",
		.help = "rotate before the file grows beyond this; 0: never",
	},
	{
		.key = "rotate_keep",
		.type = TI_OPT_U32,
		.offset = offsetof(struct config, rotate_keep),
		.def = "5",
		.min = 1,
		.max = 10000,
		.help = "how many rotated files are kept",
	},
	{
		.key = "mode",
		.type = TI_OPT_MODE,
		.offset = offsetof(struct config, mode),
		.def = "0600",
		.max = 0777,
		.help = "permissions of files that are created",
	},
	{
		.key = "fsync",
		.type = TI_OPT_ENUM,
		.offset = offsetof(struct config, fsync),
		.def = "never",
		.help = "when written lines are forced to the disk: before a rotation, or after "
			"each batch, for which the whole daemon waits",
		.choices = fsync_choices,
	},
};

struct file {
	const struct config *config;
	const struct ti_sink_host *host;
	struct ti_handle *handle;
	int fd;
	bool regular;
	uint64_t size;
	uint64_t rotate_at; /* config->rotate_size, later after a failed rotation */
	bool sync_failed; /* last time, and said so */
	bool rotate_failed;
};

#define LOG(f, level, ...) ((f)->host->log((f)->handle, level, __VA_ARGS__))

/* Opening */

/* Regular files are opened for reading too, to see how they end. */
static int open_path(const struct config *c)
{
	const int flags = O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	struct stat st;
	int fd = open(c->path, flags | O_RDWR | O_CREAT | O_EXCL, c->mode);

	if (fd >= 0) {
		fchmod(fd, c->mode); /* whatever the umask */
		return fd;
	}
	if (errno != EEXIST)
		return -errno;
	if (lstat(c->path, &st) < 0)
		return -errno;
	fd = open(c->path, flags | (S_ISREG(st.st_mode) ? O_RDWR : O_WRONLY));
	return fd < 0 ? -errno : fd;
}

static const char *explain(int error)
{
	switch (error) {
	case ENOENT:
		return "its folder does not exist";
	case ELOOP:
		return "it is a symbolic link: name the file itself";
	case ENXIO:
		return "it is a FIFO that nobody reads, or a socket";
	case EBUSY:
		return "another sink, or another tcpinspect, writes to it: give each its own";
	case EINVAL:
		return "it is no regular file, FIFO or character device";
	default:
		return strerror(error);
	}
}

/* End a line that was left unfinished, so that only that one is damaged. */
static void end_torn_line(struct file *f)
{
	char last = '\n';

	if (!f->size || pread(f->fd, &last, 1, (off_t)f->size - 1) != 1 || last == '\n')
		return;
	if (write(f->fd, "\n", 1) == 1)
		f->size++;
	LOG(f, TI_LOG_WARNING, "%s ended inside a line: it is left as it is, on a line of its own",
	    f->config->path);
}

/* Two writers would each rotate the other's file away. -EBUSY: there is one. */
static int lock_file(const struct file *f, int fd, const struct stat *st)
{
	struct stat old;

	if (f->fd >= 0 && fstat(f->fd, &old) == 0 && old.st_ino == st->st_ino && old.st_dev == st->st_dev)
		flock(f->fd, LOCK_UN); /* ourselves, opening it anew */
	return flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK ? -EBUSY : 0;
}

/* Open the path in place of what is open; on error that stays. */
static int open_file(struct file *f)
{
	struct stat st;
	int fd = open_path(f->config);

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 ||
	    !(S_ISREG(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))) {
		close(fd);
		return -EINVAL;
	}
	if (S_ISREG(st.st_mode) && lock_file(f, fd, &st) < 0) {
		close(fd);
		return -EBUSY;
	}
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	f->regular = S_ISREG(st.st_mode);
	f->size = f->regular ? (uint64_t)st.st_size : 0;
	f->rotate_at = f->config->rotate_size;
	if (f->regular)
		end_torn_line(f);
	return 0;
}

static int file_start(void **self, const struct ti_sink_host *host, struct ti_handle *h,
		      const void *config)
{
	struct file *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	*f = (struct file){.config = config, .host = host, .handle = h, .fd = -1};
	r = open_file(f);
	if (r < 0)
		LOG(f, TI_LOG_ERROR, "cannot open %s: %s", f->config->path, explain(-r));
	if (r < 0) {
		free(f);
		return r;
	}
	*self = f;
	return 0;
}

/* Rotating */

static void sync_file(struct file *f)
{
	bool failed = f->regular && fdatasync(f->fd) < 0;

	if (failed && !f->sync_failed)
		LOG(f, TI_LOG_ERROR, "%s: fsync: %s; written lines may be lost in a crash",
		    f->config->path, strerror(errno));
	f->sync_failed = failed;
}

static char *numbered(const struct file *f, char *buf, size_t size, uint32_t number)
{
	snprintf(buf, size, "%s.%u", f->config->path, number);
	return buf;
}

/* Shift PATH.1 ... up by one, as far as the first free number; the oldest goes. */
static int shift_old(const struct file *f)
{
	char from[4096], to[4096];
	uint32_t slot = 1;

	while (slot < f->config->rotate_keep &&
	       access(numbered(f, to, sizeof(to), slot), F_OK) == 0)
		slot++;
	for (; slot > 1; slot--) {
		numbered(f, from, sizeof(from), slot - 1);
		if (rename(from, numbered(f, to, sizeof(to), slot)) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

static int move_away(const struct file *f)
{
	char to[4096];
	int r = shift_old(f);

	if (r < 0)
		return r;
	/* Gone already is as good. */
	if (rename(f->config->path, numbered(f, to, sizeof(to), 1)) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

/* A rotation that fails is not worth a lost line: the file grows on, and it is
 * tried again after as much as was to fit in one. */
static bool rotate(struct file *f)
{
	char old[4096];
	int r;

	if (f->config->fsync != FSYNC_NEVER)
		sync_file(f);
	r = move_away(f);
	if (r >= 0) {
		r = open_file(f);
		if (r < 0)
			rename(numbered(f, old, sizeof(old), 1), f->config->path);
	}
	if (r < 0) {
		f->rotate_at = f->size + f->config->rotate_size;
		if (!f->rotate_failed)
			LOG(f, TI_LOG_ERROR, "%s: cannot rotate: %s; it grows on", f->config->path,
			    explain(-r));
	}
	f->rotate_failed = r < 0;
	return r >= 0;
}

/* Writing */

/* Bytes of whole lines, of the first `most` bytes; the first line when that is
 * longer. */
static size_t whole_lines(const char *data, size_t len, size_t most)
{
	const char *end = memrchr(data, '\n', most < len ? most : len);

	if (!end)
		end = memchr(data, '\n', len);
	return end ? (size_t)(end - data) + 1 : len;
}

/* A full disk took part of a line: cut that off, as long as nobody else has
 * appended. Bytes that remain taken. */
static size_t cut_torn_line(struct file *f, const char *data, size_t taken)
{
	const char *end = memrchr(data, '\n', taken);
	size_t whole = end ? (size_t)(end - data) + 1 : 0;
	struct stat st;

	if (whole == taken || fstat(f->fd, &st) < 0 || (uint64_t)st.st_size != f->size + taken)
		return taken;
	return ftruncate(f->fd, (off_t)(f->size + whole)) < 0 ? taken : whole;
}

static ssize_t write_lines(struct file *f, const char *data, size_t len)
{
	ssize_t r = write(f->fd, data, len);

	if (r < 0)
		/* -EPIPE would end the daemon; a FIFO may get another reader. */
		return errno == EINTR ? -EAGAIN : errno == EPIPE ? -ENXIO : -errno;
	if (!f->regular)
		return r;
	if ((size_t)r < len)
		r = (ssize_t)cut_torn_line(f, data, (size_t)r);
	f->size += (uint64_t)r;
	return r ? r : -ENOSPC;
}

static ssize_t file_write(void *self, const char *data, size_t len)
{
	struct file *f = self;
	size_t done = 0;
	ssize_t r = 0;

	while (done < len) {
		size_t n = len - done;

		if (f->regular && f->config->rotate_size) {
			uint64_t left = f->size < f->rotate_at ? f->rotate_at - f->size : 0;

			n = whole_lines(data + done, n, left);
			if (n > left && f->size && rotate(f))
				continue;
		}
		r = write_lines(f, data + done, n);
		if (r < 0)
			break;
		done += (size_t)r;
		if ((size_t)r < n)
			break;
	}
	if (done && f->config->fsync == FSYNC_BATCH)
		sync_file(f);
	return done ? (ssize_t)done : r;
}

static int file_reopen(void *self)
{
	return open_file(self);
}

static void file_stop(void *self)
{
	struct file *f = self;

	if (f->config->fsync != FSYNC_NEVER)
		sync_file(f);
	close(f->fd);
	free(f);
}

/* clang-format off */
TI_SINK(file,
	.version = "1.0",
	.summary = "appends lines to a file, rotated by size",
	.options = options,
	.n_options = sizeof(options) / sizeof(options[0]),
	.config_size = sizeof(struct config),
	.format = TI_FORMAT_JSON,
	.start = file_start,
	.write = file_write,
	.reopen = file_reopen,
	.stop = file_stop);
