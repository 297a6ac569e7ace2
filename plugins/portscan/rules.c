/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* rules.c - when what one source has tried is a scan; see scan.h. */
#include "scan.h"

static bool is_odd(const struct probe *p)
{
	return p->kind != SCAN_KIND_SYN && p->kind != SCAN_KIND_CONNECT && p->kind != SCAN_KIND_ACK;
}

static bool is_ack(const struct probe *p)
{
	return p->kind == SCAN_KIND_ACK;
}

/* Open ports, too, answer to stray packets with RST. */
static bool is_closed(const struct probe *p)
{
	return p->answer == ANSWER_CLOSED && !is_stray(p->kind);
}

bool is_suspect(const struct limits *l, const struct probe *p, uint32_t now)
{
	if (is_odd(p))
		return true;
	if (p->answer == ANSWER_NONE)
		return now - p->first >= l->answer_wait;
	return !is_served(p);
}

bool is_refused(const struct probe *p)
{
	return is_odd(p) || p->answer == ANSWER_CLOSED;
}

/* Is the probe one of `pick`ed ones (NULL: suspect ones) of the window, and none before
 * it of the same port? */
static bool is_first(const struct limits *l, const struct source *from, int i, uint32_t now,
		     uint32_t window, bool (*pick)(const struct probe *p))
{
	for (int j = i; j >= 0; j--) {
		const struct probe *p = &from->probe[j];
		bool counts = (j == i || p->port == from->probe[i].port) && now - p->last <= window &&
			      (pick ? pick(p) : is_suspect(l, p, now));

		if (counts != (j == i))
			return false;
	}
	return true;
}

/* Distinct ports, privileged ones with a weight. */
static uint32_t ports(const struct limits *l, const struct source *from, uint32_t now, uint32_t window,
		      bool (*pick)(const struct probe *p), uint32_t privileged)
{
	uint32_t n = 0;

	for (int i = 0; i < from->n; i++)
		if (is_first(l, from, i, now, window, pick))
			n += from->probe[i].port < PRIVILEGED ? privileged : 1;
	return n;
}

/* Has it been at it for longer than a fast scan? */
static bool is_slow(const struct limits *l, const struct source *from, uint32_t now)
{
	for (int i = 0; i < from->n; i++)
		if (is_closed(&from->probe[i]) && now - from->probe[i].last <= l->slow_window &&
		    from->last - from->probe[i].first > l->closed_window)
			return true;
	return false;
}

/* Most hosts of any one port. */
static uint32_t hosts(const struct limits *l, const struct source *from, uint32_t now)
{
	uint32_t most = 0;

	if (from->n < l->sweep_hosts)
		return 0;
	for (int i = 0; i < from->n; i++) {
		uint32_t n = 0;

		for (int j = 0; j < from->n; j++)
			n += from->probe[j].port == from->probe[i].port &&
			     now - from->probe[j].last <= l->sweep_window &&
			     is_suspect(l, &from->probe[j], now);
		most = n > most ? n : most;
	}
	return most;
}

enum scan_rule judge_source(const struct limits *l, const struct source *from, uint32_t now)
{
	if (ports(l, from, now, l->odd_window, is_odd, 1) >= l->odd_ports)
		return SCAN_RULE_FLAGS;
	if (ports(l, from, now, l->odd_window, is_ack, 1) >= l->ack_ports)
		return SCAN_RULE_RESETS;
	if (hosts(l, from, now) >= l->sweep_hosts)
		return SCAN_RULE_HOSTS;
	if (ports(l, from, now, l->closed_window, is_closed, l->privileged_weight) >= l->closed_weight)
		return SCAN_RULE_CLOSED;
	if (ports(l, from, now, l->any_window, NULL, 1) >= l->any_ports)
		return SCAN_RULE_PORTS;
	if (is_slow(l, from, now) && ports(l, from, now, l->slow_window, is_closed, 1) >= l->slow_ports)
		return SCAN_RULE_SLOW;
	return SCAN_RULE_NONE;
}
