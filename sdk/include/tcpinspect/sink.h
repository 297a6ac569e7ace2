/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/sink.h - what a sink's shared object exports.
 *
 * The daemon formats events and keeps one bounded queue of bytes a sink; the
 * sink writes whole batches of lines somewhere and never blocks. Loading, ABI,
 * threads and options are those of plugins: see plugin.h and option.h.
 */
#ifndef TCPINSPECT_SINK_H
#define TCPINSPECT_SINK_H

#include <sys/types.h>
#include <tcpinspect/plugin.h>

/* What `format` may say for a sink; the daemon does the formatting. */
enum ti_format {
	TI_FORMAT_JSON, /* one JSON object a line (RFC 8259) */
	TI_FORMAT_TEXT, /* aligned columns for people */
};

/*
 * Services of the daemon, valid from start() until stop() has returned. As with
 * ti_host, ask TI_HOST_HAS before using a member that came after ABI 1.0.
 */
struct ti_sink_host {
	uint32_t size;
	uint32_t reserved;

	/* As ti_host.log. */
	void (*log)(struct ti_handle *h, enum ti_log_level level,
		    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

	/* Ask that TI_FORMAT_TEXT use ANSI colours from now on. */
	void (*colour)(struct ti_handle *h, int on);
};

/* The descriptor: exported as `ti_sink`, constant. */
struct ti_sink {
	struct ti_prefix_v1 prefix;

	const char *version;
	const char *summary;

	const struct ti_option *options;
	uint32_t n_options;
	uint32_t config_size;

	uint32_t format;     /* enum ti_format used unless the ini says another */
	uint32_t reserved;

	/* Opens the destination. -errno: logged by the sink, the daemon ends
	 * with exit code 1; stop() is not called. */
	int (*start)(void **self, const struct ti_sink_host *host,
		     struct ti_handle *h, const void *config);

	/*
	 * Writes up to `len` bytes of newline-terminated lines. Returns how
	 * many bytes it took (fewer than `len` may end inside a line; the rest
	 * comes again), or -errno: nothing was taken and it is tried again
	 * later, with growing pauses from 100 ms to 5 s. The sink does not log
	 * the failure: the daemon does, once for a run of the same one.
	 * -EAGAIN is no failure: full for now, tried again after 1 to 100 ms.
	 * -EPIPE: nobody reads any more, for good: the daemon ends.
	 */
	ssize_t (*write)(void *self, const char *data, size_t len);

	/* SIGHUP or SIGUSR1: open the destination anew (logs were rotated).
	 * -errno: logged by the daemon, the old destination stays. May be NULL. */
	int (*reopen)(void *self);

	/* No more writes: flush and close. Frees self. */
	void (*stop)(void *self);
};

/* Define the descriptor: TI_SINK(name, .version = ..., ...). */
#define TI_SINK(name_, ...)                                                    \
	TI_NOTE(name_, TI_MODULE_SINK, struct ti_sink);                        \
	extern __attribute__((visibility("default")))                          \
	const struct ti_sink ti_sink;                                          \
	const struct ti_sink ti_sink = {                                       \
		.prefix = TI_PREFIX(name_, TI_MODULE_SINK, struct ti_sink),    \
		__VA_ARGS__                                                    \
	}

#endif
