/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source.c - instructions to lines. .BTF.ext tells it for each section of the
 * object; libbpf puts the functions that a program calls behind it, and which is
 * where follows from the calls, in the program and as they stand in the object.
 */
#include "source.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <gelf.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "log.h"

#define PIECES_MAX 256
#define INSN	   sizeof(struct bpf_insn)

/* One function of the program. */
struct piece {
	size_t start;   /* its first instruction there */
	size_t section; /* where it stands in the object; 0: not known */
	uint64_t offset; /* bytes */
};

struct ti_source {
	Elf *elf;
	size_t names; /* section with the names of sections */
	const struct btf *btf;
	Elf_Data *ext;
	const struct bpf_insn *insns;
	size_t n_insns;
	struct piece pieces[PIECES_MAX]; /* by start */
	size_t n_pieces;
};

void ti_source_freep(struct ti_source **s)
{
	if (*s)
		elf_end((*s)->elf);
	free(*s);
}

/* --- the object's sections ------------------------------------------------ */

static const char *section_name(const struct ti_source *s, size_t index)
{
	GElf_Shdr sh;
	Elf_Scn *scn = elf_getscn(s->elf, index);
	const char *name = scn && gelf_getshdr(scn, &sh) ? elf_strptr(s->elf, s->names, sh.sh_name) : NULL;

	return name ? name : "";
}

/* The section of a type that is for another one (sh_info), or of a name; NULL: none. */
static Elf_Scn *find_section(const struct ti_source *s, unsigned type, size_t info, const char *name)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(s->elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == type && (!info || sh.sh_info == info) &&
		    (!name || !strcmp(section_name(s, elf_ndxscn(scn)), name)))
			return scn;
	return NULL;
}

static bool find_symbol(const struct ti_source *s, size_t index, GElf_Sym *out)
{
	Elf_Scn *scn = find_section(s, SHT_SYMTAB, 0, NULL);

	return scn && gelf_getsym(elf_getdata(scn, NULL), index, out);
}

/* The symbol that the instruction at an offset is relocated against. */
static bool relocation_at(const struct ti_source *s, size_t section, uint64_t offset, GElf_Sym *out)
{
	Elf_Scn *scn = find_section(s, SHT_REL, section, NULL);
	GElf_Rel rel;

	for (int i = 0; scn && gelf_getrel(elf_getdata(scn, NULL), i, &rel); i++)
		if (rel.r_offset == offset)
			return find_symbol(s, GELF_R_SYM(rel.r_info), out);
	return false;
}

static const struct bpf_insn *raw_insn(const struct ti_source *s, size_t section, uint64_t offset)
{
	Elf_Scn *scn = elf_getscn(s->elf, section);
	Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;

	if (!data || !data->d_buf || offset % INSN || data->d_size < INSN || offset > data->d_size - INSN)
		return NULL;
	return (const void *)((const char *)data->d_buf + offset);
}

/* --- functions ------------------------------------------------------------ */

static bool is_call(const struct bpf_insn *i)
{
	return i->code == (BPF_JMP | BPF_CALL) && i->src_reg == BPF_PSEUDO_CALL;
}

/* Of a callback, for bpf_loop() and the like. */
static bool is_address(const struct bpf_insn *i)
{
	return i->code == (BPF_LD | BPF_IMM | BPF_DW) && i->src_reg == BPF_PSEUDO_FUNC;
}

static struct piece *piece_of(struct ti_source *s, size_t insn)
{
	struct piece *p = NULL;

	for (size_t i = 0; i < s->n_pieces && s->pieces[i].start <= insn; i++)
		p = &s->pieces[i];
	return p;
}

static int by_start(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Where functions begin: at 0 and where a call goes. */
static void find_pieces(struct ti_source *s)
{
	s->n_pieces = 1;
	for (size_t i = 0; i < s->n_insns; i++) {
		size_t to = i + 1 + s->insns[i].imm;
		bool known = false;

		if (!is_call(&s->insns[i]) && !is_address(&s->insns[i]))
			continue;
		for (size_t k = 0; k < s->n_pieces; k++)
			known |= s->pieces[k].start == to;
		if (!known && to < s->n_insns && s->n_pieces < PIECES_MAX)
			s->pieces[s->n_pieces++].start = to;
	}
	qsort(s->pieces, s->n_pieces, sizeof(*s->pieces), by_start);
}

/* Where the function that the call `insn` of piece `p` goes to stands in the object. */
static void place_callee(struct ti_source *s, const struct piece *p, size_t insn)
{
	uint64_t at = p->offset + (insn - p->start) * INSN;
	const struct bpf_insn *raw = raw_insn(s, p->section, at);
	struct piece *callee = piece_of(s, insn + 1 + s->insns[insn].imm);
	int64_t step = INSN;
	GElf_Sym sym;

	if (!raw || !callee || callee->section)
		return;
	step *= (int64_t)raw->imm + 1;
	if (!relocation_at(s, p->section, at, &sym)) {
		callee->section = p->section;
		callee->offset = at + step;
		return;
	}
	callee->section = sym.st_shndx;
	callee->offset = sym.st_value + (is_call(&s->insns[insn]) ? step : raw->imm);
}

static int place_pieces(struct ti_source *s, const struct bpf_program *prog)
{
	GElf_Sym sym;
	Elf_Scn *symbols = find_section(s, SHT_SYMTAB, 0, NULL);
	GElf_Shdr sh;

	if (!symbols || !gelf_getshdr(symbols, &sh))
		return -ENOENT;
	for (size_t i = 0; !s->pieces[0].section && find_symbol(s, i, &sym); i++) {
		const char *name = elf_strptr(s->elf, sh.sh_link, sym.st_name);

		if (GELF_ST_TYPE(sym.st_info) == STT_FUNC && name && !strcmp(name, bpf_program__name(prog)))
			s->pieces[0] = (struct piece){ 0, sym.st_shndx, sym.st_value };
	}
	/* A call may come before the piece it is in is placed: as often as there are pieces. */
	for (size_t round = 0; round < s->n_pieces; round++)
		for (size_t i = 0; i < s->n_insns; i++) {
			const struct piece *p = piece_of(s, i);

			if ((is_call(&s->insns[i]) || is_address(&s->insns[i])) && p->section)
				place_callee(s, p, i);
		}
	return s->pieces[0].section ? 0 : -ENOENT;
}

int ti_source_new(struct ti_source **out, const void *bytes, size_t size,
		  const struct bpf_object *obj, const struct bpf_program *prog)
{
	ti_cleanup(ti_source_freep) struct ti_source *s = calloc(1, sizeof(*s));
	Elf_Scn *scn;
	int r;

	if (!s)
		return -ENOMEM;
	elf_version(EV_CURRENT);
	s->elf = elf_memory((char *)bytes, size);
	s->btf = bpf_object__btf(obj);
	s->insns = bpf_program__insns(prog);
	s->n_insns = bpf_program__insn_cnt(prog);
	if (!s->elf || !s->btf || !s->insns || elf_getshdrstrndx(s->elf, &s->names) < 0)
		return -ENOENT;
	scn = find_section(s, SHT_PROGBITS, 0, ".BTF.ext");
	s->ext = scn ? elf_rawdata(scn, NULL) : NULL;
	if (!s->ext || !s->ext->d_buf)
		return -ENOENT;
	find_pieces(s);
	r = place_pieces(s, prog);
	if (r < 0)
		return r;
	*out = TI_TAKE(s);
	return 0;
}

/* --- lines ------------------------------------------------------------------ */

/* Head of .BTF.ext (Documentation/bpf/btf.rst); offsets count from its end. */
struct ext_head {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t head_len, func_off, func_len, line_off, line_len;
};

/* A section's records follow. */
struct ext_section {
	uint32_t name_off, n;
};

/* The line info's bytes, [*from, *to), and the size of a record. */
static bool line_info(const struct ti_source *s, const char **from, const char **to, uint32_t *record)
{
	struct ext_head head;
	uint64_t at;

	if (s->ext->d_size < sizeof(head))
		return false;
	memcpy(&head, s->ext->d_buf, sizeof(head));
	at = (uint64_t)head.head_len + head.line_off;
	if (head.magic != 0xeb9f || head.line_len < sizeof(*record) || at > s->ext->d_size ||
	    head.line_len > s->ext->d_size - at)
		return false;
	*from = (const char *)s->ext->d_buf + at;
	*to = *from + head.line_len;
	memcpy(record, *from, sizeof(*record));
	*from += sizeof(*record);
	return *record >= sizeof(struct bpf_line_info) && *record < 4096;
}

/* The last record of a section that isn't behind `offset`, nor before the function. */
static bool record_at(const struct ti_source *s, const struct piece *p, uint64_t offset,
		      struct bpf_line_info *out)
{
	const char *at, *end;
	uint32_t size;
	bool found = false;

	if (!line_info(s, &at, &end, &size))
		return false;
	while ((size_t)(end - at) >= sizeof(struct ext_section)) {
		struct ext_section sec;
		const char *name;
		bool ours;

		memcpy(&sec, at, sizeof(sec));
		at += sizeof(sec);
		name = btf__name_by_offset(s->btf, sec.name_off);
		ours = name && !strcmp(name, section_name(s, p->section));
		for (; sec.n && (size_t)(end - at) >= size; sec.n--, at += size) {
			struct bpf_line_info l;

			memcpy(&l, at, sizeof(l));
			if (!ours || l.insn_off > offset || l.insn_off < p->offset)
				continue;
			*out = l;
			found = true;
		}
	}
	return found;
}

int ti_source_at(const struct ti_source *s, size_t insn, struct ti_line *out)
{
	const struct piece *p = piece_of((struct ti_source *)s, insn);
	struct bpf_line_info l = { 0 };
	const char *file, *text;

	if (insn >= s->n_insns || !p || !p->section ||
	    !record_at(s, p, p->offset + (insn - p->start) * INSN, &l))
		return -ENOENT;
	file = btf__name_by_offset(s->btf, l.file_name_off);
	text = btf__name_by_offset(s->btf, l.line_off);
	if (!file || !text || !BPF_LINE_INFO_LINE_NUM(l.line_col))
		return -ENOENT;
	*out = (struct ti_line){ file, text + strspn(text, " \t"), BPF_LINE_INFO_LINE_NUM(l.line_col) };
	return 0;
}

size_t ti_source_insns(const struct ti_source *s)
{
	return s->n_insns;
}

/* .../tcpinspect/bpf.h, .../bpf/bpf_helpers.h */
static bool in_folder(const char *file, const char *folder)
{
	const char *at = strstr(file, folder);

	return at && !strchr(at + strlen(folder), '/');
}

bool ti_line_is_own(const struct ti_line *l)
{
	static const char *const makers[] = { "TI_PACKET", "TI_ENTRY", "TI_RETURN", "TI_UENTRY",
						 "TI_URETURN", "TI_SOCKOPS" };

	for (size_t i = 0; i < TI_ARRAY_SIZE(makers); i++)
		if (!strncmp(l->text, makers[i], strlen(makers[i])))
			return false;
	return !in_folder(l->file, "/tcpinspect/") && !in_folder(l->file, "/bpf/") &&
	       strncmp(l->file, "/usr/include/", strlen("/usr/include/"));
}
