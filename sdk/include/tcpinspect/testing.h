/* SPDX-License-Identifier: BSD-2-Clause OR LGPL-2.1 */
/*
 * tcpinspect/testing.h - tests of a plugin, in C: packets made in code, a clock that
 * the test moves, events looked at by the names of their fields. Not for plugins but
 * for the programs that test them (pkg-config --cflags --libs tcpinspect-testing).
 *
 *	#include <stdio.h>
 *	#include <tcpinspect/testing.h>
 *
 *	int main(void)
 *	{
 *		const char *why;
 *		struct ti_test *t;
 *
 *		if (!ti_test_can_feed(&why)) {
 *			printf("skipped: %s\n", why);
 *			return 77;
 *		}
 *		t = ti_test_new("./synmss.so", "below=900");
 *		if (!t) {
 *			fprintf(stderr, "%s\n", ti_test_error());
 *			return 1;
 *		}
 *		ti_test_packet(t, .flags = TI_SYN, .mss = 1460);
 *		ti_test_expect_none(t);
 *		ti_test_packet(t, .src = "192.0.2.7", .flags = TI_SYN, .mss = 536);
 *		ti_test_expect(t, "synmss", "src_ip", "192.0.2.7", "mss", "536");
 *		ti_test_free(t);
 *		return 0;
 *	}
 *
 * A plugin is tested in one of two ways:
 * - ti_test_new: whole. Packets run through its BPF programs in the kernel, which
 *   takes the privileges of loading them; nothing is attached, no interface is touched.
 * - ti_test_new_user: its callbacks only. There is no kernel behind them: maps and
 *   variables of the BPF object are memory of the test's, and what the programs would
 *   report the test does (ti_test_record). Needs no privilege.
 * Either way everything is the test's: the clock stands still until it is moved, the
 * seed is always the same, and a failure comes again.
 *
 * What isn't as expected, and calls that can't be right (an event that the plugin
 * hasn't got), are failures: see ti_test_on_failure. Functions that can fail in other
 * ways say so. Not for more than one thread. Nothing is printed but failures; with
 * TI_TEST_LOG=1 in the environment the log is, too.
 */
#ifndef TCPINSPECT_TESTING_H
#define TCPINSPECT_TESTING_H

#include <stddef.h>
#include <stdint.h>
#include <tcpinspect/plugin.h>
#include <tcpinspect/types.h>

struct ti_test;       /* a plugin under test */
struct ti_test_event; /* an event that it has reported */

/* --- begin and end ------------------------------------------------------- */

/* 1: packets can be fed here (ti_test_new). 0: they can't; *why says why, constant.
 * `why` may be NULL. */
int ti_test_can_feed(const char **why);

/*
 * Open, load and start the plugin at a path, called NAME.so, with options as in its
 * section of the ini file, "key=value" each:
 *	struct ti_test *t = ti_test_new("./synmss.so", "below=900", "hook=xdp");
 * Whose file it is and who can write it isn't asked. A plugin can't be in two tests at
 * once: one that is open still, as after a test that has failed, is freed by this. The
 * caller's, for ti_test_free. NULL: see ti_test_error, which says what the daemon would.
 */
#define ti_test_new(...) ti_test_open(1, __VA_ARGS__, NULL)
/*
 * As ti_test_new, but its callbacks only, without kernel. To it the host is a live one
 * (ti_host.offline is 0) with two CPUs, no sockets, and at each hook group of the object
 * the first hook. Maps can be hashes and arrays, LRU or not, without a value per CPU, and
 * are as large as the object and the options say. Options that the programs read are
 * parsed and have no effect.
 */
#define ti_test_new_user(...) ti_test_open(0, __VA_ARGS__, NULL)
struct ti_test *ti_test_open(int whole, const char *path, ...) __attribute__((sentinel));
/* Why the last of these, or ti_test_restart, has failed; "" before. Valid until the next call of one. */
const char *ti_test_error(void);

/* One more tick, at its time, then the plugin's stop(). Its events and counters can
 * still be looked at. A second call does nothing. */
void ti_test_stop(struct ti_test *t);
/* Stop, and start again, with the same options and the host as the test has described it
 * by now (ti_test_socket and so on): what start() finds. Maps and variables are new, the
 * clock goes on; events and lines of the log that weren't taken are skipped. -errno: it
 * could not start, see ti_test_error; t is stopped. */
int ti_test_restart(struct ti_test *t);
/* Stop, unless it has been, and free everything that came from t. NULL is fine. */
void ti_test_free(struct ti_test *t);

/* --- failures ------------------------------------------------------------ */

/*
 * What is done about a failure: `text` is one or more lines without newline at the end,
 * for people; file and line are the test's. It may not return (longjmp); when it does,
 * the test goes on. Without one, or with NULL, the text is printed to standard error and
 * the process aborted. Where this file is included after <cmocka.h>, that is set to
 * fail cmocka's running test.
 */
typedef void (*ti_test_failure_fn)(const char *file, int line, const char *text);
void ti_test_on_failure(ti_test_failure_fn fn);
/* How many there were, in this process. */
unsigned ti_test_failures(void);

/* --- clock --------------------------------------------------------------- */

/* CLOCK_BOOTTIME of the plugin in ns: 1,000 s at start, which is 2020-01-01T00:00:00Z. */
uint64_t ti_test_now(const struct ti_test *t);
/* Move it on by `ns`, through the ticks that become due, each at its own time: the
 * first is one period (ti_plugin.tick_ms) after the start. */
void ti_test_advance(struct ti_test *t, uint64_t ns);

/* --- packets ------------------------------------------------------------- */

/*
 * A TCP packet in an Ethernet frame. What is left out (0, NULL) has the default that
 * stands beside it. Lengths and checksums are made to fit.
 */
struct ti_test_packet {
	const char *src, *dst;   /* as text: "192.0.2.1" and "198.51.100.1", or, where the other
				    is IPv6, "2001:db8::1" and "2001:db8::2" */
	int src_port, dst_port;  /* 40000, 80; TI_TEST_ZERO: 0 */
	uint8_t flags;           /* enum ti_tcp_flag: none */
	uint32_t seq, ack;       /* 0, 0 */
	int window;              /* 64240; TI_TEST_ZERO: 0 */
	int ttl;                 /* or hop limit: 64; TI_TEST_ZERO: 0 */
	uint8_t tos;             /* or traffic class: 0 */
	uint16_t id;             /* of IPv4, or of the fragment: 0 */
	uint16_t mss;            /* a TCP option of its own, the first: none */
	const void *options;     /* bytes of other TCP options, filled up with zeros to a
				    multiple of 4; 40 at most, an MSS's 4 included: none */
	size_t options_len;
	const void *payload;     /* none */
	size_t payload_len;      /* 0 with a payload: it is a string */
	uint16_t vlan[4];        /* tags from the outermost inwards, 802.1ad but for the
				    innermost; the first 0 ends them: none */
	uint16_t fragment_at;    /* offset of this fragment in bytes, a multiple of 8, in the
				    packet that the other members describe: 0 */
	uint16_t fragment_len;   /* bytes of it, a multiple of 8 but in the last; 0: the rest */
	uint32_t captured;       /* bytes of the frame that are there; 0: all */
	int egress;              /* 1: leaves this host, else it arrives */
};
#define TI_TEST_ZERO (-1)

/*
 * Feed one now:
 *	ti_test_packet(t, .src = "2001:db8::1", .dst = "2001:db8::2", .flags = TI_SYN);
 * Its events are there when it returns. A failure: no such packet can be made, or t is
 * of ti_test_new_user.
 */
#define ti_test_packet(t, ...)                                                 \
	ti_test_feed(t, &(const struct ti_test_packet){ __VA_ARGS__ }, __FILE__, __LINE__)
void ti_test_feed(struct ti_test *t, const struct ti_test_packet *p, const char *file, int line);

/* Feed any bytes as a frame. The kernel takes none that ends within the Ethernet or IP
 * header: that is a failure. Of more than 3,456 bytes programs see so many, and the true
 * length beside them. */
#define ti_test_frame(t, bytes, len, egress)                                   \
	ti_test_feed_frame(t, bytes, len, egress, __FILE__, __LINE__)
void ti_test_feed_frame(struct ti_test *t, const void *bytes, size_t len, int egress,
			const char *file, int line);

/* The frame of a packet, to change bytes of it or to write it to a capture: at most
 * `size` bytes to out[]. Returns its whole length; 0: no such packet can be made. */
size_t ti_test_make(const struct ti_test_packet *p, void *out, size_t size);

/*
 * A connection, for the functions below. The caller's; the first block is set before the
 * handshake, with defaults as in a packet, the second is kept by the functions.
 */
struct ti_test_conn {
	const char *client, *server;   /* as src and dst of a packet */
	int client_port, server_port;  /* 40000, 80 */
	uint16_t mss;                  /* most bytes of payload in a packet: 1,460 */
	int outgoing;                  /* 1: this host is the client, else the server */
	uint64_t gap;                  /* ns that the clock moves before each packet: 0 */

	uint32_t client_seq, server_seq; /* of the next byte; before: initial ones */
};
/* SYN, SYN-ACK, ACK. */
#define ti_test_handshake(t, c) ti_test_connect(t, c, __FILE__, __LINE__)
void ti_test_connect(struct ti_test *t, struct ti_test_conn *c, const char *file, int line);
/* Bytes from one to the other (in several packets where they are more than the MSS),
 * acknowledged by nothing but what the other sends next. */
#define ti_test_from_client(t, c, bytes, len) ti_test_data(t, c, 0, bytes, len, __FILE__, __LINE__)
#define ti_test_from_server(t, c, bytes, len) ti_test_data(t, c, 1, bytes, len, __FILE__, __LINE__)
void ti_test_data(struct ti_test *t, struct ti_test_conn *c, int from_server, const void *bytes,
		  size_t len, const char *file, int line);
/* FIN of the client, FIN of the server, ACK. */
#define ti_test_close(t, c) ti_test_disconnect(t, c, __FILE__, __LINE__)
void ti_test_disconnect(struct ti_test *t, struct ti_test_conn *c, const char *file, int line);

/* --- what the programs and the host would do ------------------------------ */

/* A record of the programs, now, from CPU 0: an event or TI_INTERNAL of this name, whose
 * struct is `data`, copied. Of TI_INTERNAL it may be the beginning. */
#define ti_test_record(t, name, data, len)                                     \
	ti_test_give_record(t, name, data, len, __FILE__, __LINE__)
void ti_test_give_record(struct ti_test *t, const char *name, const void *data, size_t len,
			 const char *file, int line);

/* For ti_host.sockets: there is this one from now on, instead of one with the same
 * cookie unless that is 0. Copied. Also with ti_test_new. */
void ti_test_socket(struct ti_test *t, const struct ti_socket *s);
/* There are none any more. */
void ti_test_no_sockets(struct ti_test *t);
/* ti_host.sockets fails with -errno r; 0: it does not any more. */
void ti_test_sockets_fail(struct ti_test *t, int r);

/* Interface number `ifindex` has this name, copied, and the plugin is told (attached);
 * NULL: it never was there. */
void ti_test_interface(struct ti_test *t, uint32_t ifindex, const char *name);
/* The hook in use for a group of the object, "tc", constant; NULL: none. The plugin is
 * told (attached). Of ti_test_new_user only. */
void ti_test_hook(struct ti_test *t, const char *group, const char *hook);

/* A variable or TI_CPU_ARRAY of the BPF object: as ti_host.memory. A failure: there is
 * none. */
#define ti_test_memory(t, name, size) ti_test_find_memory(t, name, size, __FILE__, __LINE__)
void *ti_test_find_memory(struct ti_test *t, const char *name, size_t *size, const char *file,
			  int line);

/* A map of the object: as ti_host.map_get and so on, with its name. -errno, too, where
 * there is no such map (-ENOENT). */
int ti_test_map_get(struct ti_test *t, const char *map, const void *key, void *value);
int ti_test_map_set(struct ti_test *t, const char *map, const void *key, const void *value);
int ti_test_map_delete(struct ti_test *t, const char *map, const void *key);

/* --- events --------------------------------------------------------------- */

/* The next that nobody has taken, in the order in which they were reported; NULL: there
 * is none. Valid until ti_test_free, as are all texts of it. */
const struct ti_test_event *ti_test_next(struct ti_test *t);
/* The next of this name; those before it are skipped. NULL: there is none, and none is
 * skipped. */
const struct ti_test_event *ti_test_find(struct ti_test *t, const char *name);

/*
 * Take the next event, which is to be of this name and have these fields: pairs of name
 * and text as in ti_test_field, "" for what is absent:
 *	ti_test_expect(t, "flood_start", "severity", "critical", "top[0].src", "192.0.2.0/24");
 * Fields that aren't named may be anything. NULL after a failure.
 */
#define ti_test_expect(t, ...) ti_test_expect_at(t, __FILE__, __LINE__, __VA_ARGS__, NULL)
const struct ti_test_event *ti_test_expect_at(struct ti_test *t, const char *file, int line,
					      const char *name, ...) __attribute__((sentinel));
/* The same of an event that was taken. */
#define ti_test_check(e, ...) ti_test_check_at(e, __FILE__, __LINE__, __VA_ARGS__, NULL)
void ti_test_check_at(const struct ti_test_event *e, const char *file, int line, ...)
	__attribute__((sentinel));
/* There is none that nobody has taken. */
#define ti_test_expect_none(t) ti_test_expect_none_at(t, __FILE__, __LINE__)
void ti_test_expect_none_at(struct ti_test *t, const char *file, int line);

/* "flood_start". */
const char *ti_test_name(const struct ti_test_event *e);
/*
 * A field as JSON has it, without quotes and escapes: "192.0.2.1", "900", "true". Also
 * "time" and "severity", and what is in a list ("top[0].src"). NULL: it is absent, or
 * there is no such field, which ti_test_expect and ti_test_check tell apart.
 */
const char *ti_test_field(const struct ti_test_event *e, const char *field);
/* The same as a number; 0: absent, or not a number (see ti_test_field). */
int64_t ti_test_number(const struct ti_test_event *e, const char *field);
/* The line of JSON that a sink would be given, without newline and host. */
const char *ti_test_json(const struct ti_test_event *e);
/* Its struct, as the plugin's header has it; *size (NULL: not asked) in bytes. */
const void *ti_test_struct(const struct ti_test_event *e, size_t *size);

/* --- counters, metrics, log ----------------------------------------------------- */

/* A counter that every probe has, of enum ti_count: with ti_test_new_user as the test
 * has set them (ti_test_memory, "ti_counters"). */
uint64_t ti_test_counter(struct ti_test *t, enum ti_count which);

/*
 * A metric of the plugin, with its labels, as it would be printed (`tcpinspect run
 * --stats`): "synmss_port_syns_total{port=\"80\"}". NULL: there is none. Valid until
 * ti_test_free. With ti_test_new_user there are those that ti_host.metrics has set.
 */
const char *ti_test_metric(struct ti_test *t, const char *metric);
/* It is this text, as "12"; "": absent. */
#define ti_test_expect_metric(t, metric, text)                                 \
	ti_test_expect_metric_at(t, metric, text, __FILE__, __LINE__)
void ti_test_expect_metric_at(struct ti_test *t, const char *metric, const char *text,
			      const char *file, int line);

/* Line n of the log, 0 the first, of any level: "synmss: text"; NULL: there aren't so
 * many. Valid until ti_test_free. */
const char *ti_test_log(const struct ti_test *t, size_t n);
/* One of the lines of this level that weren't taken yet contains `text`. It is taken
 * with all before it. */
#define ti_test_expect_log(t, level, text) ti_test_expect_log_at(t, level, text, __FILE__, __LINE__)
void ti_test_expect_log_at(struct ti_test *t, enum ti_log_level level, const char *text,
			   const char *file, int line);
/* Of those that weren't taken none is an error or a warning. */
#define ti_test_expect_quiet(t) ti_test_expect_quiet_at(t, __FILE__, __LINE__)
void ti_test_expect_quiet_at(struct ti_test *t, const char *file, int line);

#ifdef CMOCKA_H_
__attribute__((unused)) static void ti_test_fail_cmocka(const char *file, int line, const char *text)
{
	print_error("%s\n", text);
	_fail(file, line);
}
__attribute__((constructor, unused)) static void ti_test_use_cmocka(void)
{
	ti_test_on_failure(ti_test_fail_cmocka);
}
#endif

#endif
