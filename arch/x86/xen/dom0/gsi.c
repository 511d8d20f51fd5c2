// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt lines of a PV Dom0
 *
 * Xen owns the IO-APICs. Dom0 parses the ACPI tables, so only Dom0 knows the
 * trigger mode and the polarity of a line (GSI). It tells Xen these with
 * PHYSDEVOP_setup_gsi, asks for a pirq with PHYSDEVOP_map_pirq and receives
 * the interrupt as an event. The pirq has the number of its GSI, so that
 * lines that are named without a mapping (legacy devices, pciback) match.
 *
 * A PVH Dom0 has virtual IO-APICs and does not come here.
 *
 * ABI: include/xen/interface/physdev.h
 */

#define pr_fmt(fmt) "xen: gsi: " fmt

#include <linux/acpi.h>
#include <linux/init.h>
#include <linux/irq.h>

#include <asm/io_apic.h>
#include <asm/irq_vectors.h>
#include <asm/xen/pci.h>

#include <xen/dom0.h>
#include <xen/events.h>
#include <xen/interface/physdev.h>
#include <xen/xen.h>

#include "dom0.h"

/* Program the IO-APIC entry; a line that Xen has set up already is fine. */
static int gsi_setup(u32 gsi, int trigger, int polarity)
{
	struct physdev_setup_gsi setup = {
		.gsi		= gsi,
		.triggering	= trigger == ACPI_LEVEL_SENSITIVE,
		.polarity	= polarity == ACPI_ACTIVE_LOW,
	};
	int ret = xen_physdev_op(PHYSDEVOP_setup_gsi, &setup);

	return ret == -EEXIST ? 0 : ret;
}

/* Returns the Linux irq of the line, or -errno. */
static int gsi_bind(u32 gsi, int trigger)
{
	bool level = trigger == ACPI_LEVEL_SENSITIVE;
	struct physdev_map_pirq map = {
		.domid	= DOMID_SELF,
		.type	= MAP_PIRQ_TYPE_GSI,
		.index	= gsi,
		.pirq	= gsi,
	};
	int irq, ret;

	irq = xen_irq_from_gsi(gsi);
	if (irq >= 0)
		return irq;

	ret = xen_physdev_op(PHYSDEVOP_map_pirq, &map);
	if (ret)
		return ret;

	/* Only level triggered lines can be shared. */
	irq = xen_bind_pirq_gsi_to_irq(gsi, map.pirq, level,
				       level ? "ioapic-level" : "ioapic-edge");
	if (irq < 0) {
		struct physdev_unmap_pirq unmap = {
			.domid	= DOMID_SELF,
			.pirq	= map.pirq,
		};

		xen_physdev_op(PHYSDEVOP_unmap_pirq, &unmap);
	}

	return irq;
}

/*
 * The ACPI core's way to ask for the irq of a line: __acpi_register_gsi.
 * Process context, may sleep; called with the core's own mutex held.
 */
static int gsi_register(struct device *dev, u32 gsi, int trigger, int polarity)
{
	int irq, ret;

	ret = gsi_setup(gsi, trigger, polarity);
	if (ret)
		pr_warn("%u: setup failed: %d\n", gsi, ret);

	irq = gsi_bind(gsi, trigger);
	if (irq < 0)
		pr_err("%u: no pirq: %d\n", gsi, irq);

	return irq;
}

/* ISA interrupts are used without asking ACPI: have their irqs ready. */
static void __init gsi_bind_legacy(void)
{
	u32 gsi;

	for (gsi = 0; gsi < NR_IRQS_LEGACY; gsi++) {
		int level, low, irq;

		if (acpi_get_override_irq(gsi, &level, &low))
			continue;

		irq = gsi_bind(gsi, level ? ACPI_LEVEL_SENSITIVE :
					    ACPI_EDGE_SENSITIVE);
		if (irq < 0)
			pr_debug("legacy %u: %d\n", gsi, irq);
	}
}

/**
 * pci_xen_initial_domain - Route interrupts of a PV Dom0 through Xen
 *
 * Called once by the event channel core, when it can bind pirqs and before
 * the ACPI core asks for the first line. From here on lines and message
 * signalled interrupts are asked of Xen.
 *
 * Context: Early boot, interrupts disabled, one CPU.
 * Return: 0.
 */
int __init pci_xen_initial_domain(void)
{
	__acpi_register_gsi = gsi_register;
	__acpi_unregister_gsi = NULL;
	gsi_bind_legacy();
	xen_dom0_msi_init();

	return 0;
}
