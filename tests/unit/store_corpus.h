// SPDX-License-Identifier: MIT
/** Every distinct store in the code of real programs. */
#ifndef MW_TESTS_UNIT_STORE_CORPUS_H
#define MW_TESTS_UNIT_STORE_CORPUS_H

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <Zydis/Zydis.h>

#define CORPUS_SEEN (UINT64_C(1) << 22)

struct corpus {
	ZydisDecoder decoder;
	/** Hashes of encodings met before; 0 is free. */
	uint64_t *seen;
	/** Called for each new encoding that writes memory. */
	void (*visit)(void *arg, const uint8_t *bytes, const ZydisDecodedInstruction *insn,
		      const ZydisDecodedOperand *operands);
	void *arg;
};

/* Displacements of rip-relative operands and of calls don't make an instruction another one. */
static inline uint64_t corpus_hash(const uint8_t *bytes, const ZydisDecodedInstruction *insn)
{
	bool is_relative = insn->attributes & ZYDIS_ATTRIB_IS_RELATIVE;
	uint8_t displacement = insn->raw.disp.size ? insn->raw.disp.offset : 255;
	uint8_t immediate = insn->raw.imm[0].is_relative ? insn->raw.imm[0].offset : 255;
	uint64_t hash = UINT64_C(1469598103934665603);

	for (uint8_t i = 0; i < insn->length; i++) {
		bool skip = is_relative && ((i >= displacement && i < displacement + 4) ||
					    (i >= immediate && i < immediate + 4));

		hash = (hash ^ (skip ? 0 : bytes[i])) * UINT64_C(1099511628211);
	}
	return hash | 1;
}

static inline bool corpus_is_new(struct corpus *corpus, uint64_t hash)
{
	uint64_t place = (hash >> 20 ^ hash) % CORPUS_SEEN;

	while (corpus->seen[place] && corpus->seen[place] != hash)
		place = (place + 1) % CORPUS_SEEN;
	if (corpus->seen[place])
		return false;
	corpus->seen[place] = hash;
	return true;
}

static inline bool corpus_writes_memory(const ZydisDecodedInstruction *insn,
					const ZydisDecodedOperand *operands)
{
	for (int i = 0; i < insn->operand_count; i++)
		if (operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    operands[i].mem.type != ZYDIS_MEMOP_TYPE_AGEN &&
		    operands[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			return true;
	return false;
}

/* Zydis 4.0 takes r13d for the base of an operand without one, with REX.B and 32-bit addresses. */
static inline void corpus_correct_base(const ZydisDecodedInstruction *insn,
				       ZydisDecodedOperand *operands)
{
	if (insn->raw.modrm.mod != 0 || insn->raw.modrm.rm != 4 || insn->raw.sib.base != 5)
		return;
	for (int i = 0; i < insn->operand_count; i++) {
		if (operands[i].type != ZYDIS_OPERAND_TYPE_MEMORY ||
		    operands[i].mem.base != ZYDIS_REGISTER_R13D)
			continue;
		operands[i].mem.base = ZYDIS_REGISTER_NONE;
		operands[i].mem.disp.has_displacement = true;
		operands[i].mem.disp.value = insn->raw.disp.value;
	}
}

/** Visits the instruction at @code if it is a new store. @return its length. */
static inline size_t corpus_scan_one(struct corpus *corpus, const uint8_t *code, size_t size)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction insn;

	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&corpus->decoder, code, size, &insn, operands)))
		return 1;
	corpus_correct_base(&insn, operands);
	if (corpus_writes_memory(&insn, operands) &&
	    corpus_is_new(corpus, corpus_hash(code, &insn)))
		corpus->visit(corpus->arg, code, &insn, operands);
	return insn.length;
}

/** Visits the new stores of a stretch of code. */
static inline void corpus_scan(struct corpus *corpus, const uint8_t *code, size_t size)
{
	for (size_t at = 0; at < size;)
		at += corpus_scan_one(corpus, code + at, size - at);
}

static inline void corpus_scan_elf(struct corpus *corpus, const uint8_t *file, size_t size)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)file;
	const Elf64_Shdr *sections = (const Elf64_Shdr *)(file + header->e_shoff);

	if (size < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG))
		return;
	for (int i = 0; i < header->e_shnum; i++)
		if (sections[i].sh_type == SHT_PROGBITS && sections[i].sh_flags & SHF_EXECINSTR)
			corpus_scan(corpus, file + sections[i].sh_offset, sections[i].sh_size);
}

/** Visits the new stores of an ELF file. @return false when there is no such file. */
static inline bool corpus_scan_file(struct corpus *corpus, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	uint8_t *file;

	if (fd < 0)
		return false;
	fstat(fd, &stat);
	file = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return false;
	corpus_scan_elf(corpus, file, (size_t)stat.st_size);
	munmap(file, (size_t)stat.st_size);
	return true;
}

static inline bool corpus_init(struct corpus *ret)
{
	memset(ret, 0, sizeof(*ret));
	ZydisDecoderInit(&ret->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	ret->seen = calloc(CORPUS_SEEN, sizeof(*ret->seen));
	return ret->seen;
}

static inline void corpus_deinit(struct corpus *corpus)
{
	free(corpus->seen);
}

#endif
