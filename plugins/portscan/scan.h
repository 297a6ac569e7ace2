/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * scan.h - what is a scan: records of probes and answers in; scans that begin, go on
 * and end out. No clocks, no I/O. Times are in tenths of seconds.
 */
#ifndef PORTSCAN_SCAN_H
#define PORTSCAN_SCAN_H

#include "ports.h"
#include "sources.h"

#define SCANS	    1024 /* at a time; the one that has been quiet for longest makes room */
#define EXACT	    256  /* of them with all of their ports */
#define HELD	    64
#define HOST_BITS   16384
#define SKETCH_BITS 1024
#define PRIVILEGED  1024

struct limits {
	uint32_t closed_weight, privileged_weight, any_ports, slow_ports, odd_ports, ack_ports, sweep_hosts;
	uint32_t distributed_ports, distributed_sources;
	uint32_t closed_window, any_window, slow_window, odd_window, sweep_window, distributed_window;
	uint32_t answer_wait; /* a port that hasn't answered by then won't */
	uint32_t end_after, update_period; /* 0: no updates */
};

struct scan {
	struct scan *newer, *older;
	enum scan_kind kind;       /* of its packets, or SWEEP or DISTRIBUTED */
	enum scan_rule rule;
	uint8_t class;             /* its sources' */
	ti_addr source[SCAN_SOURCES], victim[SCAN_VICTIMS];
	uint32_t n_sources, n_victims; /* listed */
	uint32_t sources;          /* all that took part */
	uint32_t first, last, said;
	uint64_t probes;
	uint64_t of_kind[SCAN_KIND_SWEEP];
	ti_port sample[SCAN_SAMPLE], lowest, highest, sweep_port;
	uint8_t n_sample;
	bool fragmented, proven, over;
	bool inexact;              /* not all that was done is known */
	ti_vlan vlan;
	ti_ifindex ifindex;
	struct ports *ports;       /* NULL: sketch and answers instead */
	uint64_t sketch[SKETCH_BITS / 64];
	uint32_t closed, open;
	uint64_t hosts[HOST_BITS / 64];
};

/* What a source has tried that has no room in its list until that has been judged. */
struct held {
	ti_addr source;
	uint8_t class;
	struct scan *scan; /* NULL: free */
};

enum scan_news {
	SCAN_STARTS,
	SCAN_GOES_ON,
	SCAN_ENDS,
};

struct scans {
	struct sources sources;
	const struct limits *limits;
	void (*say)(void *arg, enum scan_news news, const struct scan *scan, uint32_t now);
	void *arg;
	struct scan *newest, *oldest;
	size_t n, exact;
	struct held held[HELD];
	bool refused;              /* since the last judgement a probe was */
};

/* say is called from scans_judge and scans_end. limits and arg outlive s. -ENOMEM. */
int scans_init(struct scans *s, const struct limits *limits, uint64_t seed,
	       void (*say)(void *arg, enum scan_news news, const struct scan *scan, uint32_t now), void *arg);
void scans_free(struct scans *s);

void scans_add(struct scans *s, const struct record *r, uint32_t now);

/* repeat: ports that a source has tried at least to be one of several; more than 2 where
 * sources are made up, of which some come twice by chance. */
void scans_judge(struct scans *s, uint32_t now, uint32_t repeat);

/* All that go on end now. */
void scans_end(struct scans *s, uint32_t now);

/* What most of its packets are. */
enum scan_kind scan_probe(const struct scan *scan);

/* --- what scan.c is made of --------------------------------------------------------- */

/* rules.c: what one source has done. */
enum scan_rule judge_source(const struct limits *l, const struct source *from, uint32_t now);

/* Does this probe speak against its source? */
bool is_suspect(const struct limits *l, const struct probe *p, uint32_t now);

/* Is it one of the flags that no connection has, or was it answered by a RST? */
bool is_refused(const struct probe *p);

/*
 * distributed.c: finds victims that several sources probe together, in one way: many closed ports
 * of one, or the same ports as a source that is `crossing` a limit of its own. Those
 * count that have tried `repeat` ports at least. `found` gets them, and the victim.
 */
int find_distributed(struct scans *s, uint32_t now, uint32_t repeat, bool crossing,
		     void (*found)(struct scans *s, const ti_addr *victim, struct source **from, size_t n,
				   uint32_t now));

#endif
