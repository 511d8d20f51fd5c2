// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/hypercall: memory for the arguments of hypercalls.
 *
 * The hypervisor reads and writes arguments at their user addresses and cannot
 * take page faults. Pages from here are present as long as they are mapped:
 * the kernel neither swaps, moves, merges nor copies them on write.
 *
 * The mapping holds the only reference to each page, so the pages go when the
 * PTEs go, and there is nothing to keep in step.
 */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>

#include "privcmd.h"

static int pc_buffer_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long addr;
	struct page *page;
	int ret;

	/* A private mapping would be copied on write. */
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	/* A child has to get buffers of its own, as the library documents. */
	vm_flags_set(vma, VM_IO | VM_MIXEDMAP | VM_DONTCOPY | VM_DONTEXPAND |
			  VM_DONTDUMP);

	for (addr = vma->vm_start; addr < vma->vm_end; addr += PAGE_SIZE) {
		if (fatal_signal_pending(current))
			return -EINTR;
		page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!page)
			return -ENOMEM;
		ret = vm_insert_page(vma, addr, page);
		put_page(page);
		if (ret)
			return ret;
		cond_resched();
	}

	return 0;
}

static const struct file_operations pc_buffer_ops = {
	.owner = THIS_MODULE,
	.mmap = pc_buffer_mmap,
};

struct miscdevice pc_buffer_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "xen/hypercall",
	.fops = &pc_buffer_ops,
};
