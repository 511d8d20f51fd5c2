// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/privcmd: hypercalls and foreign mappings for the toolstack.
 *
 * This file opens the device and dispatches its ioctls. The restriction of a
 * file to one domain is enforced here, from the table, for every ioctl.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "privcmd.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

union pc_arg {
	struct privcmd_hypercall hypercall;
	struct privcmd_mmap mmap;
	struct privcmd_mmapbatch mmapbatch;
	struct privcmd_mmapbatch_v2 mmapbatch_v2;
	struct privcmd_dm_op dm_op;
	struct privcmd_mmap_resource resource;
	domid_t domid;
};

static long pc_ioctl_restrict(struct pc_file *pf, void *data,
			      void __user *udata)
{
	domid_t domid = *(domid_t *)data;

	return pc_file_restrict(pf, domid);
}

/*
 * What a restricted file may do. An ioctl that names its domain is allowed for
 * the right domain; one that can reach any domain is refused.
 */
enum pc_scope {
	PC_SCOPE_ALL = 0,
	PC_SCOPE_DOMAIN,
	PC_SCOPE_SELF,		/* changes the file only */
};

struct pc_ioctl {
	unsigned int cmd;
	unsigned int size;
	enum pc_scope scope;
	unsigned int dom_offset;
	long (*fn)(struct pc_file *pf, void *data, void __user *udata);
};

#define PC_IOCTL(_cmd, _type, _scope, _offset, _fn)			\
	{								\
		.cmd = (_cmd),						\
		.size = sizeof(_type),					\
		.scope = (_scope),					\
		.dom_offset = (_offset),				\
		.fn = (_fn),						\
	}

#define PC_IOCTL_DOM(_cmd, _type, _fn)					\
	PC_IOCTL(_cmd, _type, PC_SCOPE_DOMAIN, offsetof(_type, dom), _fn)

static const struct pc_ioctl pc_ioctls[] = {
	PC_IOCTL(IOCTL_PRIVCMD_HYPERCALL, struct privcmd_hypercall,
		 PC_SCOPE_ALL, 0, pc_ioctl_hypercall),
	PC_IOCTL_DOM(IOCTL_PRIVCMD_MMAP, struct privcmd_mmap, pc_ioctl_mmap),
	PC_IOCTL_DOM(IOCTL_PRIVCMD_MMAPBATCH, struct privcmd_mmapbatch,
		     pc_ioctl_mmapbatch),
	PC_IOCTL_DOM(IOCTL_PRIVCMD_MMAPBATCH_V2, struct privcmd_mmapbatch_v2,
		     pc_ioctl_mmapbatch_v2),
	PC_IOCTL_DOM(IOCTL_PRIVCMD_DM_OP, struct privcmd_dm_op, pc_ioctl_dm_op),
	PC_IOCTL(IOCTL_PRIVCMD_RESTRICT, domid_t,
		 PC_SCOPE_SELF, 0, pc_ioctl_restrict),
	PC_IOCTL_DOM(IOCTL_PRIVCMD_MMAP_RESOURCE, struct privcmd_mmap_resource,
		     pc_ioctl_mmap_resource),
};

static const struct pc_ioctl *pc_ioctl_find(unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pc_ioctls); i++)
		if (pc_ioctls[i].cmd == cmd)
			return &pc_ioctls[i];

	return NULL;
}

static bool pc_ioctl_allowed(const struct pc_file *pf,
			     const struct pc_ioctl *op, const void *data)
{
	switch (op->scope) {
	case PC_SCOPE_SELF:
		return true;
	case PC_SCOPE_DOMAIN:
		return pc_file_may_access(pf, *(const domid_t *)
						      (data + op->dom_offset));
	case PC_SCOPE_ALL:
		break;
	}

	return !pc_file_restricted(pf);
}

static long pc_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *udata = (void __user *)arg;
	struct pc_file *pf = file->private_data;
	const struct pc_ioctl *op = pc_ioctl_find(cmd);
	union pc_arg data;
	long ret;

	if (!op)
		return -ENOTTY;

	if (copy_from_user(&data, udata, op->size))
		return -EFAULT;

	if (pc_ioctl_allowed(pf, op, &data))
		ret = op->fn(pf, &data, udata);
	else
		ret = -EPERM;
	trace_xen_privcmd_ioctl(_IOC_NR(cmd), ret);

	return ret;
}

static int pc_open(struct inode *inode, struct file *file)
{
	struct pc_file *pf;
	int ret;

	ret = pc_restrict_wait(file->f_flags & O_NONBLOCK);
	if (ret)
		return ret;

	pf = kzalloc_obj(*pf, GFP_KERNEL_ACCOUNT);
	if (!pf)
		return -ENOMEM;
	pf->map_file = pc_area_file();
	if (IS_ERR(pf->map_file)) {
		ret = PTR_ERR(pf->map_file);
		kfree(pf);
		return ret;
	}
	pf->domid = pc_restrict_default();
	file->private_data = pf;

	return 0;
}

static int pc_release(struct inode *inode, struct file *file)
{
	struct pc_file *pf = file->private_data;

	fput(pf->map_file);
	kfree(pf);

	return 0;
}

const struct file_operations pc_file_ops = {
	.owner = THIS_MODULE,
	.open = pc_open,
	.release = pc_release,
	.unlocked_ioctl = pc_ioctl,
	.mmap = pc_area_mmap,
};

static struct miscdevice pc_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "xen/privcmd",
	.fops = &pc_file_ops,
};

static int __init pc_init(void)
{
	int ret;

	if (!xen_domain())
		return -ENODEV;

	ret = pc_restrict_init();
	if (ret)
		return ret;
	ret = misc_register(&pc_dev);
	if (ret)
		goto err_restrict;
	ret = misc_register(&pc_buffer_dev);
	if (ret)
		goto err_dev;
	ret = pc_xenfs_init();
	if (ret)
		goto err_buffer;

	return 0;

err_buffer:
	misc_deregister(&pc_buffer_dev);
err_dev:
	misc_deregister(&pc_dev);
err_restrict:
	pc_restrict_exit();
	return ret;
}
module_init(pc_init);

static void __exit pc_exit(void)
{
	pc_xenfs_exit();
	misc_deregister(&pc_buffer_dev);
	misc_deregister(&pc_dev);
	pc_restrict_exit();
}
module_exit(pc_exit);

/* What start scripts load to get these devices. */
MODULE_ALIAS("xen-privcmd");
MODULE_DESCRIPTION("Xen privileged command devices");
MODULE_LICENSE("GPL");
