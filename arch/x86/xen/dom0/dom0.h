/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this directory share.
 */
#ifndef ARCH_X86_XEN_DOM0_H
#define ARCH_X86_XEN_DOM0_H

#include <linux/init.h>

void __init xen_dom0_msi_init(void);

#endif /* ARCH_X86_XEN_DOM0_H */
