/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay.h - the command that tcpinspect-replay carries out, and tcpinspect passes on. */
#ifndef TI_REPLAY_H
#define TI_REPLAY_H

#define TI_COMMAND_REPLAY(run)                                                              \
	{ "replay", "FILE", "cpon\203s\204PS\200\201vq", "Run plugins on the packets of a capture file", run }

#endif
