// SPDX-License-Identifier: GPL-2.0-only
/*
 * The early shadow of KASAN in a PV domain.
 *
 * A PV kernel starts on page tables that Xen has built, and instrumented code
 * runs long before the kernel's own take their place. So the shadow goes into
 * Xen's tables first: one zero page behind every address, by way of the same
 * tables that kasan_early_init() uses, read-only as Xen asks of page tables.
 *
 * Except for the lower half: Xen's list of machine frames lies there until
 * xen_vmalloc_p2m_tree(), so that files that read it are not instrumented.
 *
 * Nothing here may be instrumented, or call what is.
 */
/* cpu_feature_enabled() cannot be used this early */
#define USE_EARLY_PGTABLE_L5

#include <linux/init.h>
#include <linux/kasan.h>
#include <linux/pgtable.h>

#include <asm/setup.h>

#include <xen/interface/xen.h>

#include "xen-ops.h"

/* A PV domain has four levels, whatever the processor can do. */
#define SHADOW_FIRST	((KASAN_SHADOW_START >> P4D_SHIFT) & (PTRS_PER_PGD - 1))
#define SHADOW_ENTRIES	(1UL << (47 - KASAN_SHADOW_SCALE_SHIFT - P4D_SHIFT))
#define TABLE_FLAGS	(_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY)

/* Static calls are not patched yet, and the default is not for PV. */
static __always_inline long early_hypercall(unsigned long nr, unsigned long a1,
					    unsigned long a2, unsigned long a3,
					    unsigned long a4)
{
	register unsigned long r10 asm("r10") = a4;
	long ret = nr;

	asm volatile("call xen_hypercall_pv"
		     : "+a" (ret), "+D" (a1), "+S" (a2), "+d" (a3), "+r" (r10),
		       ASM_CALL_CONSTRAINT
		     : : "memory", "rcx", "r8", "r9", "r11");

	return ret;
}

/* There is no way to go on without a shadow, and nothing to print with. */
static __always_inline void early_check(long err)
{
	if (err)
		asm volatile("ud2");
}

/* phys_base is zero in a PV domain. */
static __always_inline unsigned long early_machine(struct start_info *si,
						   const void *va)
{
	unsigned long pfn = ((unsigned long)va - __START_KERNEL_map) >> PAGE_SHIFT;

	return ((unsigned long *)si->mfn_list)[pfn] << PAGE_SHIFT;
}

static void __init early_fill(struct start_info *si, void *table, void *next)
{
	unsigned long entry = early_machine(si, next) | TABLE_FLAGS;
	unsigned long *slot = table;
	int i;

	for (i = 0; i < PTRS_PER_PTE; i++)
		WRITE_ONCE(slot[i], entry);
}

static void __init early_readonly(struct start_info *si, void *table)
{
	unsigned long entry = early_machine(si, table) |
			      _PAGE_PRESENT | _PAGE_ACCESSED;

	early_check(early_hypercall(__HYPERVISOR_update_va_mapping,
				    (unsigned long)table, entry, UVMF_INVLPG, 0));
}

/**
 * xen_kasan_early_init() - clear BSS and hang the early shadow into Xen's tables
 * @si: where Xen describes the domain
 *
 * The first C code of a PV domain with KASAN. What Xen refuses here is fatal,
 * and Xen prints where.
 *
 * Context: Boot processor, on Xen's page tables.
 */
void __init xen_kasan_early_init(struct start_info *si)
{
	struct mmu_update update;
	int i;

	/* The shadow is part of it. */
	clear_bss();

	early_fill(si, kasan_early_shadow_pte, kasan_early_shadow_page);
	early_fill(si, kasan_early_shadow_pmd, kasan_early_shadow_pte);
	early_fill(si, kasan_early_shadow_pud, kasan_early_shadow_pmd);
	early_readonly(si, kasan_early_shadow_pte);
	early_readonly(si, kasan_early_shadow_pmd);
	early_readonly(si, kasan_early_shadow_pud);

	for (i = 0; i < SHADOW_ENTRIES; i++) {
		update.ptr = early_machine(si, (void *)si->pt_base) +
			     (SHADOW_FIRST + i) * sizeof(pgd_t) +
			     MMU_NORMAL_PT_UPDATE;
		update.val = early_machine(si, kasan_early_shadow_pud) |
			     TABLE_FLAGS;
		early_check(early_hypercall(__HYPERVISOR_mmu_update,
					    (unsigned long)&update, 1, 0,
					    DOMID_SELF));
	}
}
