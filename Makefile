# SPDX-License-Identifier: GPL-2.0-only
# Front door: each target is one script. `make help` lists them.

CACHE := $(or $(DOM0_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/dom0-linux)
KERNEL := $(if $(LINUX),ours-custom,ours-lts)
export DOM0_CACHE := $(CACHE)
export LINUX
# A make above this one must not hand its job server or options to the kernel's make.
unexport MAKEFLAGS MFLAGS MAKELEVEL

.PHONY: help run check setup bases work export verify unexported prefixes alone lint kernels fuzz soak bench bench-table

help:
	@echo 'make run         set up, build, boot Xen with our Dom0, start a guest (first time about 20 minutes, then 2)'
	@echo 'make check       every test and gate (first time 70 minutes, then 50)'
	@echo 'make setup       what this machine lacks; installs it when run as root'
	@echo 'make bases       fetch the kernels that the stack is applied to (2 minutes, once)'
	@echo 'make work        patches -> branch in a kernel worktree, to edit'
	@echo 'make export      that branch -> patches, series and the files seen here'
	@echo 'make unexported  what the worktree holds and the patches do not'
	@echo 'make verify      patches, series and files agree, on both bases (seconds)'
	@echo 'make prefixes    every prefix of the series builds (minutes; verdicts are kept)'
	@echo 'make alone       every series applies and builds by itself'
	@echo 'make lint        checkpatch, W=1, sparse, coccinelle, kernel-doc and more (about 4 minutes)'
	@echo 'make fuzz        the protocol files under libFuzzer, a minute each (SECONDS= to change it)'
	@echo 'make soak        hostile guests for long, all of Dom0 under KASAN (TIMES=100 times what make check does); then, without it, floods and what they leave'
	@echo 'make bench       ours against the in-tree code, counted in instructions (hours; ONLY=net for a group)'
	@echo 'make bench-table the last results into Documentation/benchmark/'
	@echo 'make kernels     build the kernels that the tests boot'
	@echo
	@echo 'LINUX=<dir>      that kernel tree in place of Debian'"'"'s;  DOM0_CACHE=<dir>  where everything is built'

setup:
	@scripts/setup

bases: setup
	@scripts/base

run: setup
	@scripts/base $(if $(LINUX),custom,lts)
	@scripts/kernel $(KERNEL)
	@tools/testing/xen/run demo --build $(CACHE)/build/$(KERNEL)

check: setup
	@scripts/check

work: bases
	@scripts/stack materialise mainline

export:
	@scripts/stack export mainline

unexported:
	@scripts/stack unexported

verify:
	@scripts/stack verify

prefixes:
	@scripts/stack prefixes

alone:
	@scripts/stack alone

lint:
	@scripts/lint

fuzz: bases
	@$(MAKE) -s -C tools/testing/xen/fuzz selftest run

kernels:
	@scripts/kernel

soak: setup
	@scripts/base lts mainline
	@scripts/kernel kasan-mainline ours-lts
	@XEN_RIG_TIMES=$(or $(TIMES),100) tools/testing/xen/run check --modes pv -v -k 'hostile or destroy' \
		--kernel kasan-mainline=$(CACHE)/build/kasan-mainline
	@XEN_RIG_TIMES=$(or $(TIMES),100) tools/testing/xen/run check --modes pv -v -k 'floods or leaves_nothing or paced or vanishing_card or ends_by_itself' \
		--kernel ours-lts=$(CACHE)/build/ours-lts

bench:
	@DOM0_SECTIONS='host|bench' scripts/setup
	@scripts/base lts
	@scripts/kernel ours-lts intree-lts
	@tools/testing/xen/bench/run --kernel ours=$(CACHE)/build/ours-lts --kernel intree=$(CACHE)/build/intree-lts \
		--out build/bench $(if $(ONLY),--only $(ONLY)) $(BENCH)

bench-table:
	@tools/testing/xen/bench/publish build/bench Documentation/benchmark
