/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdict.c, by logs of kernels of several ages; with the source and against this
 * machine's kernel it is tests/sdk/verifier.sh that asks.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include "verdict.h"

static void read_log(struct ti_verdict *v, const char *log)
{
	ti_verdict_read(v, log, NULL);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

/* States stand on lines of their own, and arguments are complained of first. */
static void test_5_10(void **state)
{
	struct ti_verdict v;

	(void)state;
	read_log(&v, "Unrecognized arg#0 type PTR\n"
		     "; int frames_tc(struct __sk_buff *ctx)\n"
		     "0: (b7) r1 = 5\n"
		     "1: (63) *(u32 *)(r10 -4) = r1\n"
		     "2: (bf) r2 = r10\n"
		     "3: (07) r2 += -4\n"
		     "; __u64 *n = bpf_map_lookup_elem(&seen, &key);\n"
		     "4: (18) r1 = 0xffff8880047c2400\n"
		     "6: (85) call bpf_map_lookup_elem#1\n"
		     "; return *n;\n"
		     "7: (79) r0 = *(u64 *)(r0 +0)\n"
		     " R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0) R10=fp0 fp-8=mmmm????\n"
		     "R0 invalid mem access 'map_value_or_null'\n"
		     "processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n");
	assert_string_equal(v.reason, "R0 invalid mem access 'map_value_or_null'");
	assert_has(v.detail, "instruction 7: (79) r0 = *(u64 *)(r0 +0)");
	assert_has(v.detail, "=> the pointer can be NULL");
}

/* States behind the instructions. */
static void test_6_1(void **state)
{
	struct ti_verdict v;

	(void)state;
	read_log(&v, "libbpf: prog 'frames_tc': -- BEGIN PROG LOAD LOG --\n"
		     "0: R1=ctx(off=0,imm=0) R10=fp0\n"
		     "; __u8 *data = (void *)(long)ctx->data;\n"
		     "0: (61) r1 = *(u32 *)(r1 +76)          ; R1_w=pkt(off=0,r=0,imm=0)\n"
		     "; return data[20] == 6 ? -1 : 0;\n"
		     "1: (71) r1 = *(u8 *)(r1 +20)\n"
		     "invalid access to packet, off=20 size=1, R1(id=0,off=20,r=0)\n"
		     "R1 offset is outside of the packet\n"
		     "processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"
		     "-- END PROG LOAD LOG --\n");
	assert_string_equal(v.reason, "invalid access to packet, off=20 size=1, R1(id=0,off=20,r=0); "
				      "R1 offset is outside of the packet");
	assert_has(v.detail, "instruction 1: (71) r1 = *(u8 *)(r1 +20), last known: R1_w=pkt(off=0,r=0,imm=0)\n");
	assert_has(v.detail, "=> read packets with ti_load()");
}

/* Before any instruction was followed. */
static void test_control_flow(void **state)
{
	struct ti_verdict v;

	(void)state;
	read_log(&v, "func#0 @0\nback-edge from insn 12 to 3\n"
		     "processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n");
	assert_string_equal(v.reason, "back-edge from insn 12 to 3");
	assert_has(v.detail, "=> the loop has no end");
}

/* What isn't known is passed on, without advice. */
static void test_unknown(void **state)
{
	struct ti_verdict v;

	(void)state;
	read_log(&v, "0: (b7) r0 = 0\nthe stars are wrong\nprocessed 1 insns\n");
	assert_string_equal(v.reason, "the stars are wrong");
	assert_string_equal(v.detail, "instruction 0: (b7) r0 = 0\n");
}

/* Cut anywhere, or of nothing: no reason is better than a wrong memory access. */
static void test_cut_off(void **state)
{
	static const char log[] = "0: (b7) r0 = 0 ; R0=scalar(\n1: (95) exit\nfrom 1 to 9: R1=x(\n; a = b;\n9: (\n"
				  "infinite loop detected at insn 99999999999999999999\nR1 !read_ok R2_";
	struct ti_verdict v;

	(void)state;
	for (size_t n = 0; n < sizeof(log); n++) {
		char *part = strndup(log, n);

		read_log(&v, part);
		assert_true(strlen(v.reason) < sizeof(v.reason) && strlen(v.detail) < sizeof(v.detail));
		free(part);
	}
	read_log(&v, "");
	assert_string_equal(v.reason, "");
	assert_string_equal(v.detail, "");
}

static void test_long(void **state)
{
	struct ti_verdict v;
	char *log = malloc(1 << 20);

	(void)state;
	memset(log, 'R', (1 << 20) - 1);
	log[(1 << 20) - 1] = '\0';
	memcpy(log, "0: (95) exit\n", 13);
	read_log(&v, log);
	assert_true(strlen(v.reason) > 200);
	free(log);
}

static void test_objects(void **state)
{
	(void)state;
	assert_has(ti_verdict_object("extern (func ksym) 'f': not found in kernel or module BTFs"), "__weak");
	assert_has(ti_verdict_object("map 'm': failed to create: Invalid argument(-22)"), "max_entries");
	assert_null(ti_verdict_object("something else"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_5_10),	 cmocka_unit_test(test_6_1),
		cmocka_unit_test(test_control_flow), cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_cut_off),	 cmocka_unit_test(test_long),
		cmocka_unit_test(test_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
