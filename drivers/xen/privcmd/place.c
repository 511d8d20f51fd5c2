// SPDX-License-Identifier: GPL-2.0-only
/*
 * Places in our physical address space that hold foreign frames. Only for
 * auto-translated domains.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <asm/xen/hypercall.h>

#include <xen/interface/memory.h>
#include <xen/page.h>

#include "privcmd.h"

/* Removals in one hypercall; the hypervisor flushes for each of them anyway. */
#define PC_REMOVE_BATCH	128

struct pc_remove {
	unsigned int nr;
	struct multicall_entry calls[PC_REMOVE_BATCH];
	struct xen_remove_from_physmap args[PC_REMOVE_BATCH];
	unsigned long places[PC_REMOVE_BATCH];
};

/**
 * pc_places_alloc() - give an area its places
 * @area: area without places
 *
 * Context: Process context, pc_area::lock held, mmap lock not held.
 * Return: 0 or -ENOMEM.
 */
int pc_places_alloc(struct pc_area *area)
{
	struct page **pages;
	unsigned long *map;
	int ret = -ENOMEM;

	lockdep_assert_held(&area->lock);

	pages = kvcalloc(area->nr, sizeof(*pages), GFP_KERNEL_ACCOUNT);
	map = kvcalloc(BITS_TO_LONGS(area->nr), sizeof(*map),
		       GFP_KERNEL_ACCOUNT);
	if (pages && map)
		ret = xen_alloc_unpopulated_pages(area->nr, pages);
	if (ret) {
		kvfree(map);
		kvfree(pages);
		return ret;
	}
	area->pages = pages;
	area->occupied = map;

	return 0;
}

/* An empty place is as good: the bitmap also names places in doubt. */
static void pc_place_removed(struct pc_area *area, unsigned long place, long ret)
{
	if (!ret || ret == -ENOENT)
		__clear_bit(place, area->occupied);
}

static void pc_remove_flush(struct pc_area *area, struct pc_remove *rm)
{
	unsigned int i;
	int ret;

	if (!rm->nr)
		return;
	ret = HYPERVISOR_multicall(rm->calls, rm->nr);
	for (i = 0; !ret && i < rm->nr; i++)
		pc_place_removed(area, rm->places[i], rm->calls[i].result);
	rm->nr = 0;
	cond_resched();
}

static void pc_remove_batched(struct pc_area *area, struct pc_remove *rm)
{
	unsigned long place;

	rm->nr = 0;
	for_each_set_bit(place, area->occupied, area->nr) {
		struct xen_remove_from_physmap *arg = &rm->args[rm->nr];

		arg->domid = DOMID_SELF;
		arg->gpfn = page_to_xen_pfn(area->pages[place]);
		rm->calls[rm->nr] = (struct multicall_entry) {
			.op = __HYPERVISOR_memory_op,
			.result = -EIO,
			.args = { XENMEM_remove_from_physmap,
				  (unsigned long)arg },
		};
		rm->places[rm->nr] = place;
		if (++rm->nr == PC_REMOVE_BATCH)
			pc_remove_flush(area, rm);
	}
	pc_remove_flush(area, rm);
}

static void pc_remove_singly(struct pc_area *area)
{
	unsigned long place;

	for_each_set_bit(place, area->occupied, area->nr) {
		struct xen_remove_from_physmap arg = {
			.domid = DOMID_SELF,
			.gpfn = page_to_xen_pfn(area->pages[place]),
		};

		pc_place_removed(area, place,
				 HYPERVISOR_memory_op(XENMEM_remove_from_physmap,
						      &arg));
		cond_resched();
	}
}

static void pc_places_remove(struct pc_area *area)
{
	struct pc_remove *rm;

	rm = kmalloc_obj(*rm, GFP_KERNEL | __GFP_NOWARN);
	if (rm)
		pc_remove_batched(area, rm);
	else
		pc_remove_singly(area);
	kfree(rm);
}

/**
 * pc_places_free() - remove the foreign frames of an area and free its places
 * @area: area that nobody else refers to any more
 *
 * Context: Process context; the mmap lock may be held.
 */
void pc_places_free(struct pc_area *area)
{
	unsigned long place, kept = 0;

	if (!area->pages)
		return;

	pc_places_remove(area);
	for (place = 0; place < area->nr; place++)
		if (!test_bit(place, area->occupied))
			area->pages[kept++] = area->pages[place];
	if (kept)
		xen_free_unpopulated_pages(kept, area->pages);
	if (kept < area->nr)
		pr_warn_ratelimited("leaking %lu pages: foreign frames not released\n",
				    area->nr - kept);
	kvfree(area->occupied);
	kvfree(area->pages);
}
