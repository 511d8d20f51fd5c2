// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which domains an open file may act on.
 *
 * In the initial domain a file may do everything until it is restricted. In any
 * other domain, root could use hypercalls to subvert a locked-down kernel, so
 * a file starts out restricted to the domain that the toolstack wrote to the
 * "target" node in xenstore (which it does for stub domains), and to no domain
 * at all if there is no such node.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/security.h>
#include <linux/wait.h>

#include <xen/xenbus.h>

#include "privcmd.h"

static bool unrestricted;
module_param(unrestricted, bool, 0);
MODULE_PARM_DESC(unrestricted,
		 "In a domU, do not restrict hypercalls to the target domain");

/* No domain ever has this number. */
#define PC_NOBODY	DOMID_IDLE

static domid_t pc_default = DOMID_INVALID;
static bool pc_default_known = true;
static DECLARE_WAIT_QUEUE_HEAD(pc_default_wq);

static int pc_xenstore_up(struct notifier_block *nb, unsigned long event,
			  void *data)
{
	unsigned int target;

	if (READ_ONCE(pc_default_known))
		return NOTIFY_DONE;

	if (xenbus_scanf(XBT_NIL, "target", "", "%u", &target) == 1 &&
	    target < DOMID_FIRST_RESERVED)
		pc_default = target;
	else
		pr_notice("no target domain, hypercalls are blocked\n");

	/* Pairs with the acquire in pc_restrict_default(). */
	smp_store_release(&pc_default_known, true);
	wake_up_all(&pc_default_wq);

	return NOTIFY_DONE;
}

static struct notifier_block pc_xenstore_nb = {
	.notifier_call = pc_xenstore_up,
};

static bool pc_restrict_needed(void)
{
	if (xen_initial_domain())
		return false;
	if (!unrestricted)
		return true;
	if (!security_locked_down(LOCKDOWN_XEN_USER_ACTIONS))
		return false;
	pr_warn("kernel is locked down, parameter \"unrestricted\" ignored\n");

	return true;
}

/**
 * pc_restrict_init() - find out how files are restricted from the start
 *
 * Context: Process context, module initialisation.
 * Return: 0 or a negative errno.
 */
int pc_restrict_init(void)
{
	if (!pc_restrict_needed())
		return 0;

	pc_default = PC_NOBODY;
	pc_default_known = false;
	register_xenstore_notifier(&pc_xenstore_nb);

	return 0;
}

/**
 * pc_restrict_exit() - undo pc_restrict_init()
 */
void pc_restrict_exit(void)
{
	if (pc_default != DOMID_INVALID)
		unregister_xenstore_notifier(&pc_xenstore_nb);
}

/**
 * pc_restrict_wait() - wait until the restriction of new files is known
 * @nonblock: fail rather than wait
 *
 * That takes until xenstore answers, in other than the initial domain.
 *
 * Context: Process context.
 * Return: 0, -EAGAIN or -ERESTARTSYS.
 */
int pc_restrict_wait(bool nonblock)
{
	if (nonblock && !READ_ONCE(pc_default_known))
		return -EAGAIN;

	return wait_event_interruptible(pc_default_wq,
					READ_ONCE(pc_default_known));
}

/**
 * pc_restrict_default() - the restriction of a new file
 *
 * Context: Any, after pc_restrict_wait().
 * Return: A domain, or DOMID_INVALID for no restriction.
 */
domid_t pc_restrict_default(void)
{
	/* Pairs with the release in pc_xenstore_up(). */
	if (!smp_load_acquire(&pc_default_known))
		return PC_NOBODY;

	return pc_default;
}

/**
 * pc_file_restricted() - is a file restricted to one domain?
 * @pf: open file
 *
 * Return: true if it is.
 */
bool pc_file_restricted(const struct pc_file *pf)
{
	return READ_ONCE(pf->domid) != DOMID_INVALID;
}

/**
 * pc_file_may_access() - may a file act on a domain?
 * @pf: open file
 * @domid: the domain
 *
 * Return: true if it may.
 */
bool pc_file_may_access(const struct pc_file *pf, domid_t domid)
{
	u32 only = READ_ONCE(pf->domid);

	return only == DOMID_INVALID || only == domid;
}

/**
 * pc_file_restrict() - restrict a file to one domain, for ever
 * @pf: open file
 * @domid: the domain
 *
 * Return: 0, also if @domid is what the file is restricted to already; -EINVAL
 *	   if that is another domain or if @domid is not an ordinary domain.
 */
int pc_file_restrict(struct pc_file *pf, domid_t domid)
{
	u32 old;

	if (domid >= DOMID_FIRST_RESERVED)
		return -EINVAL;
	old = cmpxchg(&pf->domid, DOMID_INVALID, domid);

	return old == DOMID_INVALID || old == domid ? 0 : -EINVAL;
}
