/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the chains: for each interface the link, and who stands in which place. Of
 * each program the array that says who follows it is the kernel's image of that.
 *
 * A packet must get to every program that stays while it is on its way, and to none
 * twice, whatever is added or removed meanwhile. One pointer is swapped at a time,
 * a program's successor or the link's program, and:
 *
 * - who is added is given its successor first, then its predecessor (or the link) is
 *   pointed to it: up to then no packet gets there, from then on all find the rest.
 * - who is removed is first passed by, in one step, and keeps its own successor until
 *   the packets that had got there are through: they still find the rest.
 * - successors always are of a higher order, so no packet comes back, be it in a
 *   program that has been removed and added again.
 *
 * Nothing of it outlives the process: the kernel empties an array of programs when
 * user space has closed it, and detaches the link when that is closed.
 */
#include "xdp_chain.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <tcpinspect/types.h>
#include "log.h"

/* The kernel follows 33 tail calls; after that the packet would pass by the rest. */
#define CHAIN_MAX 32

struct chain {
	struct chain *next; /* of another interface */
	unsigned ifindex;
	int link;
	char mode[16];
	bool gone; /* the interface, and no packet with it */
	struct ti_attachment **at; /* in their order; the first is the link's */
	size_t n;
};

static struct chain *chains;

static struct chain *chain_of(unsigned ifindex)
{
	struct chain *c = chains;

	while (c && c->ifindex != ifindex)
		c = c->next;
	return c;
}

static void chain_free(struct chain *c)
{
	ti_closep(&c->link);
	free(c->at);
	free(c);
}

/* --- the kernel's side --------------------------------------------------- */

static int set_next(const struct ti_attachment *a, const struct ti_attachment *to)
{
	__u32 slot = a->ifindex % TI_XDP_SLOTS;
	int fd = to ? bpf_program__fd(to->prog) : -1;
	int r;

	if (a->next < 0)
		return to ? -EINVAL : 0;
	r = to ? bpf_map_update_elem(a->next, &slot, &fd, BPF_ANY)
	       : bpf_map_delete_elem(a->next, &slot);
	return r == -ENOENT ? 0 : r;
}

static int set_head(const struct chain *c, const struct ti_attachment *to)
{
	return bpf_link_update(c->link, bpf_program__fd(to->prog), NULL);
}

/* Return when all programs have ended that run now. What the kernel promises of an
 * update of a map of maps, which nothing else here has a use for. */
static void wait_for_packets(void)
{
	ti_cleanup(ti_closep) int inner =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "ti_wait", 4, 4, 1, NULL);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = inner);
	ti_cleanup(ti_closep) int outer =
		bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "ti_wait", 4, 4, 1, &opts);
	__u32 zero = 0;
	int r = outer < 0 ? outer : bpf_map_update_elem(outer, &zero, &inner, BPF_ANY);

	if (r < 0)
		ti_warn("cannot wait for packets within XDP programs: %s", strerror(-r));
}

/* Drivers that hand an XDP program down to others, whose packets don't carry the
 * number of the interface that the program was attached to. */
static bool hands_down(unsigned ifindex)
{
	static const char *const drivers[] = {"bonding", "hv_netvsc"};
	ti_cleanup(ti_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq ask = {.ifr_data = (void *)&info};

	if (fd < 0 || !if_indextoname(ifindex, ask.ifr_name) || ioctl(fd, SIOCETHTOOL, &ask) < 0)
		return false;
	for (size_t k = 0; k < TI_ARRAY_SIZE(drivers); k++)
		if (!strcmp(info.driver, drivers[k]))
			return true;
	return false;
}

/* --- who may join -------------------------------------------------------- */

/* The chain of another interface that has this program, and the same entry of its
 * array. It has a successor there: *followed. */
static const struct chain *twin(const struct ti_attachment *a, bool *followed)
{
	for (const struct chain *c = chains; c; c = c->next)
		for (size_t k = 0; k < c->n; k++)
			if (c->ifindex != a->ifindex && c->at[k]->prog == a->prog &&
			    c->ifindex % TI_XDP_SLOTS == a->ifindex % TI_XDP_SLOTS) {
				*followed = k + 1 < c->n;
				return c;
			}
	return NULL;
}

/* An entry can be shared only by interfaces where nobody follows. Who would have to
 * be followed there, and the chain that is in its way; NULL: nothing is. */
static const struct chain *in_the_way(const struct ti_attachment **who,
				      const struct ti_attachment *a,
				      const struct ti_attachment *before,
				      const struct ti_attachment *after)
{
	bool followed = false;
	const struct chain *c = twin(a, &followed);

	*who = a;
	if (c && (after || followed))
		return c;
	*who = before;
	return before ? twin(before, &followed) : NULL;
}

static int check(const struct chain *c, struct ti_attachment *a, const struct ti_attachment *before,
		 const struct ti_attachment *after)
{
	const struct ti_attachment *ends = before && before->next < 0 ? before : NULL, *who;
	const struct chain *other = in_the_way(&who, a, before, after);

	if (after && a->next < 0)
		ends = a;
	if (ends)
		return ti_hook_why(a->why, sizeof(a->why), -EOPNOTSUPP,
				   "%s: other XDP programs can't follow %s, which is built without "
				   "TI_XDP_NEXT",
				   a->ifname, ends->plugin);
	if (c && c->n == CHAIN_MAX)
		return ti_hook_why(a->why, sizeof(a->why), -E2BIG,
				   "%s has %d XDP programs in a row already", a->ifname, CHAIN_MAX);
	if (c && !strcmp(c->mode, "native") && hands_down(a->ifindex))
		return ti_hook_why(
			a->why, sizeof(a->why), -EBUSY,
			"%s hands its XDP program, of %s, down to other interfaces, where none "
			"can follow it; use hook = tc",
			a->ifname, c->at[0]->plugin);
	if (other)
		return ti_hook_why(
			a->why, sizeof(a->why), -EBUSY,
			"%s: in chains at XDP %s can't tell its number, %u, from that of %s, %u; "
			"use hook = tc",
			a->ifname, who->plugin, a->ifindex, other->at[0]->ifname, other->ifindex);
	return 0;
}

/* --- coming and going ---------------------------------------------------- */

static int link_in(const struct chain *c, struct ti_attachment *a,
		   const struct ti_attachment *before, const struct ti_attachment *after)
{
	int r = set_next(a, after);

	if (r == 0)
		r = before ? set_next(before, a) : set_head(c, a);
	if (r == 0)
		return 0;
	set_next(a, NULL);
	if (r == -ENOLINK)
		r = -ENODEV;
	return ti_hook_why(a->why, sizeof(a->why), r, "%s: cannot run beside %s at XDP: %s",
			   a->ifname, (before ?: after)->plugin, ti_hook_strerror(r));
}

int ti_xdp_chain_join(struct ti_attachment *a)
{
	struct chain *c = chain_of(a->ifindex);
	struct ti_attachment *before, *after, **grown;
	size_t k = 0;
	int r;

	while (c && k < c->n && c->at[k]->order < a->order)
		k++;
	before = k ? c->at[k - 1] : NULL;
	after = c && k < c->n ? c->at[k] : NULL;
	r = check(c, a, before, after);
	if (r < 0 || !c)
		return r < 0 ? r : 1;
	grown = realloc(c->at, (c->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->at = grown;
	r = link_in(c, a, before, after);
	if (r < 0)
		return r;
	memmove(c->at + k + 1, c->at + k, (c->n++ - k) * sizeof(*c->at));
	c->at[k] = a;
	snprintf(a->mode, sizeof(a->mode), "%s, %s %s", c->mode, before ? "after" : "before",
		 (before ?: after)->plugin);
	return 0;
}

int ti_xdp_chain_new(struct ti_attachment *a)
{
	struct chain *c = calloc(1, sizeof(*c));

	if (c)
		c->at = malloc(sizeof(*c->at));
	if (!c || !c->at) {
		free(c);
		return -ENOMEM;
	}
	c->ifindex = a->ifindex;
	c->link = a->fd;
	a->fd = -1;
	snprintf(c->mode, sizeof(c->mode), "%s", a->mode);
	c->at[c->n++] = a;
	c->next = chains;
	chains = c;
	return 0;
}

static void end(struct chain *c)
{
	struct chain **p = &chains;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	chain_free(c);
}

static void pass_by(struct chain *c, struct ti_attachment *a, struct ti_attachment *before,
		    struct ti_attachment *after)
{
	int r = before ? set_next(before, after) : set_head(c, after);

	c->gone |= r == -ENOLINK;
	if (r < 0 && !c->gone)
		ti_warn("%s: %s: cannot take it out of those at XDP: %s", a->plugin, a->ifname,
			ti_hook_strerror(r));
	if (after && !c->gone)
		wait_for_packets();
	set_next(a, NULL);
}

void ti_xdp_chain_leave(struct ti_attachment *a)
{
	struct chain *c = chain_of(a->ifindex);
	size_t k = 0;

	while (c && k < c->n && c->at[k] != a)
		k++;
	if (!c || k == c->n)
		return;
	if (c->n == 1) {
		end(c);
		return;
	}
	pass_by(c, a, k ? c->at[k - 1] : NULL, k + 1 < c->n ? c->at[k + 1] : NULL);
	memmove(c->at + k, c->at + k + 1, (--c->n - k) * sizeof(*c->at));
}
