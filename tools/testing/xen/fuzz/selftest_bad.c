// SPDX-License-Identifier: GPL-2.0-only
/*
 * Code as it must not be, compiled like the code under test.  selftest.c runs
 * each of these functions and wants the model or a sanitizer to stop it.
 */

#include "selftest.h"

struct slot {
	u32 op, nr, gref;
};

static u32 sink;

/* Check one value, use another. */
void bad_double_fetch(struct slot *slot)
{
	if (READ_ONCE(slot->nr) <= 11)
		sink = READ_ONCE(slot->nr);
}

/* The same, with a part of a word that has been fetched as a whole. */
void bad_partial_fetch(struct slot *slot)
{
	sink = READ_ONCE(slot->op);
	sink += READ_ONCE(*(u8 *)&slot->op);
}

/* The compiler may load this as often as it likes. */
void bad_plain_load(struct slot *slot)
{
	sink = slot->nr;
}

void bad_struct_copy(struct slot *slot)
{
	struct slot copy = *slot;

	sink = copy.op + copy.nr + copy.gref;
}

void bad_memcpy(struct slot *slot)
{
	struct slot copy;

	memcpy(&copy, slot, READ_ONCE(slot->op) % 13);
	sink = copy.nr;
}

/* What the guest has not produced yet. */
void bad_next_slot(struct slot *slot)
{
	sink = READ_ONCE(slot[1].op);
}

/* An index from the guest, not masked. */
void bad_ring_index(struct slot *slot)
{
	sink = READ_ONCE(slot[READ_ONCE(slot->nr)].op);
}

/* The same for private memory: that is UBSan's part, or ASan's. */
void bad_array_index(struct slot *slot)
{
	u32 table[12] = { 0 };

	sink = table[READ_ONCE(slot->nr)];
}

void bad_pointer_index(struct slot *slot)
{
	u32 table[12] = { 0 };
	u32 *p = table;

	sink = p[READ_ONCE(slot->nr)];
}

void bad_loop(struct slot *slot)
{
	u32 i, nr = READ_ONCE(slot->nr);

	for (i = 0; i < nr; i++)
		sink ^= sink << 1 ^ i;
}

/* Memory is not involved here at all. */
void bad_endless_loop(struct slot *slot)
{
	u32 i = READ_ONCE(slot->nr) | 1;

	while (i)
		i += 2;
	sink = i;
}

/* A response where the guest still has a request. */
void bad_store(struct slot *slot)
{
	slot[1].op = 0;
}

void bad_long_store(struct slot *slot)
{
	memset(slot, 0, sizeof(*slot));
}

/* The slot may be older than the index that covers it. */
void bad_no_read_barrier(struct slot *slot)
{
	u8 *ring = (u8 *)slot - RING_SLOTS;

	if (READ_ONCE(*(u32 *)(ring + RING_REQ_PROD)))
		sink = READ_ONCE(slot->op);
}

void bad_no_write_barrier(struct slot *slot)
{
	u8 *ring = (u8 *)slot - RING_SLOTS;

	slot->op = 1;
	model_expect_stores(RING_RSP_PROD, 4);
	WRITE_ONCE(*(u32 *)(ring + RING_RSP_PROD), 1);
}

void bad_shift(struct slot *slot)
{
	sink = 1u << READ_ONCE(slot->nr);
}

/* And one as it should be: the model does not stop everything. */
void good(struct slot *slot)
{
	u8 *ring = (u8 *)slot - RING_SLOTS;
	u32 i, nr;

	if (!READ_ONCE(*(u32 *)(ring + RING_REQ_PROD)))
		return;
	/* The slot after the index that covers it. */
	virt_rmb();
	sink = READ_ONCE(slot->op);
	nr = READ_ONCE(slot->nr);
	for (i = 0; i < (nr > 11 ? 11 : nr); i++)
		sink += i;
	slot->op = 1;
	/* The index after the response. */
	virt_wmb();
	model_expect_stores(RING_RSP_PROD, 4);
	WRITE_ONCE(*(u32 *)(ring + RING_RSP_PROD), 1);
}
