/* SPDX-License-Identifier: GPL-2.0-or-later */
/* feed.c - packets, records and connections that a test gives to its plugin. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "log.h"
#include "packet.h"
#include "plugin_run.h"
#include "test.h"

/* --- can it be? ------------------------------------------------------------ */

int ti_test_can_feed(const char **why)
{
	static const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static char text[256];
	static const uint8_t frame[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .repeat = 1);
	ti_cleanup(ti_closep) int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "ti_test", "Dual BSD/GPL",
						     program, TI_ARRAY_SIZE(program), NULL);
	int r = fd < 0 ? fd : bpf_prog_test_run_opts(fd, &opts);

	if (r == -EPERM)
		snprintf(text, sizeof(text), "not permitted to load BPF programs: run as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN");
	else
		snprintf(text, sizeof(text), "this kernel doesn't run a BPF program on a packet: %s", strerror(-r));
	if (why)
		*why = r < 0 ? text : "";
	return r >= 0;
}

/* --- packets --------------------------------------------------------------- */

static void feed(struct ti_test *t, const struct ti_frame *frame, const char *file, int line)
{
	char why[1024];
	int r;

	if (!t->offline) {
		test_fail(file, line, "no packets can be fed %s", t->stopped ? "after ti_test_stop" :
			  "with ti_test_new_user: the programs don't run");
		return;
	}
	test_enter(t);
	r = ti_offline_feed(t->offline, frame);
	test_errors(t, why, sizeof(why));
	if (r == TI_FED_SHORT)
		test_fail(file, line, "a frame of %u bytes ends within its headers: the kernel doesn't take it",
			  frame->captured);
	else if (r < 0)
		test_fail(file, line, "%s", why);
}

void ti_test_feed(struct ti_test *t, const struct ti_test_packet *p, const char *file, int line)
{
	static uint8_t bytes[FRAME_MAX];
	char why[256];
	size_t len;

	if (packet_make(p, bytes, &len, why, sizeof(why)) < 0) {
		test_fail(file, line, "no such packet can be made: %s", why);
		return;
	}
	feed(t, &(struct ti_frame){ .bytes = bytes, .len = len, .egress = p->egress,
				    .captured = p->captured && p->captured < len ? p->captured : len },
	     file, line);
}

void ti_test_feed_frame(struct ti_test *t, const void *bytes, size_t len, int egress, const char *file,
			int line)
{
	feed(t, &(struct ti_frame){ .bytes = bytes, .captured = len, .len = len, .egress = egress }, file, line);
}

/* --- connections ----------------------------------------------------------- */

struct from {
	const char *file;
	int line;
};

static void segment(struct ti_test *t, struct ti_test_conn *c, int from_server, uint8_t flags,
		    const void *bytes, size_t len, struct from at)
{
	int client_port = c->client_port ? c->client_port : 40000;
	int server_port = c->server_port ? c->server_port : 80;
	uint32_t *seq = from_server ? &c->server_seq : &c->client_seq;
	const char *client = c->client, *server = c->server;
	struct ti_test_packet p;

	packet_addresses(&client, &server);
	p = (struct ti_test_packet){
		.src = from_server ? server : client,
		.dst = from_server ? client : server,
		.src_port = from_server ? server_port : client_port,
		.dst_port = from_server ? client_port : server_port,
		.flags = flags,
		.seq = *seq,
		.ack = flags & TI_ACK ? from_server ? c->client_seq : c->server_seq : 0,
		.mss = flags & TI_SYN ? c->mss ? c->mss : 1460 : 0,
		.payload = bytes,
		.payload_len = len,
		.egress = !from_server == !!c->outgoing,
	};
	ti_test_advance(t, c->gap);
	ti_test_feed(t, &p, at.file, at.line);
	*seq += len + !!(flags & TI_SYN) + !!(flags & TI_FIN);
}

void ti_test_connect(struct ti_test *t, struct ti_test_conn *c, const char *file, int line)
{
	struct from at = { file, line };

	segment(t, c, 0, TI_SYN, NULL, 0, at);
	segment(t, c, 1, TI_SYN | TI_ACK, NULL, 0, at);
	segment(t, c, 0, TI_ACK, NULL, 0, at);
}

void ti_test_data(struct ti_test *t, struct ti_test_conn *c, int from_server, const void *bytes, size_t len,
		  const char *file, int line)
{
	size_t most = c->mss ? c->mss : 1460;

	for (size_t done = 0, n; done < len; done += n) {
		n = len - done < most ? len - done : most;
		segment(t, c, from_server, TI_ACK | (done + n == len ? TI_PSH : 0),
			(const char *)bytes + done, n, (struct from){ file, line });
	}
}

void ti_test_disconnect(struct ti_test *t, struct ti_test_conn *c, const char *file, int line)
{
	struct from at = { file, line };

	segment(t, c, 0, TI_FIN | TI_ACK, NULL, 0, at);
	segment(t, c, 1, TI_FIN | TI_ACK, NULL, 0, at);
	segment(t, c, 0, TI_ACK, NULL, 0, at);
}

/* --- records --------------------------------------------------------------- */

void ti_test_give_record(struct ti_test *t, const char *name, const void *data, size_t len,
			 const char *file, int line)
{
	const struct ti_schema *s = ti_plugin_probe(t->plugin)->schema;
	int number = t->host.event((struct ti_handle *)t->plugin, name);
	struct ti_record rec = { .event = number, .len = len, .boot_ns = ti_test_now(t) };
	size_t size;

	if (number < 0) {
		test_fail(file, line, "%s has no event or TI_INTERNAL '%s'", ti_plugin_name(t->plugin), name);
		return;
	}
	if ((size_t)number < s->n_types ? len != (size = s->types[number].size) :
					  len > (size = s->internals[number - s->n_types].size)) {
		test_fail(file, line, "a record %s of %zu bytes: the struct has %zu", name, len, size);
		return;
	}
	test_enter(t);
	ti_plugin_record(t->plugin, &rec, data);
}
