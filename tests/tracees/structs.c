// SPDX-License-Identifier: MIT
/* Typed members of every kind: prints `member PATH OLD NEW LINE` as memwatch should show them. */
#include "tracee.h"

enum color { RED, GREEN = 5, BLUE };

struct limit {
	int soft;
	int hard;
};

struct config {
	struct limit limits[4];
	enum color color;
	bool enabled;
	char name[16];
	double ratio;
	float factor;
	unsigned ready : 1;
	unsigned mode : 3;
	signed level : 4;
	union {
		uint32_t word;
		uint8_t bytes[4];
	} value;
	struct limit *chosen;
	unsigned char raw[6];
	int matrix[2][3];
};

struct config cfg = {.name = "alpha"};
struct limit spare = {1, 2};
int64_t PAGE_ALIGNED wide;
/* For expressions that must fail. */
struct config *none;
struct config *wild = (struct config *)0xdead0000;
const int read_only[4] = {1, 2, 3, 4};

/* Old and new are printed as given: the texts, not the bytes, are the oracle here. */
#define MEMBER(path, old_text, new_text, statement)                                                \
	do {                                                                                       \
		statement;                                                                         \
		BARRIER();                                                                         \
		printf("member\t%s\t%s\t%s\t%d\n", path, old_text, new_text, __LINE__);            \
	} while (0)

NOINLINE static void change_members(void)
{
	MEMBER("cfg.limits[0].soft", "0", "10", cfg.limits[0].soft = 10);
	MEMBER("cfg.limits[3].hard", "0", "-7", cfg.limits[3].hard = -7);
	MEMBER("cfg.color", "RED", "GREEN", cfg.color = GREEN);
	MEMBER("cfg.enabled", "false", "true", cfg.enabled = true);
	MEMBER("cfg.name", "\"alpha\"", "\"blpha\"", cfg.name[0] = 'b');
	MEMBER("cfg.ratio", "0", "2.5", cfg.ratio = 2.5);
	MEMBER("cfg.factor", "0", "0.25", cfg.factor = 0.25f);
	MEMBER("cfg.ready", "0", "1", cfg.ready = 1);
	MEMBER("cfg.mode", "0", "5", cfg.mode = 5);
	MEMBER("cfg.level", "0", "-3", cfg.level = -3);
	MEMBER("cfg.matrix[1][2]", "0", "42", cfg.matrix[1][2] = 42);
	MEMBER("cfg.chosen", "NULL", "spare", cfg.chosen = &spare);
}

int main(int argc, char **argv)
{
	struct tracee tracee = tracee_begin(argc, argv);

	change_members();
	EXPECT(cfg.value, cfg.value.word = 0x01020304);
	EXPECT(spare, cfg.chosen->hard = 99);
	EXPECT(cfg.raw, cfg.raw[5] = 0xff);
	EXPECT(wide, wide = INT64_MIN);
	printf("sizeof %zu\nread_only %d\nnone %d\n", sizeof(cfg), read_only[1], !none && wild);
	return tracee_end(&tracee);
}
