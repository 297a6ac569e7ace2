/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * sqlite.c - events into a table of an SQLite database, a row each: its JSON, and what all
 * events have as columns that SQLite takes out of it.
 *
 * A batch is one transaction: what write() reports as taken is in the database, all of it,
 * or else nothing was taken, and the daemon, which has it still, comes again.
 */
#include <tcpinspect/sink.h>

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_LINES 1000 /* in a transaction: some milliseconds */

struct config {
	char *path;
};

struct sqlite {
	const struct config *config;
	sqlite3 *db; /* NULL: not open, the next write() tries */
	sqlite3_stmt *insert;
};

/* Readers are not kept waiting by WAL, and NORMAL waits for the disk only when WAL is full. */
static const char schema[] =
	"PRAGMA journal_mode = WAL;"
	"PRAGMA synchronous = NORMAL;"
	"CREATE TABLE IF NOT EXISTS events ("
	"	json TEXT NOT NULL,"
	"	time TEXT AS (json_extract(json, '$.time')),"
	"	plugin TEXT AS (json_extract(json, '$.plugin')),"
	"	event TEXT AS (json_extract(json, '$.event')),"
	"	severity TEXT AS (json_extract(json, '$.severity')),"
	"	src_ip TEXT AS (json_extract(json, '$.src_ip')),"
	"	src_port INTEGER AS (json_extract(json, '$.src_port')),"
	"	dst_ip TEXT AS (json_extract(json, '$.dst_ip')),"
	"	dst_port INTEGER AS (json_extract(json, '$.dst_port')));"
	"CREATE INDEX IF NOT EXISTS events_by_time ON events (event, time);";

/* What sink.h asks for: -EAGAIN is no failure, all others are logged by the daemon. */
static int error_of(sqlite3 *db)
{
	switch (db ? sqlite3_errcode(db) : SQLITE_NOMEM) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EAGAIN;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		return sqlite3_system_errno(db) ? -sqlite3_system_errno(db) : -EIO;
	default:
		return -EINVAL;
	}
}

/* With what stands in the WAL put into the database, also if that was renamed meanwhile. */
static void close_database(struct sqlite *s)
{
	sqlite3_finalize(s->insert);
	if (s->db)
		sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_close(s->db);
	s->insert = NULL;
	s->db = NULL;
}

static int open_database(struct sqlite *s)
{
	/* Made here, so that nobody else may read it; SQLite's own files follow it in that. */
	int fd = open(s->config->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), r;

	if (fd < 0 && (errno != EEXIST || access(s->config->path, W_OK) < 0))
		return -errno;
	if (fd >= 0)
		close(fd);
	if (sqlite3_open_v2(s->config->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL) == SQLITE_OK &&
	    sqlite3_exec(s->db, schema, NULL, NULL, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(s->db, "INSERT INTO events (json) VALUES (?)", -1, &s->insert, NULL) == SQLITE_OK)
		return 0;
	r = error_of(s->db);
	close_database(s);
	return r;
}

/* Where it got; NULL: it went wrong. */
static const char *insert_lines(struct sqlite *s, const char *data, const char *end)
{
	for (int n = 0; n < MOST_LINES && data < end; n++) {
		const char *newline = memchr(data, '\n', end - data); /* there is one, always */
		int r;

		sqlite3_bind_text(s->insert, 1, data, newline - data, SQLITE_STATIC);
		r = sqlite3_step(s->insert);
		sqlite3_reset(s->insert);
		if (r != SQLITE_DONE)
			return NULL;
		data = newline + 1;
	}
	return data;
}

static ssize_t sqlite_write(void *self, const char *data, size_t len)
{
	struct sqlite *s = self;
	int r = s->db ? 0 : open_database(s);
	const char *end;

	if (r < 0)
		return r;
	if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
	    (end = insert_lines(s, data, data + len)) &&
	    sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		return end - data;
	r = error_of(s->db);
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

/* Never two at once: they would share what SQLite keeps beside the database. */
static int sqlite_reopen(void *self)
{
	close_database(self);
	return open_database(self);
}

static void sqlite_stop(void *self)
{
	close_database(self);
	free(self);
}

static int sqlite_start(void **self, const struct ti_sink_host *host, struct ti_handle *h, const void *config)
{
	struct sqlite *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->config = config;
	r = open_database(s);
	if (r < 0 && r != -EAGAIN) {
		host->log(h, TI_LOG_ERROR, "cannot open %s: %s", s->config->path, strerror(-r));
		sqlite_stop(s);
		return r;
	}
	*self = s;
	return 0;
}

static const struct ti_option options[] = {
	{ .key = "path", .type = TI_OPT_STRING, .offset = offsetof(struct config, path), .min = 1, .max = 4000,
	  .help = "database file; made if there is none", .flags = TI_OPT_REQUIRED },
};

TI_SINK(sqlite, .version = "1.0", .summary = "rows of an SQLite database", .options = options,
	.n_options = sizeof(options) / sizeof(options[0]), .config_size = sizeof(struct config),
	.format = TI_FORMAT_JSON, .start = sqlite_start, .write = sqlite_write, .reopen = sqlite_reopen,
	.stop = sqlite_stop);
