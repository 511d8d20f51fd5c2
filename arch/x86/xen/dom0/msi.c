// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message signalled interrupts of a PV Dom0
 *
 * Xen writes the MSI and MSI-X registers itself: they hold vectors of
 * physical CPUs. Dom0 names a device and an entry with PHYSDEVOP_map_pirq
 * and gets a pirq back, which the event channel core turns into an irq.
 * Message and mask bits of the device are never touched from here.
 *
 * The irq numbers come from the event channel core, which is why the domain
 * replaces allocation as a whole instead of being a parent of a hierarchy.
 *
 * The segment aware map types are required; every Xen since 4.2 has them.
 *
 * ABI: include/xen/interface/physdev.h
 */

#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/limits.h>
#include <linux/msi.h>
#include <linux/pci.h>

#include <asm/x86_init.h>
#include <asm/xen/hypervisor.h>

#include <xen/dom0.h>
#include <xen/events.h>
#include <xen/interface/physdev.h>
#include <xen/pci.h>
#include <xen/xen.h>

#include "dom0.h"

/* Xen names a segment in 16 bits. */
static bool msi_device_known(struct pci_dev *pdev)
{
	return pci_domain_nr(pdev->bus) <= U16_MAX;
}

/* Where the MSI-X table of @pdev lies; Xen checks it against the BARs. */
static int msix_table_base(struct pci_dev *pdev, u64 *base)
{
	u32 table;
	u8 bir;

	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table);
	bir = table & PCI_MSIX_TABLE_BIR;
	if (bir >= PCI_STD_NUM_BARS || !pci_resource_len(pdev, bir) ||
	    (pci_resource_flags(pdev, bir) & IORESOURCE_UNSET))
		return -EINVAL;

	*base = pci_resource_start(pdev, bir);

	return 0;
}

/*
 * Ask for the pirq of one descriptor. A device that pciback has assigned gets
 * its interrupts delivered to the domain that owns it.
 */
static int msi_map(struct pci_dev *pdev, struct msi_desc *desc,
		   struct physdev_map_pirq *map)
{
	int owner = xen_find_device_domain_owner(pdev);

	if (!msi_device_known(pdev))
		return -ENODEV;

	*map = (struct physdev_map_pirq) {
		.domid	= owner < 0 ? DOMID_SELF : owner,
		.type	= MAP_PIRQ_TYPE_MSI_SEG,
		.index	= -1,
		.pirq	= -1,
		.bus	= pci_domain_nr(pdev->bus) << 16 | pdev->bus->number,
		.devfn	= pdev->devfn,
	};

	if (desc->pci.msi_attrib.is_msix) {
		int ret = msix_table_base(pdev, &map->table_base);

		if (ret)
			return ret;
		map->entry_nr = desc->msi_index;
	}

	return xen_physdev_op(PHYSDEVOP_map_pirq, map);
}

static int msi_alloc_one(struct pci_dev *pdev, struct msi_desc *desc)
{
	bool msix = desc->pci.msi_attrib.is_msix;
	struct physdev_map_pirq map;
	int irq, ret;

	ret = msi_map(pdev, desc, &map);
	if (ret) {
		pci_warn(pdev, "Xen: no pirq for %s entry %u: %d\n",
			 msix ? "MSI-X" : "MSI", desc->msi_index, ret);
		return ret;
	}

	irq = xen_bind_pirq_msi_to_irq(pdev, desc, map.pirq, 1,
				       msix ? "msi-x" : "msi", map.domid);

	if (irq < 0) {
		struct physdev_unmap_pirq unmap = {
			.domid	= map.domid,
			.pirq	= map.pirq,
		};

		xen_physdev_op(PHYSDEVOP_unmap_pirq, &unmap);
		return irq;
	}

	return 0;
}

/*
 * The MSI core frees what was associated before an error itself, by calling
 * the domain's free function.
 */
static int msi_alloc(struct irq_domain *domain, struct device *dev, int nvec)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct msi_desc *desc;
	int ret;

	msi_for_each_desc(desc, dev, MSI_DESC_NOTASSOCIATED) {
		ret = msi_alloc_one(pdev, desc);
		if (ret)
			return ret;
	}

	return msi_device_populate_sysfs(dev);
}

static void msi_free(struct irq_domain *domain, struct device *dev)
{
	struct msi_desc *desc;

	msi_for_each_desc(desc, dev, MSI_DESC_ASSOCIATED) {
		/* An irq that Xen does not give back outlives its descriptor. */
		if (xen_destroy_irq(desc->irq))
			irq_set_msi_desc(desc->irq, NULL);
		desc->irq = 0;
	}

	msi_device_destroy_sysfs(dev);
}

static struct msi_domain_ops msi_ops = {
	.domain_alloc_irqs	= msi_alloc,
	.domain_free_irqs	= msi_free,
};

/* NO_MASK: the mask bits are Xen's. A device gets one MSI, or MSI-X. */
static struct msi_domain_info msi_info = {
	.flags	= MSI_FLAG_PCI_MSIX | MSI_FLAG_NO_MASK |
		  MSI_FLAG_FREE_MSI_DESCS | MSI_FLAG_DEV_SYSFS,
	.ops	= &msi_ops,
};

/* NULL makes the PCI core fall back to lines: slower, but it boots. */
static struct irq_domain *__init msi_create_domain(void)
{
	struct fwnode_handle *fwnode;
	struct irq_domain *domain;

	fwnode = irq_domain_alloc_named_fwnode("XEN-DOM0-MSI");
	if (!fwnode)
		return NULL;

	domain = msi_create_irq_domain(fwnode, &msi_info, NULL);
	if (!domain)
		irq_domain_free_fwnode(fwnode);

	return domain;
}

/* Make the PCI core use Xen instead of the local APIC's vectors. */
void __init xen_dom0_msi_init(void)
{
	x86_init.irqs.create_pci_msi_domain = msi_create_domain;
}

/**
 * xen_initdom_restore_msi - Have Xen write a device's MSI state again
 * @pdev: device whose state was lost, by suspend or by a reset
 *
 * Context: Process context. May sleep.
 * Return: true if the caller has to write the registers itself (this is not a
 *	   PV Dom0, or Xen does not know the device), false if Xen did or if it
 *	   is Xen alone that may.
 */
bool xen_initdom_restore_msi(struct pci_dev *pdev)
{
	struct physdev_pci_device restore = {
		.seg	= pci_domain_nr(pdev->bus),
		.bus	= pdev->bus->number,
		.devfn	= pdev->devfn,
	};
	int ret;

	/* In PVH mode vPCI traps the registers, so they have to be written. */
	if (!xen_pv_domain() || !xen_initial_domain())
		return true;
	/* Xen does not know this device, so its message is Linux' own. */
	if (!msi_device_known(pdev))
		return true;

	ret = xen_physdev_op(PHYSDEVOP_restore_msi_ext, &restore);
	if (ret)
		pci_warn(pdev, "Xen: MSI state not restored: %d\n", ret);

	return false;
}
