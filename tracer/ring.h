// SPDX-License-Identifier: MIT
/**
 * A lock-free ring of variable-size records from one thread to one other. The writer never
 * allocates and wakes the reader only when it sleeps.
 */
#ifndef MW_TRACER_RING_H
#define MW_TRACER_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct mw_ring;

/** Most bytes of one record's payload. */
#define MW_RING_RECORD_MAX (256u << 10)

/**
 * @param entries most records inside at a time.
 * @param bytes room for their payloads; rounded up to a power of two and at least 1 MiB.
 */
struct mw_error *mw_ring_create(uint32_t entries, size_t bytes, struct mw_ring **ret) MW_MUST_CHECK;
void mw_ring_destroy(struct mw_ring *ring);

/** Writer: room for a payload of @size bytes, 16-byte aligned, or NULL when the ring is full. */
void *mw_ring_reserve(struct mw_ring *ring, size_t size);
/** Writer: hands over what was reserved last. */
void mw_ring_publish(struct mw_ring *ring);
/** Writer: sleeps until the reader has released something, or 10 ms. */
void mw_ring_wait_room(struct mw_ring *ring);
/** Records published so far. */
uint64_t mw_ring_published(const struct mw_ring *ring);

/** Reader: the oldest record's payload, or NULL when there is none. Valid until released. */
const void *mw_ring_peek(struct mw_ring *ring);
/** Reader: done with what mw_ring_peek() gave. */
void mw_ring_release(struct mw_ring *ring);
/** Reader: sleeps until there is a record, mw_ring_wake() is called, or @timeout_ns is over. */
void mw_ring_wait(struct mw_ring *ring, uint64_t timeout_ns);
/** Any thread: ends the reader's present or next wait. */
void mw_ring_wake(struct mw_ring *ring);
/** Records released so far. */
uint64_t mw_ring_released(const struct mw_ring *ring);

#endif
