/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * detect.h - is this destination being flooded? Numbers of one second in, one of
 * a few outcomes out; no clocks, no I/O.
 *
 * A second is bad when SYNs that complete no handshake reach alarm_rate and
 * fewer than `completion` percent complete. A slower flood is caught by a CUSUM
 * (Page 1954): what exceeds half of alarm_rate adds up, and sums to an alarm at
 * five times alarm_rate.
 */
#ifndef SYNFLOOD_DETECT_H
#define SYNFLOOD_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rates of one tick, per second. */
struct second {
	uint64_t syns, completed, rsts;
	uint64_t sources;       /* distinct, estimated */
	uint64_t targets;       /* distinct (address, port); 1 for a listener */
	bool listening;         /* somebody does, here or behind this host */
	bool completion_known;
	bool unsure;            /* too early to say what completes: no alarm yet */
	bool queue_full;        /* the listener's accept queue is */
};

struct limits {
	uint64_t alarm_rate;      /* uncompleted SYNs/s to a listener */
	uint64_t unlistened_rate; /* SYNs/s to what nobody listens on */
	uint32_t completion;      /* percent */
	uint32_t clear_after;     /* quiet seconds */
};

enum outcome {
	OUTCOME_QUIET,
	OUTCOME_START,
	OUTCOME_GOES_ON,
	OUTCOME_END,
};

/* State of one destination; zeroed is "nothing seen yet". */
struct detector {
	bool alarmed, overload;
	bool waits;           /* the last second would have been an alarm, but for unsure */
	uint32_t quiet;       /* seconds in a row while alarmed */
	uint32_t full;        /* seconds in a row of a full accept queue */
	uint32_t unserved;    /* SYNs that completed nothing in them */
	double cusum;
	double baseline;      /* of SYNs/s, where completion is unknown */
	bool learned;         /* baseline holds something */
	char why[160];        /* of the last second, for people */
};

/* Do too few of its handshakes complete? Not where there are no SYNs. */
bool completes_too_few(const struct second *s, const struct limits *l);

enum outcome detect(struct detector *d, const struct second *s, const struct limits *l);

/* A SYN to nobody is a scan rather than a flood unless targets are hit often. */
#define SYNS_PER_TARGET 8
/* ... or so many that it does not matter: times unlistened_rate. */
#define CARPET 100

#endif
