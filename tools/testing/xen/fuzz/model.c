// SPDX-License-Identifier: GPL-2.0-only
/* The shared ring, and the hooks that all code under test runs into. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "model.h"

/* An index gone wrong by any 32-bit number ends in here, not in the heap. */
#define GUARD		(1UL << 39)
#define RESERVED	(2 * GUARD + RING_MAX_PAGES * PAGE_SIZE)

enum byte_state { NOT_GIVEN, GIVEN, FETCHED };

static struct {
	u8 *reserved;
	u8 *mem;		/* RING_MAX_PAGES of it can be accessed */
	u32 size;
	u32 store_off, store_len;
	u32 steps;
	u32 noise;		/* what fetched bytes change by */
	bool rmb_due;		/* between producer index and slots */
	bool wmb_due;		/* between responses and their index */
	bool rsp_mb_due;	/* between that index and rsp_event */
	bool req_mb_due;	/* between req_event and the producer index */
	u8 state[RING_MAX_PAGES * PAGE_SIZE];
} model;

void model_fail(const char *fmt, ...)
{
	va_list args;

	fputs("model: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static void reserve(void)
{
	model.reserved = mmap(NULL, RESERVED, PROT_NONE, MAP_PRIVATE |
			      MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (model.reserved == MAP_FAILED)
		model_fail("no address space");
	model.mem = model.reserved + GUARD;
	if (mprotect(model.mem, RING_MAX_PAGES * PAGE_SIZE,
		     PROT_READ | PROT_WRITE))
		model_fail("no memory");
}

void *model_ring(u32 nr_pages)
{
	if (!model.reserved)
		reserve();
	model.size = nr_pages * PAGE_SIZE;
	model.noise = 1;
	model.rmb_due = false;
	model.wmb_due = false;
	model.rsp_mb_due = false;
	model.req_mb_due = false;
	memset(model.mem, 0xa5, model.size);
	model_take_back();
	model_expect_stores(0, 0);
	return model.mem;
}

void *model_address(void)
{
	return model.mem;
}

void model_give(u32 off, const void *from, u32 len)
{
	memcpy(model.mem + off, from, len);
	memset(model.state + off, GIVEN, len);
}

void model_give_u32(u32 off, u32 val)
{
	model_give(off, &val, sizeof(val));
}

void model_take_back(void)
{
	memset(model.state, NOT_GIVEN, model.size);
}

u32 model_fetched(u32 off, u32 len)
{
	u32 i, nr = 0;

	for (i = 0; i < len; i++)
		nr += model.state[off + i] == FETCHED;
	return nr;
}

void model_see(u32 off, void *to, u32 len)
{
	memcpy(to, model.mem + off, len);
}

u32 model_see_u32(u32 off)
{
	u32 val;

	model_see(off, &val, sizeof(val));
	return val;
}

void model_expect_stores(u32 off, u32 len)
{
	model.store_off = off;
	model.store_len = len;
}

void model_steps(u32 max)
{
	model.steps = max;
}

/* True if the access is one of shared memory, at @off of the ring. */
static bool shared(uintptr_t addr, size_t size, u32 *off)
{
	uintptr_t from = addr - (uintptr_t)model.reserved;

	if (!model.reserved || from >= RESERVED)
		return false;
	if (from < GUARD || from - GUARD + size > model.size)
		model_fail("access outside of the ring: offset %ld, %zu bytes",
			   (long)(from - GUARD), size);
	*off = from - GUARD;
	return true;
}

/* Which barriers have to lie between two accesses, see the ring protocol. */
static void order_fetch(u32 off)
{
	if (off >= RING_SLOTS && model.rmb_due)
		model_fail("slot fetched without a barrier after its index");
	if (off == RING_REQ_PROD && model.req_mb_due)
		model_fail("no barrier between req_event and req_prod");
	if (off == RING_RSP_EVENT && model.rsp_mb_due)
		model_fail("no barrier between rsp_prod and rsp_event");
	if (off == RING_REQ_PROD)
		model.rmb_due = true;
}

static void order_store(u32 off)
{
	if (off >= RING_SLOTS)
		model.wmb_due = true;
	if (off == RING_RSP_PROD && model.wmb_due)
		model_fail("no barrier between responses and their index");
	if (off == RING_RSP_PROD)
		model.rsp_mb_due = true;
	if (off == RING_REQ_EVENT)
		model.req_mb_due = true;
}

void model_barrier(bool loads, bool stores)
{
	if (loads)
		model.rmb_due = false;
	if (stores)
		model.wmb_due = false;
	if (loads && stores) {
		model.rsp_mb_due = false;
		model.req_mb_due = false;
	}
}

/* The value is gone with the fetch: the guest writes another one. */
static void fetch_byte(u32 off)
{
	if (model.state[off] == FETCHED)
		model_fail("double fetch at offset %u", off);
	if (model.state[off] != GIVEN)
		model_fail("fetch at offset %u, which nobody handed over", off);
	model.state[off] = FETCHED;
	model.noise = model.noise * 1103515245 + 12345;
	model.mem[off] ^= 1 + (model.noise >> 16) % 255;
}

void __asan_loadN(uintptr_t addr, size_t size);

u64 model_fetch(const volatile void *from, size_t size)
{
	uintptr_t addr = (uintptr_t)from;
	u32 off, i;
	u64 val = 0;

	if (size > sizeof(val))
		model_fail("fetch of %zu bytes cannot be one access", size);
	__asan_loadN(addr, size);
	if (!shared(addr, size, &off)) {
		memcpy(&val, (const void *)from, size);
		return val;
	}
	if (off % size)
		model_fail("fetch of %zu bytes at offset %u can tear", size,
			   off);
	order_fetch(off);
	memcpy(&val, model.mem + off, size);
	for (i = 0; i < size; i++)
		fetch_byte(off + i);
	return val;
}

static void plain_load(uintptr_t addr, size_t size)
{
	u32 off;

	if (shared(addr, size, &off))
		model_fail("plain load at offset %u, %zu bytes", off, size);
}

static void plain_store(uintptr_t addr, size_t size)
{
	u32 off;

	if (!shared(addr, size, &off))
		return;
	if (off < model.store_off ||
	    off + size > (u64)model.store_off + model.store_len)
		model_fail("store at offset %u, %zu bytes: not expected", off,
			   size);
	order_store(off);
}

/* The compiler calls these for each access; see the Makefile. */
#define HOOKS(size)							\
	void __asan_load##size(uintptr_t addr);				\
	void __asan_store##size(uintptr_t addr);			\
	void __fuzz_load##size(uintptr_t addr);				\
	void __fuzz_store##size(uintptr_t addr);			\
	void __fuzz_load##size(uintptr_t addr)				\
	{								\
		plain_load(addr, size);					\
		__asan_load##size(addr);				\
	}								\
	void __fuzz_store##size(uintptr_t addr)				\
	{								\
		plain_store(addr, size);				\
		__asan_store##size(addr);				\
	}

HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

void __asan_storeN(uintptr_t addr, size_t size);
void __fuzz_loadN(uintptr_t addr, size_t size);
void __fuzz_storeN(uintptr_t addr, size_t size);
void *__fuzz_memcpy(void *to, const void *from, size_t size);
void *__fuzz_memmove(void *to, const void *from, size_t size);
void *__fuzz_memset(void *to, int c, size_t size);
void __wrap___sanitizer_cov_trace_pc(void);

void __fuzz_loadN(uintptr_t addr, size_t size)
{
	plain_load(addr, size);
	__asan_loadN(addr, size);
}

void __fuzz_storeN(uintptr_t addr, size_t size)
{
	plain_store(addr, size);
	__asan_storeN(addr, size);
}

void *__fuzz_memcpy(void *to, const void *from, size_t size)
{
	plain_load((uintptr_t)from, size);
	plain_store((uintptr_t)to, size);
	return memcpy(to, from, size);
}

void *__fuzz_memmove(void *to, const void *from, size_t size)
{
	plain_load((uintptr_t)from, size);
	plain_store((uintptr_t)to, size);
	return memmove(to, from, size);
}

void *__fuzz_memset(void *to, int c, size_t size)
{
	plain_store((uintptr_t)to, size);
	return memset(to, c, size);
}

/* Called at each branch of the code under test. */
void __wrap___sanitizer_cov_trace_pc(void)
{
	if (!model.steps)
		model_fail("more steps than allowed");
	model.steps--;
}
