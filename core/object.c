/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "object.h"

#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <string.h>
#include "log.h"

#ifndef EM_BPF
#define EM_BPF 247
#endif

static void elf_endp(Elf **elf)
{
	elf_end(*elf);
}

static bool has_section(Elf *elf, const char *wanted)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;

		if (name && !strcmp(name, wanted))
			return true;
	}
	return false;
}

static int judge_sections(Elf *elf, struct ti_refusal *why)
{
	if (!has_section(elf, ".symtab"))
		return ti_refuse(why, -EBADMSG, "has no symbols: strip it with llvm-strip -g, which leaves them");
	if (!has_section(elf, ".BTF"))
		return ti_refuse(why, -EBADMSG, "has no BTF: compile it with clang -g, and strip it with llvm-strip -g, which leaves it");
	return 0;
}

int ti_object_judge(const void *bytes, size_t size, struct ti_refusal *why)
{
	ti_cleanup(elf_endp) Elf *elf = NULL;
	char machine[32];
	GElf_Ehdr eh;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)bytes, size);
	if (size < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG))
		return ti_refuse(why, -EBADMSG, "is no ELF file: TI_BPF_OBJECT has to name what clang -target bpf made");
	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh) || eh.e_shoff > size ||
	    (size - eh.e_shoff) / sizeof(Elf64_Shdr) < eh.e_shnum)
		return ti_refuse(why, -EBADMSG, "is cut off: build it again");
	if (eh.e_machine != EM_BPF)
		return ti_refuse(why, -EBADMSG, "is for another machine (%s), not BPF: compile it with clang -target bpf",
				 ti_machine_name(eh.e_machine, machine, sizeof(machine)));
	if (eh.e_ident[EI_DATA] != ELFDATA2LSB)
		return ti_refuse(why, -EBADMSG, "is big-endian, and this machine is not: compile it with clang -target bpf");
	if (eh.e_type != ET_REL)
		return ti_refuse(why, -EBADMSG, "is linked: TI_BPF_OBJECT takes what clang -c makes");
	return judge_sections(elf, why);
}
