/* SPDX-License-Identifier: GPL-2.0-or-later */
/* map.h - going through the entries of a BPF map. */
#ifndef TI_MAP_H
#define TI_MAP_H

/*
 * As ti_host.map_each. The map behind fd stays the caller's. A positive result
 * is fn's.
 */
int ti_map_each(int fd, int (*fn)(void *arg, const void *key, const void *value), void *arg);
/* As that, also for maps with a value per CPU: `value` is one for each possible CPU then,
 * each rounded up to 8 bytes. */
int ti_map_each_cpus(int fd, int (*fn)(void *arg, const void *key, const void *value), void *arg);

#endif
