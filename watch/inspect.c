// SPDX-License-Identifier: MIT
/* Looking at the target without changing it: values, memory, threads, stacks. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "watch/core.h"

/* Bytes shown by one x command. */
#define EXAMINE_MAX (64u << 10)
/* Stack read for a backtrace at once; the rest is read live. */
#define STACK_BYTES (64u << 10)

static struct mw_error *need_symbols(const struct mw_session *session)
{
	return session->symbols ? NULL : mw_error_create(MW_ERROR_USAGE, "there is no target");
}

/** Skips the & of an expression that asks for an address. @return NULL when there is none. */
static const char *operand_of_address(const char *expression)
{
	expression += strspn(expression, " \t");
	return *expression == '&' ? expression + 1 : NULL;
}

struct mw_error *mw_session_print(struct mw_session *session, const char *expression, FILE *out)
{
	struct mw_error *err;

	mw_session_lock(session);
	err = need_symbols(session);
	if (!err)
		err = mw_symbols_print(session->symbols, expression, out);
	if (!err)
		fputc('\n', out);
	mw_session_unlock(session);
	return err;
}

/* A pointer is examined where it points to, anything else where it stands, as gdb does. */
static struct mw_error *address_of(struct mw_session *session, const char *expression, mw_addr *ret)
{
	struct mw_mem_reader reader = mw_tracer_reader(session->tracer);
	struct mw_object object;
	struct mw_error *err;
	const char *operand, *type;
	char *end;
	uint64_t address = strtoull(expression, &end, 0);

	if (*expression && !*end) {
		*ret = mw_addr_make(address);
		return NULL;
	}
	operand = operand_of_address(expression);
	err = mw_symbols_eval(session->symbols, operand ? operand : expression, &object);
	if (err)
		return err;
	type = mw_type_name(session->symbols, object.type);
	*ret = object.addr;
	if (!operand && object.type && object.size == sizeof(ret->v) &&
	    type[strlen(type) - 1] == '*')
		return mw_mem_reader_read(&reader, object.addr, &ret->v, sizeof(ret->v));
	return NULL;
}

static int64_t sign_extend(uint64_t value, unsigned unit)
{
	unsigned shift = 64 - unit * 8;

	return (int64_t)(value << shift) >> shift;
}

static void print_float(uint64_t value, unsigned unit, FILE *out)
{
	float single;
	double number;

	memcpy(&single, &value, sizeof(single));
	memcpy(&number, &value, sizeof(number));
	fprintf(out, "%.*g", unit == 4 ? 9 : 17, unit == 4 ? (double)single : number);
}

static void print_unit(struct mw_session *session, uint64_t value, char format, unsigned unit,
		       FILE *out)
{
	switch (format) {
	case 'd':
		fprintf(out, "%" PRId64, sign_extend(value, unit));
		break;
	case 'u':
		fprintf(out, "%" PRIu64, value);
		break;
	case 'o':
		fprintf(out, "0%" PRIo64, value);
		break;
	case 't':
		for (unsigned bit = unit * 8; bit-- > 0;)
			fputc('0' + (int)(value >> bit & 1), out);
		break;
	case 'c':
		fprintf(out, "%" PRId64 " '%c'", sign_extend(value, unit),
			isprint((int)(value & 0xff)) ? (int)(value & 0xff) : '.');
		break;
	case 'f':
		print_float(value, unit, out);
		break;
	case 'a':
		fprintf(out, "0x%" PRIx64, value);
		fputs(" <", out);
		if (!mw_symbols_describe_data(session->symbols, mw_addr_make(value), out))
			fputc('?', out);
		fputc('>', out);
		break;
	default:
		fprintf(out, "0x%0*" PRIx64, (int)unit * 2, value);
	}
}

static void print_line_start(struct mw_session *session, mw_addr addr, FILE *out)
{
	char *where = NULL;
	size_t size;
	FILE *text = open_memstream(&where, &size);

	fprintf(out, "0x%" PRIx64, addr.v);
	if (text) {
		bool known = mw_symbols_describe_data(session->symbols, addr, text);

		fclose(text);
		if (known)
			fprintf(out, " <%s>", where);
	}
	free(where);
	fputc(':', out);
}

static void dump(struct mw_session *session, mw_addr addr, const uint8_t *bytes, unsigned count,
		 char format, unsigned unit, FILE *out)
{
	unsigned in_line = format == 'c' || unit == 1 ? 8 : unit == 8 ? 2 : 16 / unit;

	for (unsigned i = 0; i < count; i++) {
		uint64_t value = 0;

		memcpy(&value, bytes + (size_t)i * unit, unit);
		if (i % in_line == 0) {
			if (i)
				fputc('\n', out);
			print_line_start(session, mw_addr_add(addr, (uint64_t)i * unit), out);
		}
		fputc('\t', out);
		print_unit(session, value, format, unit, out);
	}
	fputc('\n', out);
}

/* Strings have no size beforehand: each is read up to its NUL. */
static struct mw_error *dump_strings(struct mw_session *session, mw_addr addr, unsigned count,
				     FILE *out)
{
	struct mw_mem_reader reader = mw_tracer_reader(session->tracer);

	for (unsigned i = 0; i < count; i++) {
		unsigned length = 0;
		char byte;

		print_line_start(session, addr, out);
		fputs("\t\"", out);
		for (;; length++) {
			struct mw_error *err = mw_mem_reader_read(&reader, addr, &byte, 1);

			if (err)
				return err;
			addr = mw_addr_add(addr, 1);
			if (!byte || length >= 4096)
				break;
			if (isprint((unsigned char)byte) && byte != '"' && byte != '\\')
				fputc(byte, out);
			else
				fprintf(out, "\\%03o", (unsigned char)byte);
		}
		fputs("\"\n", out);
	}
	return NULL;
}

static struct mw_error *examine_locked(struct mw_session *session, const char *expression,
				       unsigned count, char format, unsigned unit, FILE *out)
{
	struct mw_mem_reader reader = mw_tracer_reader(session->tracer);
	mw_auto_free uint8_t *bytes = NULL;
	struct mw_error *err;
	mw_addr addr;

	if ((uint64_t)count * unit > EXAMINE_MAX)
		return mw_error_create(MW_ERROR_USAGE, "x shows at most %u bytes at a time",
				       EXAMINE_MAX);
	err = address_of(session, expression, &addr);
	if (err || format == 's')
		return err ? err : dump_strings(session, addr, count, out);
	bytes = malloc((size_t)count * unit);
	if (!bytes)
		return mw_err_nomem;
	err = mw_mem_reader_read(&reader, addr, bytes, (size_t)count * unit);
	if (!err)
		dump(session, addr, bytes, count, format, unit, out);
	return err;
}

struct mw_error *mw_session_examine(struct mw_session *session, const char *expression,
				    unsigned count, char format, unsigned unit, FILE *out)
{
	struct mw_error *err;

	mw_session_lock(session);
	err = need_symbols(session);
	if (!err)
		err = examine_locked(session, expression, count, format, unit, out);
	mw_session_unlock(session);
	return err;
}

struct mw_error *mw_session_threads(struct mw_session *session,
				    void (*visit)(void *arg, const struct mw_thread_info *thread),
				    void *arg)
{
	mw_auto_free struct mw_tracee_info *threads = NULL;
	size_t count;
	struct mw_error *err = mw_tracer_threads(session->tracer, &threads, &count);

	if (err)
		return err;
	mw_session_lock(session);
	for (size_t i = 0; i < count; i++) {
		struct mw_thread_info info = {.tid = threads[i].tid, .state = threads[i].state};

		memcpy(info.name, threads[i].name, sizeof(info.name));
		if (threads[i].regs.count && session->symbols) {
			info.ip = threads[i].regs.ip;
			mw_symbols_place(session->symbols, info.ip, &info.place);
		}
		visit(arg, &info);
	}
	mw_session_unlock(session);
	return NULL;
}

static size_t read_stack(const struct mw_mem_reader *reader, mw_addr sp, uint8_t *ret)
{
	size_t size = STACK_BYTES;

	/* The end of the stack may be near. */
	while (size) {
		struct mw_error *err = mw_mem_reader_read(reader, sp, ret, size);

		if (!err)
			return size;
		mw_error_destroy(err);
		size /= 2;
	}
	return 0;
}

static struct mw_error *find_stopped(struct mw_session *session, pid_t tid, struct mw_regs *ret)
{
	mw_auto_free struct mw_tracee_info *threads = NULL;
	size_t count;
	struct mw_error *err = mw_tracer_threads(session->tracer, &threads, &count);

	if (err)
		return err;
	if (!tid)
		tid = session->pid;
	for (size_t i = 0; i < count; i++) {
		if (threads[i].tid != tid)
			continue;
		if (!threads[i].regs.count)
			return mw_error_create(MW_ERROR_USAGE,
					       "thread %d is running: interrupt the target first",
					       tid);
		*ret = threads[i].regs;
		return NULL;
	}
	return mw_error_create(MW_ERROR_NOT_FOUND,
			       "there is no thread %d: `info threads` lists them", tid);
}

struct mw_error *mw_session_backtrace(struct mw_session *session, pid_t tid, struct mw_frame *ret,
				      size_t max, size_t *ret_count)
{
	struct mw_mem_reader reader = mw_tracer_reader(session->tracer);
	mw_auto_free uint8_t *stack = malloc(STACK_BYTES);
	struct mw_regs regs;
	struct mw_error *err;
	size_t size;

	if (!stack)
		return mw_err_nomem;
	err = find_stopped(session, tid, &regs);
	if (err)
		return err;
	size = read_stack(&reader, regs.sp, stack);
	mw_session_lock(session);
	err = need_symbols(session);
	if (!err)
		*ret_count =
			mw_symbols_unwind(session->symbols, &regs, regs.sp, stack, size, ret, max);
	mw_session_unlock(session);
	return err;
}

void mw_session_modules(struct mw_session *session,
			void (*visit)(void *arg, const struct mw_module_info *module), void *arg)
{
	mw_session_lock(session);
	if (session->symbols)
		mw_symbols_modules(session->symbols, visit, arg);
	mw_session_unlock(session);
}

void mw_session_complete(struct mw_session *session, const char *expression,
			 void (*visit)(void *arg, const char *word), void *arg)
{
	mw_session_lock(session);
	if (session->symbols)
		mw_symbols_complete(session->symbols, expression, visit, arg);
	mw_session_unlock(session);
}
