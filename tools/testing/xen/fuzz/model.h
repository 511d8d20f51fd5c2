/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shared ring, as a hostile guest would have it.
 *
 * Files under test are compiled so that each load and store they make, and
 * each memcpy(), is a call into model.c.  What lies in the ring is subject to
 * these rules, and breaking one aborts:
 *
 *  - loads go through READ_ONCE(); any other load, memcpy() included, fails
 *  - only what the guest handed over may be fetched, and each byte once: the
 *    value changes right after, as if the guest had rewritten it
 *  - stores go only where the target expects them
 *  - nothing beyond the ring's last page is touched
 *  - barriers stand where the ring protocol needs them
 *
 * A byte may be fetched again after model_give() handed it over again.  The
 * protocol has that in these places: a slot, once a response has freed it; the
 * request producer, once per look at the ring; the response event index, once
 * per push.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "kernel.h"

/* Byte offsets of the indices at the start of a ring, and of its slots. */
#define RING_REQ_PROD	0u
#define RING_REQ_EVENT	4u
#define RING_RSP_PROD	8u
#define RING_RSP_EVENT	12u
#define RING_SLOTS	64u
#define RING_MAX_PAGES	16u

/* A ring of @nr_pages that nothing has been written to; its address. */
void *model_ring(u32 nr_pages);
void *model_address(void);

/* The guest writes @len bytes at @off and hands them over. */
void model_give(u32 off, const void *from, u32 len);

/* The same for a single index. */
void model_give_u32(u32 off, u32 val);

/* Forget everything handed over; what has not been fetched cannot be. */
void model_take_back(void);

/* How many bytes have been fetched since the last model_give() of them? */
u32 model_fetched(u32 off, u32 len);

/* What the guest sees. */
void model_see(u32 off, void *to, u32 len);
u32 model_see_u32(u32 off);

/* Stores may go to these bytes, and nowhere else; @len 0 means nowhere. */
void model_expect_stores(u32 off, u32 len);

/* Code under test may pass this many branches from now on. */
void model_steps(u32 max);

/* The code under test has broken a rule. */
void model_fail(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));

#define MUST(cond) \
	((cond) ? (void)0 : model_fail("%s:%d: %s", __FILE__, __LINE__, #cond))

#endif /* FUZZ_MODEL_H */
