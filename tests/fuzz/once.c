/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * once.c - a fuzzer's main without a fuzzer: each file of the corpus once, so
 * that what was found once is looked for in every `make check`.
 *
 * The corpus is the folder that is named as the program is behind fuzz-.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static int run(const char *path)
{
	static uint8_t data[1 << 20];
	FILE *from = fopen(path, "rb");
	uint8_t *exact;
	size_t len;

	if (!from) {
		perror(path);
		return 1;
	}
	len = fread(data, 1, sizeof(data), from);
	fclose(from);
	exact = malloc(len + !len); /* for ASan to see a byte too many being read */
	if (!exact)
		return 1;
	memcpy(exact, data, len);
	printf("%s\n", path); /* the last line is the one that failed */
	fflush(stdout);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *name = strrchr(argv[0], '-');
	char folder[512], path[1024];
	struct dirent *entry;
	int files = 0, i;
	DIR *dir;

	for (i = 1; i < argc; i++)
		if (run(argv[i]))
			return 1;
	if (argc > 1)
		return 0;
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
		 name ? name + 1 : "");
	dir = opendir(folder);
	if (!dir) {
		perror(folder);
		return 1;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (run(path)) {
			closedir(dir);
			return 1;
		}
		files++;
	}
	closedir(dir);
	printf("%d inputs\n", files);
	return !files;
}
