/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detect.h"

#include <stdio.h>
#include <string.h>

static uint64_t uncompleted(const struct second *s)
{
	return s->syns > s->completed ? s->syns - s->completed : 0;
}

bool completes_too_few(const struct second *s, const struct limits *l)
{
	return s->completed * 100 < s->syns * l->completion;
}

#define SAY(d, ...) snprintf((d)->why, sizeof((d)->why), __VA_ARGS__)
typedef unsigned long long ull;

/* To a listener whose handshakes are seen. */
static bool bad_listener(struct detector *d, const struct second *s, const struct limits *l)
{
	uint64_t open = uncompleted(s);
	unsigned percent = s->syns ? s->completed * 100 / s->syns : 100;
	double excess = (double)open - l->alarm_rate / 2.0;

	if (s->syns && !completes_too_few(s, l)) {
		d->cusum = 0;
		SAY(d, "%u %% of %llu SYNs/s complete, at least %u %%", percent, (ull)s->syns,
		    l->completion);
		return false;
	}
	d->cusum = d->cusum + excess > 0 ? d->cusum + excess : 0;
	if (open >= l->alarm_rate) {
		SAY(d, "%llu SYNs/s uncompleted (>= %llu), %u %% complete (< %u %%)", (ull)open,
		    (ull)l->alarm_rate, percent, l->completion);
		return true;
	}
	if (d->cusum >= 5.0 * l->alarm_rate) {
		SAY(d,
		    "%llu SYNs/s uncompleted for long: sum %.0f (>= %llu), %u %% complete (< %u "
		    "%%)",
		    (ull)open, d->cusum, (ull)l->alarm_rate * 5, percent, l->completion);
		d->cusum = 5.0 * l->alarm_rate; /* so that it can end */
		return excess > 0;
	}
	SAY(d, "%llu SYNs/s uncompleted (< %llu), sum %.0f (< %llu)", (ull)open, (ull)l->alarm_rate,
	    d->cusum, (ull)l->alarm_rate * 5);
	return false;
}

/* To a listener, handshakes unseen: against what is usual there. */
static bool bad_unknown(struct detector *d, const struct second *s, const struct limits *l)
{
	bool bad = s->syns >= l->alarm_rate && d->learned && s->syns > 4 * d->baseline;

	SAY(d, "%llu SYNs/s, usual %.0f (alarm at %llu and 4 times the usual); completion unknown",
	    (ull)s->syns, d->baseline, (ull)l->alarm_rate);
	if (!bad) {
		d->baseline = d->learned ? d->baseline * 0.95 + s->syns * 0.05 : s->syns;
		d->learned = true;
	}
	return bad;
}

/* To nobody: a scan goes to many targets once or twice, a flood to few often. */
static bool bad_unlistened(struct detector *d, const struct second *s, const struct limits *l)
{
	uint64_t targets = s->targets ? s->targets : 1, open = uncompleted(s);

	if (open < l->unlistened_rate) {
		SAY(d, "%llu SYNs/s to no listener (< %llu)", (ull)open, (ull)l->unlistened_rate);
		return false;
	}
	if (s->syns && !completes_too_few(s, l)) {
		SAY(d, "%llu SYNs/s to no listener here, but %u %% complete", (ull)s->syns,
		    (unsigned)(s->completed * 100 / s->syns));
		return false;
	}
	if (open / targets < SYNS_PER_TARGET && open < l->unlistened_rate * CARPET) {
		SAY(d, "%llu SYNs/s to no listener, but to %llu targets: a scan", (ull)open,
		    (ull)targets);
		return false;
	}
	SAY(d, "%llu SYNs/s to no listener (>= %llu), to %llu targets", (ull)open,
	    (ull)l->unlistened_rate, (ull)targets);
	return true;
}

/*
 * Clients that a full accept queue turns away retransmit their SYNs after 1, 3
 * and 7 seconds, so a few of them over a few seconds are enough, and their rate
 * says nothing.
 */
static bool is_overload(struct detector *d, const struct second *s)
{
	if (!s->queue_full) {
		d->full = d->unserved = 0;
		return false;
	}
	d->full++;
	d->unserved += uncompleted(s);
	if (d->full < 2 || d->unserved < 2)
		return false;
	SAY(d, "the accept queue is full: %u SYNs unanswered in %u s", d->unserved, d->full);
	return true;
}

enum outcome detect(struct detector *d, const struct second *s, const struct limits *l)
{
	bool bad, overload = is_overload(d, s);

	if (overload)
		bad = true;
	else if (!s->listening)
		bad = bad_unlistened(d, s, l);
	else if (!s->completion_known)
		bad = bad_unknown(d, s, l);
	else
		bad = bad_listener(d, s, l);
	overload |= bad && s->queue_full;
	d->waits = bad && s->unsure && !overload && !d->alarmed;
	if (d->waits) {
		size_t len = strlen(d->why);

		snprintf(d->why + len, sizeof(d->why) - len, "; not known yet what completes");
		return OUTCOME_QUIET;
	}
	if (bad) {
		bool started = !d->alarmed;

		d->alarmed = true;
		d->overload = overload || (d->overload && !started);
		d->quiet = 0;
		return started ? OUTCOME_START : OUTCOME_GOES_ON;
	}
	if (!d->alarmed)
		return OUTCOME_QUIET;
	if (++d->quiet < l->clear_after) {
		SAY(d, "%llu SYNs/s, %llu complete: quiet for %u of %u s", (ull)s->syns,
		    (ull)s->completed, d->quiet, l->clear_after);
		return OUTCOME_GOES_ON;
	}
	*d = (struct detector){.baseline = d->baseline, .learned = d->learned};
	SAY(d, "quiet for %u s", l->clear_after);
	return OUTCOME_END;
}
