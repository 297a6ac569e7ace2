/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verdict_hints.c - the two tables. An advice is here only where it is sure to fit. */
#include "verdict_hints.h"

#include "log.h"

const struct ti_hint ti_verifier_hints[] = {
	{ { "_or_null'", "_or_null prohibited", "Possibly NULL pointer" },
	  "the pointer can be NULL: test it after the look-up or reservation that returned it, and leave if it is" },
	{ { "Unreleased reference", "reference leak" },
	  "a way out of the program leaves something held: no return, break or goto out of the block of TI_EMIT; "
	  "and what a helper like bpf_sk_lookup_tcp() gave has to be released on each way" },
	{ { "failed to resolve CO-RE relocation", "invalid CO-RE relocation", "unknown#195896080" },
	  "this kernel has no such type or field: ask bpf_core_field_exists() or bpf_core_type_exists() first, and "
	  "do without where it says no" },
	{ { "invalid access to packet", "outside of the packet" },
	  "read packets with ti_load() or ti_packet_copy(), or compare with data_end first" },
	{ { "cannot call GPL" },
	  "that helper is for GPL-compatible programs: TI_LICENSE(\"GPL\") or TI_LICENSE(\"Dual BSD/GPL\")" },
	{ { "cannot use helper bpf_skb_load_bytes", "unknown func bpf_skb_load_bytes" },
	  "read packets with ti_load() or ti_packet_copy(); where they are, a helper got the address of a member of "
	  "pkt, and the compiler lost sight of the hook: give it a copy (ti_addr src = pkt->src)" },
	{ { "program of this type cannot use helper", "unknown func", "helper call is not allowed",
	    "calling kernel function", "cannot use helper" },
	  "programs at this hook can't call that function on this kernel: do without it there, or use a hook that "
	  "has it (bpf-helpers(7))" },
	{ { "infinite loop detected", "back-edge from insn" },
	  "the loop has no end that the verifier can see: count it with a constant limit, for (int i = 0; i < 16; i++)" },
	{ { "program is too large", "is too complex", "Argument list too long" },
	  "there is too much to follow: give loops a smaller constant limit, and put less into them" },
	{ { "unbounded memory access", " invalid zero-sized read", "min value is negative",
	    "min value is outside of the allowed memory range", "max value is outside of the allowed memory range",
	    "invalid access to map value" },
	  "the index or length may be outside of what is there: limit it just before the access, with an if or, "
	  "where the compiler drops that, TI_BOUND(x, mask)" },
	{ { "unbounded min value", "pointer be out of bounds", "unbounded max value" },
	  "what is added to the pointer has no limit that the verifier knows: limit it just before, with an if or "
	  "TI_BOUND(x, mask)" },
	{ { "misaligned" },
	  "the address isn't a multiple of the size that is read: copy the bytes into a variable, with ti_load() or "
	  "__builtin_memcpy()" },
	{ { "!read_ok", "invalid indirect read from stack", "invalid read from stack", "invalid indirect access to stack" },
	  "a variable is used before all of it is set: give it a value where it is declared (= {}), which for a "
	  "struct includes its padding" },
	{ { "combined stack size", "invalid write to stack", "stack depth", "invalid unbounded variable-offset" },
	  "the stack is 512 bytes for all functions together: put what is large into a TI_CPU_ARRAY" },
	{ { "invalid mem access 'scalar'", "invalid mem access 'inv'" },
	  "the verifier takes this for a number, not for a pointer: the kernel's memory is read with BPF_CORE_READ(), "
	  "pointers into a packet are to be taken anew after a helper that may change it, and helpers are to get copies "
	  "of what is in pkt (ti_addr src = pkt->src)" },
	{ { "invalid bpf_context access" },
	  "programs at this hook have no such member of their context, or may not write it" },
	{ { "At program exit the register R0", "At subprogram exit the register R0" },
	  "the hook knows only certain return values: return one in that range" },
	{ { "write into map forbidden" },
	  "options (TI_OPTION) and other constants can't be written: use a global variable or a TI_CPU_ARRAY" },
	{ { "only read is supported" }, "a program can't write the kernel's memory" },
	{ { "cannot pass map_type" }, "that helper isn't for maps of this type" },
	{ { " expected=" },
	  "the helper wants another kind of pointer there (R1 is its first argument): one of those after 'expected='" },
};
const size_t ti_n_verifier_hints = TI_ARRAY_SIZE(ti_verifier_hints);

const struct ti_hint ti_object_hints[] = {
	{ { "not found in kernel or module BTFs", "not found in kernel BTF" },
	  "this kernel doesn't have it: declare it __weak too, and ask bpf_ksym_exists() or its address before using it" },
	{ { "is incompatible with kernel" },
	  "in this kernel it has other parameters than those it is declared with" },
	{ { "failed to create: Invalid argument" },
	  "its type, flags, max_entries or the sizes of key and value are none that this kernel takes" },
	{ { "failed to create: Argument list too long", "failed to create: Cannot allocate memory" },
	  "it is larger than this kernel allows: fewer max_entries, or a smaller value" },
	{ { "failed to create: Operation not permitted" },
	  "it may not be made here: is memory limited (ulimit -l), or the kernel locked down?" },
	{ { "kernel BTF", "vmlinux BTF" },
	  "this kernel says nothing of its types (/sys/kernel/btf/vmlinux): it has to be built with "
	  "CONFIG_DEBUG_INFO_BTF=y" },
};
const size_t ti_n_object_hints = TI_ARRAY_SIZE(ti_object_hints);
