/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * note.c - read the .note.tcpinspect of a shared object that may be damaged,
 * cut short, or for another machine. libelf finds the section; the bytes in it
 * are read here, where each length is checked against the section's end.
 */
#include "note.h"

#include <errno.h>
#include <gelf.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#define NOTE_OWNER "tcpinspect"
#define NOTE_TYPE  1
#define NOTE_MAX   65536 /* bytes of the section; ours has 72 */

/* Our own ELF header, set by the linker: what a module has to match. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

int ti_refuse(struct ti_refusal *why, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return r;
}

static void elf_endp(Elf **elf)
{
	elf_end(*elf);
}

static bool inside(uint64_t offset, uint64_t len, uint64_t size)
{
	return offset <= size && len <= size - offset;
}

const char *ti_machine_name(unsigned machine, char *out, size_t size)
{
	static const struct {
		unsigned machine;
		const char *name;
	} names[] = {
		{EM_X86_64, "x86-64"}, {EM_AARCH64, "arm64"}, {EM_386, "i386"},	 {EM_ARM, "arm"},
		{EM_RISCV, "risc-v"},  {EM_PPC64, "ppc64"},   {EM_S390, "s390"}, {EM_BPF, "bpf"},
	};

	snprintf(out, size, "ELF machine %u", machine);
	for (size_t i = 0; i < TI_ARRAY_SIZE(names); i++)
		if (names[i].machine == machine)
			snprintf(out, size, "%s", names[i].name);
	return out;
}

/* A segment beyond the file's end would be a SIGBUS inside the loader. */
static bool is_whole(Elf *elf, const GElf_Ehdr *eh, uint64_t size)
{
	GElf_Phdr ph;
	size_t n;

	if (!inside(eh->e_shoff, (uint64_t)eh->e_shnum * eh->e_shentsize, size) ||
	    !inside(eh->e_phoff, (uint64_t)eh->e_phnum * eh->e_phentsize, size) ||
	    elf_getphdrnum(elf, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!gelf_getphdr(elf, i, &ph) || !inside(ph.p_offset, ph.p_filesz, size))
			return false;
	return true;
}

static int judge_elf(Elf *elf, uint64_t size, struct ti_refusal *why)
{
	const ElfW(Ehdr) *ours = &__ehdr_start;
	char theirs_name[32], ours_name[32];
	GElf_Ehdr eh;

	if (!size)
		return ti_refuse(why, -ENOEXEC, "is empty: install it again");
	if (elf_kind(elf) != ELF_K_ELF)
		return ti_refuse(why, -ENOEXEC, "is not an ELF file");
	if (!gelf_getehdr(elf, &eh))
		return ti_refuse(why, -ENOEXEC, "is truncated: install it again");
	if (eh.e_machine != ours->e_machine || eh.e_ident[EI_CLASS] != ours->e_ident[EI_CLASS] ||
	    eh.e_ident[EI_DATA] != ours->e_ident[EI_DATA])
		return ti_refuse(why, -ENOEXEC,
				 "is for another machine: %s, %d bits, %s-endian, and this is %s; "
				 "rebuild it here or install the package of this architecture",
				 ti_machine_name(eh.e_machine, theirs_name, sizeof(theirs_name)),
				 eh.e_ident[EI_CLASS] == ELFCLASS32 ? 32 : 64,
				 eh.e_ident[EI_DATA] == ELFDATA2MSB ? "big" : "little",
				 ti_machine_name(ours->e_machine, ours_name, sizeof(ours_name)));
	if (eh.e_type != ET_DYN)
		return ti_refuse(why, -ENOEXEC,
				 "is not a shared object (ELF type %u): link it with -shared",
				 eh.e_type);
	if (!is_whole(elf, &eh, size))
		return ti_refuse(why, -ENOEXEC, "is truncated: install it again");
	return 0;
}

static int damaged(struct ti_refusal *why, const char *what)
{
	return ti_refuse(why, -EBADMSG, "has a damaged " TI_NOTE_SECTION " (%s): rebuild it", what);
}

/* The bytes of the section; they live as long as `elf`. */
static int note_section(Elf *elf, const Elf_Data **out, struct ti_refusal *why)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return ti_refuse(why, -ENOEXEC, "has a damaged section table: install it again");
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name =
			gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
		const Elf_Data *data;

		if (!name || strcmp(name, TI_NOTE_SECTION))
			continue;
		if (sh.sh_type != SHT_NOTE || !sh.sh_size || sh.sh_size > NOTE_MAX)
			return damaged(why, "no note section, or of an odd size");
		data = elf_rawdata(scn, NULL);
		if (!data || !data->d_buf || !data->d_size)
			return damaged(why, "it cannot be read");
		*out = data;
		return 0;
	}
	return ti_refuse(why, -EBADMSG,
			 "is no module of tcpinspect (no " TI_NOTE_SECTION
			 "; TI_PLUGIN or TI_SINK of tcpinspect-dev makes one)");
}

/* The one note of ours in the section; others may stand beside it. */
static int find_prefix(const char *bytes, size_t size, struct ti_prefix_v1 *out,
		       struct ti_refusal *why)
{
	const uint64_t align = 3;
	const char *found = NULL;

	for (uint64_t at = 0; at < size;) {
		uint64_t owner = at + sizeof(GElf_Nhdr), desc;
		GElf_Nhdr nh;

		if (!inside(at, sizeof(nh), size))
			return damaged(why, "it ends inside a note");
		memcpy(&nh, bytes + at, sizeof(nh));
		desc = owner + ((nh.n_namesz + align) & ~align);
		if (!inside(owner, nh.n_namesz, size) || !inside(desc, nh.n_descsz, size))
			return damaged(why, "it ends inside a note");
		at = desc + ((nh.n_descsz + align) & ~align);
		if (nh.n_namesz != sizeof(NOTE_OWNER) || nh.n_type != NOTE_TYPE ||
		    memcmp(bytes + owner, NOTE_OWNER, sizeof(NOTE_OWNER)))
			continue;
		if (nh.n_descsz != sizeof(*out))
			return damaged(why, "its note has the wrong size");
		if (found)
			return ti_refuse(why, -EBADMSG,
					 "holds two modules: one TI_PLUGIN or TI_SINK makes one file");
		found = bytes + desc;
	}
	if (!found)
		return damaged(why, "it holds no note of ours");
	memcpy(out, found, sizeof(*out));
	return 0;
}

int ti_note_read(int fd, uint64_t size, struct ti_prefix_v1 *out, struct ti_refusal *why)
{
	ti_cleanup(elf_endp) Elf *elf = NULL;
	const Elf_Data *note = NULL;
	int r;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return ti_refuse(why, -ENOSYS, "cannot be read: libelf is too old");
	elf = elf_begin(fd, ELF_C_READ, NULL);
	r = judge_elf(elf, size, why);
	if (r < 0)
		return r;
	r = note_section(elf, &note, why);
	if (r < 0)
		return r;
	return find_prefix(note->d_buf, note->d_size, out, why);
}

/* The dynamic symbol of that name, which is what dlsym() finds. */
static bool find_symbol(Elf *elf, const char *name, GElf_Sym *out)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data = NULL;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_DYNSYM || !sh.sh_entsize)
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 0; data && (uint64_t)i < data->d_size / sh.sh_entsize; i++) {
			const char *is = gelf_getsym(data, i, out) ? elf_strptr(elf, sh.sh_link, out->st_name) : NULL;

			if (is && !strcmp(is, name) && out->st_shndx != SHN_UNDEF)
				return true;
		}
	}
	return false;
}

/* Where in the file it is that is loaded at `addr`. */
static bool find_offset(Elf *elf, uint64_t addr, uint64_t len, uint64_t *offset)
{
	GElf_Phdr ph;
	size_t n;

	if (elf_getphdrnum(elf, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, i, &ph) && ph.p_type == PT_LOAD && addr >= ph.p_vaddr &&
		    inside(addr - ph.p_vaddr, len, ph.p_filesz)) {
			*offset = ph.p_offset + (addr - ph.p_vaddr);
			return true;
		}
	return false;
}

int ti_note_descriptor(int fd, const char *symbol, const struct ti_prefix_v1 *prefix, struct ti_refusal *why)
{
	ti_cleanup(elf_endp) Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	struct ti_prefix_v1 theirs;
	uint64_t offset;
	GElf_Sym sym;

	if (!find_symbol(elf, symbol, &sym))
		return ti_refuse(why, -EBADMSG, "exports no %s: rebuild it with TI_PLUGIN or TI_SINK, and let no linker script or strip hide that", symbol);
	if (!find_offset(elf, sym.st_value, sizeof(theirs), &offset) ||
	    pread(fd, &theirs, sizeof(theirs), offset) != sizeof(theirs))
		return ti_refuse(why, -EBADMSG, "has no %s in its constant data: rebuild it", symbol);
	if (memcmp(&theirs, prefix, sizeof(theirs)))
		return ti_refuse(why, -EBADMSG, "its " TI_NOTE_SECTION " and its %s differ: rebuild it", symbol);
	if (sym.st_size < prefix->size)
		return ti_refuse(why, -EBADMSG, "has a %s of %llu bytes that says it has %u: rebuild it", symbol,
				 (unsigned long long)sym.st_size, prefix->size);
	return 0;
}
