// SPDX-License-Identifier: MIT
#include "tracer/ring.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define ALIGNMENT 16u
#define MINIMUM_BYTES (1u << 20)
#define ROOM_TIMEOUT_NS 10000000u
/* Marks the unused tail of the buffer: the next record stands at its start. */
#define SKIP UINT32_MAX

struct record {
	/** Bytes of payload, or SKIP. */
	uint32_t size;
	uint32_t unused[3];
};
_Static_assert(sizeof(struct record) == ALIGNMENT, "payloads are aligned");

struct mw_ring {
	uint8_t *buffer;
	/** Power of two. */
	size_t capacity;
	uint32_t entries;
	/** End of the record being written. */
	uint64_t reserved;

	/* The two sides stand on cache lines of their own. */
	_Alignas(64) _Atomic uint64_t head;
	_Atomic uint64_t published;
	_Alignas(64) _Atomic uint64_t tail;
	_Atomic uint64_t released;
	/* Futex words: changed to wake; the flags say whether anybody sleeps. */
	_Alignas(64) _Atomic uint32_t reader_word;
	_Atomic uint32_t writer_word;
	_Atomic bool reader_sleeps;
	_Atomic bool writer_sleeps;
};

static void futex_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t timeout_ns)
{
	struct timespec timeout = {(time_t)(timeout_ns / 1000000000u),
				   (long)(timeout_ns % 1000000000u)};

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &timeout, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
	atomic_fetch_add(word, 1);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

struct mw_error *mw_ring_create(uint32_t entries, size_t bytes, struct mw_ring **ret)
{
	struct mw_ring *ring = aligned_alloc(64, sizeof(*ring));
	size_t capacity = MINIMUM_BYTES;

	if (!ring)
		return mw_err_nomem;
	while (capacity < bytes)
		capacity *= 2;
	*ring = (struct mw_ring){.capacity = capacity, .entries = entries};
	ring->buffer = mmap(NULL, capacity, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ring->buffer == MAP_FAILED) {
		free(ring);
		return mw_err_nomem;
	}
	*ret = ring;
	return NULL;
}

void mw_ring_destroy(struct mw_ring *ring)
{
	if (!ring)
		return;
	munmap(ring->buffer, ring->capacity);
	free(ring);
}

static struct record *record_at(const struct mw_ring *ring, uint64_t position)
{
	return (struct record *)(ring->buffer + (position & (ring->capacity - 1)));
}

static size_t record_size(size_t payload)
{
	return (sizeof(struct record) + payload + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

void *mw_ring_reserve(struct mw_ring *ring, size_t size)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	size_t needed = record_size(size);
	size_t to_end = ring->capacity - (head & (ring->capacity - 1));
	size_t skipped = needed > to_end ? to_end : 0;
	struct record *record;

	if (head + skipped + needed - tail > ring->capacity ||
	    mw_ring_published(ring) - mw_ring_released(ring) >= ring->entries)
		return NULL;
	if (skipped)
		record_at(ring, head)->size = SKIP;
	record = record_at(ring, head + skipped);
	record->size = (uint32_t)size;
	ring->reserved = head + skipped + needed;
	return record + 1;
}

void mw_ring_publish(struct mw_ring *ring)
{
	atomic_store_explicit(&ring->head, ring->reserved, memory_order_release);
	atomic_fetch_add(&ring->published, 1);
	if (atomic_load(&ring->reader_sleeps))
		futex_wake(&ring->reader_word);
}

void mw_ring_wait_room(struct mw_ring *ring)
{
	uint32_t word = atomic_load(&ring->writer_word);
	uint64_t released = mw_ring_released(ring);

	atomic_store(&ring->writer_sleeps, true);
	if (mw_ring_released(ring) == released)
		futex_wait(&ring->writer_word, word, ROOM_TIMEOUT_NS);
	atomic_store(&ring->writer_sleeps, false);
}

uint64_t mw_ring_published(const struct mw_ring *ring)
{
	return atomic_load(&ring->published);
}

const void *mw_ring_peek(struct mw_ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	if (head == tail)
		return NULL;
	if (record_at(ring, tail)->size == SKIP) {
		tail += ring->capacity - (tail & (ring->capacity - 1));
		atomic_store_explicit(&ring->tail, tail, memory_order_release);
	}
	return record_at(ring, tail) + 1;
}

void mw_ring_release(struct mw_ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	tail += record_size(record_at(ring, tail)->size);
	atomic_store_explicit(&ring->tail, tail, memory_order_release);
	atomic_fetch_add(&ring->released, 1);
	if (atomic_load(&ring->writer_sleeps))
		futex_wake(&ring->writer_word);
}

void mw_ring_wait(struct mw_ring *ring, uint64_t timeout_ns)
{
	uint32_t word = atomic_load(&ring->reader_word);

	atomic_store(&ring->reader_sleeps, true);
	if (!mw_ring_peek(ring))
		futex_wait(&ring->reader_word, word, timeout_ns);
	atomic_store(&ring->reader_sleeps, false);
}

void mw_ring_wake(struct mw_ring *ring)
{
	futex_wake(&ring->reader_word);
}

uint64_t mw_ring_released(const struct mw_ring *ring)
{
	return atomic_load(&ring->released);
}
