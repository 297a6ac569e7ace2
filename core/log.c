/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static enum ti_log_level log_most = TI_LOG_INFO;
static void (*log_fn)(void *arg, enum ti_log_level level, const char *text);
static void *log_arg;

void ti_log_level(enum ti_log_level most)
{
	log_most = most;
}

enum ti_log_level ti_log_level_now(void)
{
	return log_most;
}

void ti_log_to(void (*fn)(void *arg, enum ti_log_level level, const char *text), void *arg)
{
	log_fn = fn;
	log_arg = arg;
}

void ti_logv(enum ti_log_level level, const char *fmt, va_list ap)
{
	static const char *const names[] = { "error: ", "warning: ", "", "debug: " };
	char line[2048];
	int n, m;

	if (log_fn) {
		vsnprintf(line, sizeof(line), fmt, ap);
		log_fn(log_arg, level, line);
		return;
	}
	if (level > log_most)
		return;
	n = snprintf(line, sizeof(line), "tcpinspect: %s", names[level]);
	m = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	if (m < 0)
		return;
	n += m < (int)sizeof(line) - n - 1 ? m : (int)sizeof(line) - n - 2;
	line[n++] = '\n';
	/* One write a line: lines of several processes don't mix. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

void ti_log(enum ti_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ti_logv(level, fmt, ap);
	va_end(ap);
}

int ti_err(int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ti_logv(TI_LOG_ERROR, fmt, ap);
	va_end(ap);
	return r;
}

void ti_log_limited(struct ti_log_limit *l, enum ti_log_level level,
		    const char *fmt, ...)
{
	struct timespec now;
	char text[1024];
	va_list ap;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (l->last_s && (unsigned long long)now.tv_sec < l->last_s + 60) {
		l->held++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (l->held)
		ti_log(level, "%s (and %lu times since the last such line)", text, l->held);
	else
		ti_log(level, "%s", text);
	l->last_s = now.tv_sec ? now.tv_sec : 1;
	l->held = 0;
}

void ti_closep(int *fd)
{
	int e = errno;

	if (*fd >= 0)
		close(*fd);
	errno = e;
}

void ti_fclosep(void *f)
{
	if (*(FILE **)f)
		fclose(*(FILE **)f);
}
