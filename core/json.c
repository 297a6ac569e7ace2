/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "json.h"

#include <string.h>
#include "put.h"

void ti_json_string(FILE *f, const char *text)
{
	size_t left = text ? strlen(text) : 0;
	uint32_t code;

	if (!text) {
		fputs("null", f);
		return;
	}
	fputc('"', f);
	while (left) {
		size_t n = ti_utf8((const unsigned char *)text, left, &code);

		if (!n) {
			fputs("\\ufffd", f);
			n = 1;
		} else if (code < 0x20 || code == '"' || code == '\\') {
			fprintf(f, "\\u%04x", code);
		} else {
			fwrite(text, 1, n, f);
		}
		text += n;
		left -= n;
	}
	fputc('"', f);
}
