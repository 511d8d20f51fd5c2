// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file system "xenfs", to be mounted on /proc/xen.
 *
 * A fixed set of files in one directory. Nothing is created when it is mounted:
 * inodes come from lookup and go when nobody uses them.
 */

#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/string.h>

#include <xen/page.h>
#include <xen/xenbus.h>

#include "privcmd.h"

#define PC_XENFS_ROOT_INO	1

static ssize_t pc_capabilities_read(struct file *file, char __user *buf,
				    size_t size, loff_t *pos)
{
	static const char dom0[] = "control_d\n";
	size_t len = xen_initial_domain() ? sizeof(dom0) - 1 : 0;

	return simple_read_from_buffer(buf, size, pos, dom0, len);
}

static const struct file_operations pc_capabilities_ops = {
	.owner = THIS_MODULE,
	.read = pc_capabilities_read,
	.llseek = default_llseek,
};

/* The event channel on which the kernel waits for xenstored. */
static ssize_t pc_xsd_port_read(struct file *file, char __user *buf,
				size_t size, loff_t *pos)
{
	char str[16];
	int len = scnprintf(str, sizeof(str), "%d", xen_store_evtchn);

	return simple_read_from_buffer(buf, size, pos, str, len);
}

static const struct file_operations pc_xsd_port_ops = {
	.owner = THIS_MODULE,
	.read = pc_xsd_port_read,
	.llseek = default_llseek,
};

/* The page through which kernel and xenstored talk: its address, and itself. */
static ssize_t pc_xsd_kva_read(struct file *file, char __user *buf,
			       size_t size, loff_t *pos)
{
	char str[32];
	int len = scnprintf(str, sizeof(str), "0x%p", xen_store_interface);

	return simple_read_from_buffer(buf, size, pos, str, len);
}

static int pc_xsd_kva_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!xen_store_interface)
		return -ENODEV;
	if (vma_pages(vma) != 1 || vma->vm_pgoff ||
	    !(vma->vm_flags & VM_SHARED))
		return -EINVAL;

	return remap_pfn_range(vma, vma->vm_start,
			       virt_to_pfn(xen_store_interface), PAGE_SIZE,
			       vma->vm_page_prot);
}

static const struct file_operations pc_xsd_kva_ops = {
	.owner = THIS_MODULE,
	.read = pc_xsd_kva_read,
	.mmap = pc_xsd_kva_mmap,
	.llseek = default_llseek,
};

struct pc_xenfs_file {
	const char *name;
	const struct file_operations *ops;
	umode_t mode;
	bool initial_domain_only;
};

static const struct pc_xenfs_file pc_xenfs_files[] = {
	{ "xenbus", &xen_xenbus_fops, 0600 },
	{ "capabilities", &pc_capabilities_ops, 0444 },
	{ "privcmd", &pc_file_ops, 0600 },
	{ "xsd_kva", &pc_xsd_kva_ops, 0600, true },
	{ "xsd_port", &pc_xsd_port_ops, 0600, true },
};

static bool pc_xenfs_visible(const struct pc_xenfs_file *f)
{
	return !f->initial_domain_only || xen_initial_domain();
}

static unsigned long pc_xenfs_ino(unsigned int i)
{
	return PC_XENFS_ROOT_INO + 1 + i;
}

static struct inode *pc_xenfs_inode(struct super_block *sb, unsigned long ino,
				    umode_t mode)
{
	struct inode *inode = new_inode(sb);

	if (!inode)
		return NULL;
	inode->i_ino = ino;
	inode->i_mode = mode;
	simple_inode_init_ts(inode);

	return inode;
}

static struct dentry *pc_xenfs_lookup(struct inode *dir, struct dentry *dentry,
				      unsigned int flags)
{
	const struct pc_xenfs_file *f;
	struct inode *inode = NULL;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pc_xenfs_files); i++) {
		f = &pc_xenfs_files[i];
		if (strcmp(dentry->d_name.name, f->name) ||
		    !pc_xenfs_visible(f))
			continue;
		inode = pc_xenfs_inode(dir->i_sb, pc_xenfs_ino(i),
				       S_IFREG | f->mode);
		if (!inode)
			return ERR_PTR(-ENOMEM);
		inode->i_fop = f->ops;
		break;
	}

	return d_splice_alias(inode, dentry);
}

static const struct inode_operations pc_xenfs_dir_iops = {
	.lookup = pc_xenfs_lookup,
};

static int pc_xenfs_readdir(struct file *file, struct dir_context *ctx)
{
	const struct pc_xenfs_file *f;

	if (!dir_emit_dots(file, ctx))
		return 0;
	for (; ctx->pos - 2 < ARRAY_SIZE(pc_xenfs_files); ctx->pos++) {
		f = &pc_xenfs_files[ctx->pos - 2];
		if (pc_xenfs_visible(f) &&
		    !dir_emit(ctx, f->name, strlen(f->name),
			      pc_xenfs_ino(ctx->pos - 2), DT_REG))
			return 0;
	}

	return 0;
}

static const struct file_operations pc_xenfs_dir_ops = {
	.owner = THIS_MODULE,
	.read = generic_read_dir,
	.iterate_shared = pc_xenfs_readdir,
	.llseek = generic_file_llseek,
};

static const struct super_operations pc_xenfs_sops = {
	.statfs = simple_statfs,
};

static int pc_xenfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct inode *root;

	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_magic = XENFS_SUPER_MAGIC;
	sb->s_op = &pc_xenfs_sops;
	sb->s_time_gran = 1;

	root = pc_xenfs_inode(sb, PC_XENFS_ROOT_INO, S_IFDIR | 0755);
	if (!root)
		return -ENOMEM;
	root->i_op = &pc_xenfs_dir_iops;
	root->i_fop = &pc_xenfs_dir_ops;
	set_nlink(root, 2);
	sb->s_root = d_make_root(root);

	return sb->s_root ? 0 : -ENOMEM;
}

static int pc_xenfs_get_tree(struct fs_context *fc)
{
	return get_tree_single(fc, pc_xenfs_fill_super);
}

static const struct fs_context_operations pc_xenfs_context_ops = {
	.get_tree = pc_xenfs_get_tree,
};

static int pc_xenfs_init_context(struct fs_context *fc)
{
	fc->ops = &pc_xenfs_context_ops;

	return 0;
}

static struct file_system_type pc_xenfs_type = {
	.owner = THIS_MODULE,
	.name = "xenfs",
	.init_fs_context = pc_xenfs_init_context,
	.kill_sb = kill_anon_super,
};
MODULE_ALIAS_FS("xenfs");
MODULE_ALIAS("xenfs");

/**
 * pc_xenfs_init() - register the file system and make its mount point
 *
 * Context: Process context, module initialisation.
 * Return: 0 or a negative errno.
 */
int pc_xenfs_init(void)
{
	int ret;

	ret = register_filesystem(&pc_xenfs_type);
	if (ret)
		return ret;
	/* Users can mount it elsewhere, so the lack of /proc/xen is no error. */
	proc_create_mount_point("xen");

	return 0;
}

/**
 * pc_xenfs_exit() - undo pc_xenfs_init()
 *
 * The module cannot go while the file system is mounted.
 */
void pc_xenfs_exit(void)
{
	remove_proc_entry("xen", NULL);
	unregister_filesystem(&pc_xenfs_type);
}
