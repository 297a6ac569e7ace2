/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/*
 * cause.h - why something is retransmitted, from what the socket is about at that
 * moment. The kernel doesn't say, but counts by cause in /proc/net/netstat; this
 * tells apart what it counts apart (net/ipv4/tcp_output.c, tcp_timer.c):
 *
 *	tcp_retransmit_timer()       has cleared icsk_pending     TCPTimeouts
 *	tcp_send_loss_probe()        pending is LOSS_PROBE still, TCPLossProbes
 *	                             the skb is not marked lost
 *	tcp_xmit_retransmit_queue()  only skbs marked lost;
 *	                             in state Loss                TCPSlowStartRetrans
 *	                             in any other                 TCPFastRetrans
 *
 * The queue may be sent from an ACK that comes while the probe's or the reordering
 * timer is pending, hence the mark. ICMP "fragmentation needed" goes through the
 * queue, in state Loss. What is none of these is data of a Fast Open SYN, sent
 * again by kernels before 5.11, and counted by them nowhere.
 */
#ifndef RETRANS_CAUSE_H
#define RETRANS_CAUSE_H

#include "retrans.h"

#define CAUSE_LOSS_PROBE 5    /* ICSK_TIME_LOSS_PROBE */
#define CAUSE_CA_LOSS	 4    /* TCP_CA_Loss */
#define CAUSE_LOST	 0x04 /* TCPCB_LOST */
#define CAUSE_SYN	 0x02 /* TCPHDR_SYN */
#define CAUSE_ACK	 0x10 /* TCPHDR_ACK */

static __always_inline enum retrans_cause cause_of(unsigned pending, unsigned ca_state,
						   unsigned sacked, unsigned tcp_flags)
{
	if (tcp_flags & CAUSE_SYN) /* with an ACK: both ends have opened */
		return tcp_flags & CAUSE_ACK ? RETRANS_CAUSE_SYNACK : RETRANS_CAUSE_SYN;
	if (!pending)
		return RETRANS_CAUSE_TIMEOUT;
	if (sacked & CAUSE_LOST)
		return ca_state == CAUSE_CA_LOSS ? RETRANS_CAUSE_SLOW_START : RETRANS_CAUSE_FAST;
	return pending == CAUSE_LOSS_PROBE ? RETRANS_CAUSE_TAIL_LOSS_PROBE : RETRANS_CAUSE_UNKNOWN;
}

#endif
