// SPDX-License-Identifier: GPL-2.0-only
/*
 * Physical CPUs, as ACPI asks for them
 *
 * Dom0 sees virtual CPUs, but the processor objects of the ACPI namespace
 * describe the machine's. Xen knows which of these exist and which power
 * management capabilities its own drivers want of firmware.
 *
 * ABI: include/xen/interface/platform.h
 */

#define pr_fmt(fmt) "xen: pcpu: " fmt

#include <linux/acpi.h>
#include <linux/init.h>

#include <acpi/processor.h>
#include <asm/xen/hypervisor.h>

#include <xen/dom0.h>
#include <xen/interface/platform.h>
#include <xen/xen.h>

/**
 * xen_processor_present - Is there an online physical CPU of this ACPI id?
 * @acpi_id: id of the processor object in the ACPI namespace
 *
 * Asks Xen for each CPU; no copy is kept that hot-plug could make stale.
 *
 * Context: Boot, process context. May sleep.
 * Return: true if Xen says that it is online.
 */
bool __init xen_processor_present(u32 acpi_id)
{
	u32 cpu, max = 0;

	for (cpu = 0; cpu <= max; cpu++) {
		struct xen_platform_op op = {
			.cmd			= XENPF_get_cpuinfo,
			.u.pcpu_info.xen_cpuid	= cpu,
		};

		if (xen_platform_op(&op))
			return false;

		max = op.u.pcpu_info.max_present;
		if (op.u.pcpu_info.flags & XEN_PCPU_FLAGS_INVALID)
			continue;
		if (op.u.pcpu_info.acpi_id == acpi_id)
			return op.u.pcpu_info.flags & XEN_PCPU_FLAGS_ONLINE;
	}

	return false;
}

/**
 * xen_sanitize_proc_cap_bits - Let Xen choose the capabilities for _PDC
 * @cap: capability bits that Linux would report; Xen changes them to those
 *	 that its own idle and frequency drivers support. Unchanged on error.
 *
 * Context: Boot, process context. May sleep.
 */
void xen_sanitize_proc_cap_bits(u32 *cap)
{
	/* Revision, number of words, capabilities: the argument of _PDC. */
	u32 pdc[] = { ACPI_PDC_REVISION_ID, 1, *cap };
	struct xen_platform_op op = {
		.cmd			= XENPF_set_processor_pminfo,
		.u.set_pminfo.id	= -1,
		.u.set_pminfo.type	= XEN_PM_PDC,
	};
	int ret;

	set_xen_guest_handle(op.u.set_pminfo.pdc, pdc);
	ret = xen_platform_op(&op);
	if (ret)
		pr_info_once("capability bits not changed: %d\n", ret);
	else
		*cap = pdc[2];
}
