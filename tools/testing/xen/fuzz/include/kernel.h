/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files under test need of the kernel, for user space.  The Makefile
 * makes every <linux/...> header they include lead here.
 */
#ifndef FUZZ_KERNEL_H
#define FUZZ_KERNEL_H

#include <errno.h>
#include <limits.h>
#include <linux/types.h>	/* of the C library: __u32 and its like */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
/* "long long", as in the kernel, for printf() and for distinct types. */
typedef unsigned long long u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef long long s64;
typedef unsigned __int128 u128;

#define U16_MAX		UINT16_MAX
#define U32_MAX		UINT32_MAX
#define U64_MAX		((u64)-1)

/* Annotations for other checkers. */
#define __user
#define __rcu
#define __iomem
#define __packed	__attribute__((packed))
#define __aligned(n)	__attribute__((aligned(n)))
#define __counted_by(member)
#define ____cacheline_aligned_in_smp
#define __cacheline_aligned_in_smp

#define BIT(nr)			(1UL << (nr))
#define MAX(a, b)		((a) > (b) ? (a) : (b))
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define ALIGN(x, a)		(((x) + ((__typeof__(x))(a) - 1)) & \
				 ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a)	(!((x) & ((__typeof__(x))(a) - 1)))
#define likely(x)		(x)
#define unlikely(x)		(x)
#define static_assert(...)	_Static_assert(__VA_ARGS__, "")
#define BUILD_BUG_ON(cond)	_Static_assert(!(cond), #cond)

#define check_add_overflow(a, b, sum)	__builtin_add_overflow(a, b, sum)
#define check_mul_overflow(a, b, prod)	__builtin_mul_overflow(a, b, prod)

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define XEN_PAGE_SHIFT	12
#define XEN_PAGE_SIZE	(1UL << XEN_PAGE_SHIFT)

/*
 * The one way to load from shared memory; see model.h.  A plain load of it is
 * a failure, and so is loading anything of it twice.
 */
u64 model_fetch(const volatile void *from, size_t size);
void model_barrier(bool loads, bool stores);

#define READ_ONCE(x)		((__typeof__(x))model_fetch(&(x), sizeof(x)))
#define WRITE_ONCE(x, val)	(*(volatile __typeof__(x) *)&(x) = (val))
#define virt_rmb()		model_barrier(true, false)
#define virt_wmb()		model_barrier(false, true)
#define virt_mb()		model_barrier(true, true)

#endif /* FUZZ_KERNEL_H */
