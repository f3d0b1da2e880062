// SPDX-License-Identifier: MIT
/* Objects on the heap, by way of a global pointer: changed, moved, freed. */
#include "tracee.h"

struct node {
	long value;
	struct node *next;
	char text[24];
};

struct node *head;

NOINLINE static void change(struct node *node, long value)
{
	node->value = value; /* LINE:value */
	BARRIER();
}

int main(int argc, char **argv)
{
	struct tracee tracee;
	void *volatile other;

	head = calloc(1, sizeof(*head));
	head->next = calloc(1, sizeof(*head));
	tracee = tracee_begin(argc, argv);
	for (long i = 1; i <= 10; i++) {
		change(head, i);
		change(head->next, 100 + i);
	}
	/* Work of the allocator beside the watched object. */
	for (size_t size = 8; size < 2000; size += 40) {
		other = malloc(size);
		memset(other, 0x5a, size);
		other = realloc(other, size * 2);
		free(other);
	}
	printf("stores 10\nvalue %ld\nnext %ld\n", head->value, head->next->value);
	free(head->next);
	free(head);
	return tracee_end(&tracee);
}
