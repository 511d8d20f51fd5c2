// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel of a hostile guest can do and its user space can not: send
 * events as fast as Xen takes them, and change a grant under who uses it.
 */
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <asm/xen/hypercall.h>
#include <xen/grant_table.h>
#include <xen/interface/event_channel.h>
#include <xen/page.h>
#include <xen/xen.h>

#include "xen-hostile.h"

#define DOM0 0
#define NOBODY 0x7fef	/* no domain has this number */

/* So many hypercalls cost one entry into Xen. */
#define BATCH 32

struct batch {
	struct multicall_entry call[BATCH];
	struct evtchn_send send[HOSTILE_PORTS];
};

/* A grant that changes; one for each open file. */
struct flap {
	struct mutex lock;	/* for who starts the thread */
	struct task_struct *thread;
	struct page *page;
	grant_ref_t ref;
};

/* Sends to the ports by turns; Xen may have written over the calls. */
static long send_batch(struct batch *batch, unsigned int ports)
{
	unsigned int i;
	long err;

	for (i = 0; i < BATCH; i++) {
		batch->call[i].op = __HYPERVISOR_event_channel_op;
		batch->call[i].args[0] = EVTCHNOP_send;
		batch->call[i].args[1] = (unsigned long)&batch->send[i % ports];
	}
	err = HYPERVISOR_multicall(batch->call, BATCH);
	for (i = 0; !err && i < BATCH; i++)
		err = (long)batch->call[i].result;
	return err;
}

static long send_events(const void __user *arg)
{
	struct hostile_events events;
	struct batch *batch;
	u64 left;
	long err = 0;
	int i;

	if (copy_from_user(&events, arg, sizeof(events)))
		return -EFAULT;
	if (!events.ports || events.ports > HOSTILE_PORTS)
		return -EINVAL;
	batch = kzalloc(sizeof(*batch), GFP_KERNEL);
	if (!batch)
		return -ENOMEM;
	for (i = 0; i < HOSTILE_PORTS; i++)
		batch->send[i].port = events.port[i];

	left = DIV_ROUND_UP_ULL((u64)events.count * events.ports, BATCH);
	for (; !err && left; left--) {
		err = send_batch(batch, events.ports);
		if (signal_pending(current))
			err = -EINTR;
		cond_resched();
	}
	kfree(batch);
	return err;
}

/* Ends the grant, unless whoever has it keeps it until we shall stop. */
static bool end_grant(struct flap *flap)
{
	while (!gnttab_end_foreign_access_ref(flap->ref)) {
		if (kthread_should_stop())
			return false;
		cond_resched();
	}
	return true;
}

/* Writable, read-only, somebody else's, and between them none at all. */
static int change_grant(void *data)
{
	struct flap *flap = data;
	unsigned long gfn = xen_page_to_gfn(flap->page);
	unsigned int turn;
	bool ended = true;

	for (turn = 0; !kthread_should_stop(); turn++) {
		gnttab_grant_foreign_access_ref(flap->ref, turn % 4 < 3 ?
						DOM0 : NOBODY, gfn,
						turn % 4 == 2);
		cond_resched();
		ended = end_grant(flap);
		cond_resched();
	}
	return ended ? 0 : -EBUSY;
}

static int start_flap(struct flap *flap)
{
	struct task_struct *thread;
	grant_ref_t head;
	int err;

	if (flap->thread)
		return 0;
	flap->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!flap->page)
		return -ENOMEM;
	err = gnttab_alloc_grant_references(1, &head);
	if (err)
		goto free_page;
	flap->ref = gnttab_claim_grant_reference(&head);
	thread = kthread_run(change_grant, flap, "xen-hostile");
	if (IS_ERR(thread)) {
		err = PTR_ERR(thread);
		goto free_ref;
	}
	flap->thread = thread;
	return 0;

free_ref:
	gnttab_free_grant_reference(flap->ref);
free_page:
	__free_page(flap->page);
	return err;
}

static long hostile_ioctl(struct file *file, unsigned int what,
			  unsigned long arg)
{
	struct flap *flap = file->private_data;
	long err;

	switch (what) {
	case HOSTILE_EVENTS:
		return send_events((void __user *)arg);
	case HOSTILE_FLAP:
		mutex_lock(&flap->lock);
		err = start_flap(flap);
		mutex_unlock(&flap->lock);
		return err ?: put_user(flap->ref, (u32 __user *)arg);
	default:
		return -ENOTTY;
	}
}

static int hostile_open(struct inode *inode, struct file *file)
{
	struct flap *flap = kzalloc(sizeof(*flap), GFP_KERNEL);

	if (!flap)
		return -ENOMEM;
	mutex_init(&flap->lock);
	file->private_data = flap;
	return 0;
}

/* What is still in use stays: to free it would be the guest's own end. */
static int hostile_release(struct inode *inode, struct file *file)
{
	struct flap *flap = file->private_data;

	if (flap->thread && !kthread_stop(flap->thread)) {
		gnttab_free_grant_reference(flap->ref);
		__free_page(flap->page);
	}
	kfree(flap);
	return 0;
}

static const struct file_operations hostile_fops = {
	.owner = THIS_MODULE,
	.open = hostile_open,
	.release = hostile_release,
	.unlocked_ioctl = hostile_ioctl,
};

static struct miscdevice hostile = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "xen-hostile",
	.fops = &hostile_fops,
};
module_misc_device(hostile);

MODULE_DESCRIPTION("Event storms and unsteady grants of a hostile Xen guest");
MODULE_LICENSE("GPL");
