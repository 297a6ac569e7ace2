/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * floodgen.c - SYNs of random sources into a veth, as fast as one CPU can: live frames
 * of BPF_PROG_TEST_RUN (Linux 5.18). At the other end an XDP program must be attached,
 * or GRO be on. Prints how many a second it was.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 64
#define CALL  (1 << 16) /* frames of one system call */

static unsigned char frame[64] = {
	[12] = 0x08, [14] = 0x45, [17] = 40, [22] = 64, [23] = 6, [46] = 0x50, [47] = 0x02, [48] = 0x20,
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int usage(void)
{
	fprintf(stderr, "usage: floodgen floodgen.bpf.o DEVICE MAC ADDRESS PORT SECONDS\n");
	return 2;
}

/* Which program, device and destination. NULL: said so. */
static struct bpf_object *load(const char *path, unsigned device)
{
	struct bpf_object *obj = bpf_object__open(path);
	size_t size;
	unsigned *rodata = obj ? (unsigned *)bpf_map__initial_value(
					 bpf_object__find_map_by_name(obj, ".rodata"), &size) :
				 NULL;

	if (rodata)
		*rodata = device;
	if (rodata && !bpf_object__load(obj))
		return obj;
	fprintf(stderr, "%s: cannot load; are you root?\n", path);
	return NULL;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = sizeof(frame), .repeat = CALL,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	unsigned device = argc == 7 ? if_nametoindex(argv[2]) : 0;
	unsigned short port = argc == 7 ? htons(atoi(argv[5])) : 0;
	unsigned char *m = frame;
	struct bpf_object *obj;
	double began, took;
	int prog;

	if (!device || !port || inet_pton(AF_INET, argv[4], frame + 30) != 1 ||
	    sscanf(argv[3], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
		return usage();
	memcpy(frame + 36, &port, sizeof(port));
	obj = load(argv[1], device);
	if (!obj)
		return 1;
	prog = bpf_program__fd(bpf_object__find_program_by_name(obj, "flood"));
	began = now();
	unsigned long long sent = 0;

	do {
		if (bpf_prog_test_run_opts(prog, &o) < 0) {
			perror("live frames (Linux 5.18)");
			return 1;
		}
		sent += CALL;
		took = now() - began;
	} while (took < atof(argv[6]));
	printf("%.2f M SYNs/s\n", sent / took / 1e6);
	return 0;
}
