/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xdp_chain.h - our programs at one interface's XDP hook, which takes a single
 * program: the first is held by the link, each passes its packets on to the next
 * (TI_XDP_NEXT of bpf.h) in the order of a->order.
 */
#ifndef TI_XDP_CHAIN_H
#define TI_XDP_CHAIN_H

#include "hook.h"

/*
 * Take a place in the chain of a->ifindex; fills mode. The attachment must not move
 * until it leaves. 1: there is no chain yet and nothing in the way of one with this
 * program: attach it and say ti_xdp_chain_new. -errno with a->why: it can't be here.
 */
int ti_xdp_chain_join(struct ti_attachment *a);

/* Begin a chain: a->fd is the link that holds a->prog, and becomes the chain's;
 * a->mode is the mode that all its programs will share. -ENOMEM: nothing has changed. */
int ti_xdp_chain_new(struct ti_attachment *a);

/* Safe for one that is in no chain. The last one detaches the link. May wait for the
 * packets that are on their way through others of the chain: some 10 ms. */
void ti_xdp_chain_leave(struct ti_attachment *a);

#endif
