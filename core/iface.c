/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the table of interfaces. It changes at two places only: one link's
 * notification (on_message) and a whole dump (refresh). A dump is read to its
 * end before anything of it is believed. While the owner is told of the changes of a
 * dump some of them may be to come, so it looks at all interfaces afterwards.
 */
#include "iface.h"

#include <errno.h>
#include <event2/event.h>
#include <fnmatch.h>
#include <linux/if_link.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "log.h"
#include "option.h"
#include "rtnl.h"

#define DUMP_TRIES    8
#define DATAGRAMS_MAX 64 /* a turn of the loop */
#define GONE_MAX      1024 /* remembered; containers come and go */
#define STACK_MAX     8 /* the kernel's limit of nested devices */

static const struct timeval retry_after = {.tv_sec = 1};

struct entry {
	struct ti_iface i;
	int what; /* enum ti_iface_change to be told, or -1 */
	unsigned long gone_seq; /* order of vanishing */
};

struct ti_ifaces {
	struct entry **v; /* by index */
	size_t n, n_gone;
	unsigned long gone_seq;
	int fd;
	struct event *readable, *retry;
	ti_iface_fn fn;
	void *arg;
};

/* What a dump has brought so far. */
struct links {
	struct ti_iface *v;
	size_t n;
};

static void links_free(struct links *l)
{
	free(l->v);
}

/* Devices whose packets pass, as TCP, through the device that they stand on. */
static bool kind_is_stacked(const char *kind)
{
	static const char *const kinds[] = {"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"};

	for (size_t k = 0; k < TI_ARRAY_SIZE(kinds); k++)
		if (!strcmp(kind, kinds[k]))
			return true;
	return false;
}

/* Is it news of a link, and whole? Bridges send RTM_*LINK for their ports with a
 * family of their own (a RTM_DELLINK there is a port leaving), wireless drivers
 * with hardly an attribute. */
static bool parse_link(const struct nlmsghdr *h, struct ti_iface *i)
{
	const struct rtattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	const struct ifinfomsg *m;

	if (h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK)
		return false;
	m = ti_rtnl_parse(h, sizeof(*m), tb, IFLA_MAX);
	if (!m || m->ifi_family != AF_UNSPEC || m->ifi_index <= 0 || tb[IFLA_WIRELESS])
		return false;
	*i = (struct ti_iface){.index = m->ifi_index, .type = m->ifi_type, .flags = m->ifi_flags};
	ti_rtnl_str(tb[IFLA_IFNAME], i->name, sizeof(i->name));
	i->master = ti_rtnl_u32(tb[IFLA_MASTER]);
	ti_rtnl_nested(tb[IFLA_LINKINFO], info, IFLA_INFO_MAX);
	ti_rtnl_str(info[IFLA_INFO_KIND], i->kind, sizeof(i->kind));
	if (!tb[IFLA_LINK_NETNSID] && kind_is_stacked(i->kind))
		i->lower = ti_rtnl_u32(tb[IFLA_LINK]);
	return i->name[0] != '\0';
}

/* Where an index is, or would be. */
static size_t position(const struct ti_ifaces *t, unsigned index)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->v[mid]->i.index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct entry *find(const struct ti_ifaces *t, unsigned index)
{
	size_t at = position(t, index);

	return at < t->n && t->v[at]->i.index == index ? t->v[at] : NULL;
}

static struct entry *insert(struct ti_ifaces *t, unsigned index)
{
	size_t at = position(t, index);
	struct entry **v = reallocarray(t->v, t->n + 1, sizeof(*v));
	struct entry *e = v ? calloc(1, sizeof(*e)) : NULL;

	if (v)
		t->v = v;
	if (!e)
		return NULL;
	memmove(v + at + 1, v + at, (t->n - at) * sizeof(*v));
	v[at] = e;
	t->n++;
	e->what = -1;
	return e;
}

static void forget_oldest(struct ti_ifaces *t)
{
	size_t oldest = t->n;

	for (size_t k = 0; k < t->n; k++)
		if (t->v[k]->i.gone &&
		    (oldest == t->n || t->v[k]->gone_seq < t->v[oldest]->gone_seq))
			oldest = k;
	free(t->v[oldest]);
	t->n--;
	t->n_gone--;
	memmove(t->v + oldest, t->v + oldest + 1, (t->n - oldest) * sizeof(*t->v));
}

static void tell(struct ti_ifaces *t, struct entry *e)
{
	int what = e->what;

	e->what = -1;
	if (what >= 0 && t->fn)
		t->fn(t->arg, what, &e->i);
}

static void vanish(struct ti_ifaces *t, struct entry *e)
{
	e->i.gone = true;
	e->gone_seq = ++t->gone_seq;
	e->what = TI_IFACE_GONE;
	t->n_gone++;
	tell(t, e);
	while (t->n_gone > GONE_MAX)
		forget_oldest(t);
}

/* Another device under the same index: its predecessor's end was missed. */
static bool replaced(const struct ti_iface *was, const struct ti_iface *now)
{
	return was->type != now->type || strcmp(was->kind, now->kind) != 0;
}

static bool same(const struct ti_iface *a, const struct ti_iface *b)
{
	return a->flags == b->flags && a->master == b->master && a->lower == b->lower &&
	       !strcmp(a->name, b->name);
}

/* Take over what is known of a link now; (*out)->what says what there is to tell. */
static int update(struct ti_ifaces *t, const struct ti_iface *now, struct entry **out)
{
	struct entry *e = find(t, now->index);

	if (e && !e->i.gone && replaced(&e->i, now))
		vanish(t, e);
	if (!e) {
		e = insert(t, now->index);
		if (!e)
			return -ENOMEM;
		e->what = TI_IFACE_ADDED;
	} else if (e->i.gone) {
		e->what = TI_IFACE_ADDED;
		t->n_gone--;
	} else if (!same(&e->i, now)) {
		e->what = TI_IFACE_CHANGED;
	}
	e->i = *now;
	*out = e;
	return 0;
}

static int on_message(void *arg, const struct nlmsghdr *h)
{
	struct ti_ifaces *t = arg;
	struct ti_iface now;
	struct entry *e;
	int r;

	if (!parse_link(h, &now))
		return 0;
	if (h->nlmsg_type == RTM_DELLINK) {
		e = find(t, now.index);
		if (e && !e->i.gone)
			vanish(t, e);
		return 0;
	}
	r = update(t, &now, &e);
	if (r == 0)
		tell(t, e);
	return r;
}

static int on_dumped(void *arg, const struct nlmsghdr *h)
{
	struct links *l = arg;
	struct ti_iface now, *v;

	if (!parse_link(h, &now) || h->nlmsg_type != RTM_NEWLINK)
		return 0;
	v = reallocarray(l->v, l->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->v = v;
	l->v[l->n++] = now;
	return 0;
}

static int by_index(const void *a, const void *b)
{
	const struct ti_iface *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

static int dump(struct links *l)
{
	int r = -EINTR;

	for (int try = 0; try < DUMP_TRIES && r == -EINTR; try++) {
		struct {
			struct nlmsghdr h;
			struct ifinfomsg m;
			struct rtattr mask;
			__u32 mask_value;
		} ask = {
			.h = {.nlmsg_len = sizeof(ask),
			      .nlmsg_type = RTM_GETLINK,
			      .nlmsg_flags = NLM_F_DUMP},
			.mask = {.rta_len = RTA_LENGTH(sizeof(__u32)), .rta_type = IFLA_EXT_MASK},
			.mask_value = RTEXT_FILTER_SKIP_STATS,
		};

		l->n = 0;
		r = ti_rtnl_ask(&ask.h, on_dumped, l);
	}
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_index);
	return r;
}

/* Bring the table up to date. -EINTR: all that was heard of is in it, but what was
 * not heard of may be there still. */
static int refresh(struct ti_ifaces *t)
{
	ti_cleanup(links_free) struct links l = {0};
	int listed = dump(&l), r;
	struct entry *e;

	if (listed < 0 && listed != -EINTR)
		return listed;
	/* Backwards: vanish() may forget entries, which moves those above. */
	for (size_t k = t->n; listed == 0 && l.n && k-- > 0;) {
		e = t->v[k];
		if (!e->i.gone && !bsearch(&e->i, l.v, l.n, sizeof(*l.v), by_index))
			vanish(t, e);
	}
	for (size_t k = 0; k < l.n; k++) {
		r = update(t, &l.v[k], &e);
		if (r < 0)
			return r;
	}
	for (size_t k = 0; k < t->n; k++)
		tell(t, t->v[k]);
	return listed;
}

static void resync(struct ti_ifaces *t)
{
	int r;

	/* What is queued is older than the dump to come. */
	ti_rtnl_discard(t->fd);
	r = refresh(t);
	if (r == 0)
		return;
	if (r != -EINTR)
		ti_warn("cannot list interfaces: %s; trying again", strerror(-r));
	evtimer_add(t->retry, &retry_after);
}

/* Of the socket, and of the timer. */
static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct ti_ifaces *t = arg;
	int r = what & EV_TIMEOUT ? -EINTR : 0;

	for (int k = 0; k < DATAGRAMS_MAX && r == 0; k++)
		r = ti_rtnl_receive(fd, on_message, t);
	if (r < 0 && r != -EAGAIN)
		resync(t);
}

static int follow(struct ti_ifaces *t, struct event_base *base)
{
	t->fd = ti_rtnl_listen(RTMGRP_LINK);
	if (t->fd < 0)
		return t->fd;
	t->readable = event_new(base, t->fd, EV_READ | EV_PERSIST, on_event, t);
	t->retry = evtimer_new(base, on_event, t);
	if (!t->readable || !t->retry || event_add(t->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

int ti_ifaces_new(struct ti_ifaces **out, struct event_base *base, ti_iface_fn fn, void *arg)
{
	ti_cleanup(ti_ifaces_freep) struct ti_ifaces *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->fd = -1;
	/* Followed before the dump, so that nothing falls between the two. */
	r = base ? follow(t, base) : 0;
	if (r < 0)
		return r;
	r = refresh(t);
	if (r < 0 && r != -EINTR)
		return r;
	if (r == -EINTR && base)
		evtimer_add(t->retry, &retry_after);
	t->fn = fn;
	t->arg = arg;
	*out = TI_TAKE(t);
	return 0;
}

void ti_ifaces_free(struct ti_ifaces *t)
{
	if (!t)
		return;
	if (t->readable)
		event_free(t->readable);
	if (t->retry)
		event_free(t->retry);
	ti_closep(&t->fd);
	for (size_t k = 0; k < t->n; k++)
		free(t->v[k]);
	free(t->v);
	free(t);
}

void ti_ifaces_freep(struct ti_ifaces **t)
{
	ti_ifaces_free(*t);
}

size_t ti_ifaces_count(const struct ti_ifaces *t)
{
	return t->n;
}

const struct ti_iface *ti_ifaces_at(const struct ti_ifaces *t, size_t i)
{
	return i < t->n ? &t->v[i]->i : NULL;
}

const struct ti_iface *ti_ifaces_by_index(const struct ti_ifaces *t, unsigned ifindex)
{
	const struct entry *e = find(t, ifindex);

	return e ? &e->i : NULL;
}

/* How a list of patterns looks at one name. */
struct verdict {
	const char *name;
	bool any_wanted, wanted; /* is there a pattern without "!"; does one match */
	char excluded[64]; /* the "!pattern" that matched */
};

static void judge(void *arg, const char *item)
{
	struct verdict *v = arg;

	if (item[0] != '!') {
		v->any_wanted = true;
		v->wanted |= fnmatch(item, v->name, 0) == 0;
	} else if (!v->excluded[0] && fnmatch(item + 1, v->name, 0) == 0) {
		snprintf(v->excluded, sizeof(v->excluded), "%s", item);
	}
}

__attribute__((format(printf, 3, 4))) static bool no(char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return false;
}

/* Would it be chosen if it stood alone? A list of nothing but exclusions wants
 * all the others. */
static bool wanted(const struct ti_iface *i, const char *patterns, char *why, size_t size)
{
	struct verdict v = {.name = i->name};

	if (i->gone)
		return no(why, size, "it has vanished");
	if (patterns && patterns[0])
		ti_list_each(patterns, judge, &v);
	if (v.excluded[0])
		return no(why, size, "excluded by %s", v.excluded);
	if (!v.wanted && (v.any_wanted || !patterns || !patterns[0]))
		return no(why, size, "no pattern matches it");
	if (i->type != ARPHRD_ETHER && i->type != ARPHRD_LOOPBACK)
		return no(why, size, "its packets have no Ethernet header (ARPHRD type %u)",
			  i->type);
	return true;
}

/* The device below `i` that its packets are counted at, NULL: none. */
static const struct ti_iface *counted_at(const struct ti_ifaces *t, const struct ti_iface *i,
					 const char *patterns, int depth)
{
	const struct ti_iface *below;
	char why[128];

	if (depth == STACK_MAX)
		return NULL;
	for (size_t k = 0; k < t->n; k++) {
		const struct ti_iface *d = &t->v[k]->i;

		if (d->gone || d == i || (d->master != i->index && d->index != i->lower))
			continue;
		below = counted_at(t, d, patterns, depth + 1);
		if (below || wanted(d, patterns, why, sizeof(why)))
			return below ? below : d;
	}
	return NULL;
}

bool ti_ifaces_chosen(const struct ti_ifaces *t, const struct ti_iface *i, const char *patterns,
		      char *why, size_t why_size)
{
	const struct ti_iface *below;

	if (!wanted(i, patterns, why, why_size))
		return false;
	below = counted_at(t, i, patterns, 0);
	if (below)
		return no(why, why_size, "its packets are counted at %s, below it", below->name);
	return true;
}

struct missing {
	const struct ti_ifaces *t;
	char *name; /* "" until there is one */
};

static void seek(void *arg, const char *item)
{
	struct missing *m = arg;
	bool there = m->name[0] || item[0] == '!' || strpbrk(item, "*?[\\");

	for (size_t k = 0; k < m->t->n && !there; k++)
		there = !m->t->v[k]->i.gone && !strcmp(m->t->v[k]->i.name, item);
	if (!there)
		snprintf(m->name, IFNAMSIZ, "%s", item);
}

bool ti_ifaces_missing(const struct ti_ifaces *t, const char *patterns, char name[IFNAMSIZ])
{
	struct missing m = {.t = t, .name = name};

	name[0] = '\0';
	if (patterns && patterns[0])
		ti_list_each(patterns, seek, &m);
	return name[0] != '\0';
}
