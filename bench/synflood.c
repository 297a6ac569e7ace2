/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * synflood.c - what a packet costs in the kernel: nanoseconds by
 * BPF_PROG_TEST_RUN, medians of rounds in which all cases take turns.
 *
 * The synflood program on a SYN to a listener from 1, 16 and 1,000,000 sources,
 * on a SYN to no listener and on a packet of an established connection; beside
 * with mode = limit on SYNs of a flood, all dropped; and, while packets show what completes,
 * on a packet with data and on one without. Beside them
 * an empty program, the parser alone, and the drawing of a source alone (which
 * is to be taken off from the cases that draw one). And what it costs that other
 * programs can follow at XDP, with none and with an empty one that does.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../plugins/synflood/synflood.h"

#define ROUNDS 11
#define REPEAT 400000

static const struct bench_case {
	const char *name, *prog;
	unsigned sources;
	unsigned char flags;
	unsigned short port;
	unsigned char followed; /* by an empty program */
	unsigned char limits;	/* mode = limit, and what is done at port 80 */
	unsigned char tracking;
	unsigned short payload;
} cases[] = {
	{ "empty", "bench_empty", 1, 0x02, 80 },
	{ "parse only", "bench_parse", 1, 0x02, 80 },
	{ "no SYN (ACK)", "packets_xdp", 1, 0x10, 80 },
	{ "SYN, 1 source", "packets_xdp", 1, 0x02, 80 },
	{ "draw only", "bench_draw", 1000000, 0x02, 80 },
	{ "draw + SYN, 16 sources", "bench_drawn", 16, 0x02, 80 },
	{ "draw + SYN, 1,000,000 sources", "bench_drawn", 1000000, 0x02, 80 },
	{ "draw + SYN, no listener", "bench_drawn", 1000000, 0x02, 81 },
	{ "no SYN, can't be followed", "bench_last", 1, 0x10, 80 },
	{ "no SYN, followed", "packets_xdp", 1, 0x10, 80, 1 },
	{ "draw + SYN dropped, 1M sources", "bench_drawn", 1000000, 0x02, 80, .limits = 3 },
	{ "no SYN, mode = limit", "packets_xdp", 1, 0x10, 80, .limits = 3 },
	{ "data, tracking", "packets_xdp", 1, 0x10, 80, .tracking = 1, .payload = 100 },
	{ "no data, tracking", "packets_xdp", 1, 0x10, 80, .tracking = 1 },
};
#define CASES (sizeof(cases) / sizeof(cases[0]))

static unsigned char frame[154] = {
	[12] = 0x08, [13] = 0x00, [14] = 0x45, [17] = 40, [22] = 64, [23] = 6, [26] = 10, [29] = 1,
	[30] = 127, [33] = 1, [34] = 0x40, [46] = 0x50, [48] = 0x20,
};

static int set_rodata(struct bpf_object *obj, const struct bench_case *c)
{
	struct btf *btf = bpf_object__btf(obj);
	const struct btf_type *sec = btf__type_by_id(btf, btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC));
	size_t size;
	char *data = (char *)bpf_map__initial_value(bpf_object__find_map_by_name(obj, ".rodata"), &size);

	for (int i = 0; i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(sec) + i;
		const char *name = btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off);

		if (!strcmp(name, "bench_sources"))
			memcpy(data + v->offset, &c->sources, sizeof(c->sources));
		else if (!strcmp(name, "mode"))
			*(enum flood_mode *)(data + v->offset) = c->limits ? FLOOD_MODE_LIMIT : FLOOD_MODE_WATCH;
		else if (!strcmp(name, "ti_cpus"))
			*(int *)(data + v->offset) = libbpf_num_possible_cpus();
		else if (!strcmp(name, "ti_seed"))
			*(unsigned long long *)(data + v->offset) = 0x1234567890abcdef;
	}
	return bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, "synflood"), libbpf_num_possible_cpus()) ||
	       bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, "ti_counters"), libbpf_num_possible_cpus());
}

/* Port 80 has a listener on any address: slot 1. */
static int set_listener(struct bpf_object *obj, const struct bench_case *c)
{
	struct btf *btf = bpf_object__btf(obj);
	const struct btf_type *sec = btf__type_by_id(btf, btf__find_by_name_kind(btf, ".bss", BTF_KIND_DATASEC));
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".bss");
	char *bss = mmap(NULL, bpf_map__value_size(map), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (bss == MAP_FAILED)
		return -1;
	for (int i = 0; i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *v = btf_var_secinfos(sec) + i;

		const char *name = btf__name_by_offset(btf, btf__type_by_id(btf, v->type)->name_off);

		if (!strcmp(name, "limiting"))
			bss[v->offset + 1] = c->limits;
		else if (!strcmp(name, "tracking"))
			bss[v->offset] = c->tracking;
		else if (!strcmp(name, "ports"))
			((struct port_slots *)(bss + v->offset))[80] = (struct port_slots){ 1, 1 };
	}
	return 0;
}

/* Test runs are of interface 1. */
static int set_next(struct bpf_object *obj)
{
	int one = 1, fd = bpf_program__fd(bpf_object__find_program_by_name(obj, "bench_empty"));

	return bpf_map_update_elem(bpf_object__find_map_fd_by_name(obj, "packets_xdp_next"), &one, &fd, 0);
}

static struct bpf_object *load(const char *path, const struct bench_case *c)
{
	struct bpf_object *obj = bpf_object__open(path);
	struct bpf_program *p;

	if (!obj || set_rodata(obj, c))
		return NULL;
	bpf_object__for_each_program(p, obj)
		bpf_program__set_autoload(p, bpf_program__type(p) == BPF_PROG_TYPE_XDP);
	return bpf_object__load(obj) || set_listener(obj, c) || (c->followed && set_next(obj)) ? NULL : obj;
}

static double run(struct bpf_object *obj, const struct bench_case *c)
{
	unsigned char out[256];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = 54 + c->payload, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = REPEAT);

	frame[17] = 40 + c->payload;
	frame[47] = c->flags;
	frame[36] = c->port >> 8;
	frame[37] = c->port;
	if (bpf_prog_test_run_opts(bpf_program__fd(bpf_object__find_program_by_name(obj, c->prog)), &o)) {
		perror(c->name);
		exit(1);
	}
	return o.duration;
}

static int ascending(const void *a, const void *b)
{
	return *(double *)a < *(double *)b ? -1 : *(double *)a > *(double *)b;
}

int main(int argc, char **argv)
{
	static double ns[CASES][ROUNDS];
	struct bpf_object *obj[CASES];

	if (argc != 2) {
		fprintf(stderr, "usage: %s synflood.bpf.o (of bench/)\n", argv[0]);
		return 2;
	}
	for (size_t i = 0; i < CASES; i++) {
		obj[i] = load(argv[1], &cases[i]);
		if (!obj[i]) {
			fprintf(stderr, "%s: cannot load; are you root?\n", argv[1]);
			return 1;
		}
		run(obj[i], &cases[i]); /* warm up, fill the tables */
		run(obj[i], &cases[i]);
		run(obj[i], &cases[i]);
	}
	for (int r = 0; r < ROUNDS; r++)
		for (size_t i = 0; i < CASES; i++)
			ns[i][r] = run(obj[i], &cases[i]);
	printf("%-32s %8s %8s %8s   ns a packet, %d rounds of %d\n", "", "min", "median", "max", ROUNDS, REPEAT);
	for (size_t i = 0; i < CASES; i++) {
		qsort(ns[i], ROUNDS, sizeof(double), ascending);
		printf("%-32s %8.0f %8.0f %8.0f\n", cases[i].name, ns[i][0], ns[i][ROUNDS / 2], ns[i][ROUNDS - 1]);
	}
	printf("\nno SYN / parse only          %.2f   (at most 1.5)\n", ns[2][ROUNDS / 2] / ns[1][ROUNDS / 2]);
	printf("SYN, 16 sources, less draw   %.0f ns\n", ns[5][ROUNDS / 2] - ns[4][ROUNDS / 2] + ns[0][ROUNDS / 2]);
	printf("SYN, 1M sources, less draw   %.0f ns (at most 100)\n", ns[6][ROUNDS / 2] - ns[4][ROUNDS / 2] + ns[0][ROUNDS / 2]);
	printf("1M / 16 sources              %.2f   (at most 1.3)\n", ns[6][ROUNDS / 2] / ns[5][ROUNDS / 2]);
	printf("can be followed / can't      %.2f\n", ns[2][ROUNDS / 2] / ns[8][ROUNDS / 2]);
	printf("an empty one that follows    %.0f ns\n", ns[9][ROUNDS / 2] - ns[2][ROUNDS / 2]);
	return 0;
}
