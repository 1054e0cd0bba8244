# SPDX-License-Identifier: GPL-2.0-only
#
# make help lists what there is.

SHELL := /bin/bash
.DEFAULT_GOAL := all

# The stock kernels: Debian 12's own and the newest of its 6.12 series.
newest  = $(shell printf '%s\n' $(patsubst /lib/modules/%,%,$(wildcard $(1))) | sort -V | tail -n 1)
KVER_61  := $(call newest,/lib/modules/6.1.*-amd64)
KVER_612 := $(call newest,/lib/modules/6.12.*-amd64)
KVERS   := $(KVER_61) $(KVER_612)

KVER    ?= $(or $(KVER_61),$(shell uname -r))
CACHE   := $(or $(XTCP_CACHE),$(HOME)/.cache/xtcp)
KDIR    ?= $(if $(filter debug,$(KVER)),$(CACHE)/debug/build,/lib/modules/$(KVER)/build)
BUILD   := build/$(KVER)$(if $(XTCP_FILES),-files)

# The kernel's build system writes beside its sources, so each release gets a
# tree of links to them; the module there has the debug information for gdb.
SOURCES  = $(shell find module include -name '*.[chS]')
LINKS    = $(addprefix $(BUILD)/src/,$(SOURCES) Kbuild)

.PHONY: all module modules kernels tools layers check check-debug soak bench bench-profile run tour shell clean help
all: module tools

help:
	@echo 'make                 build/<release>/xtcp.ko for Debian 12'"'"'s kernel, and the tools'
	@echo 'make KVER=<release>  the same for another kernel (its headers must be installed)'
	@echo 'make run             a tour: real programs over AF_XTCP in a VM'
	@echo 'make check           all checks and tests on both stock kernels'
	@echo 'make check-debug     the tests on the debug kernel (KASAN, lockdep, kmemleak ...)'
	@echo 'make soak            the same in full length, hours'
	@echo 'make bench           XTCP beside the kernel'"'"'s TCP: a table of ratios, 6.12 (BENCH="crr bulk" narrows)'
	@echo 'make bench-profile   where the instructions go: CASE=crr FAMILY=xtcp'
	@echo 'make shell           a shell in a VM with the module loaded'
	@echo 'make clean           remove build/ (the debug kernel stays in $(CACHE))'
	@echo
	@echo 'SUITES="api fsm:name" narrows check, check-debug and soak.'

kernels:
	@echo $(KVERS)

module: $(LINKS)
	@test -d $(KDIR) || { echo "make: no headers of kernel $(KVER): run scripts/setup" >&2; exit 1; }
	+flock $(BUILD)/lock $(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR)/$(BUILD)/src W=1 KCFLAGS=-Werror \
		$(if $(C),C=$(C) CF=-Wsparse-error) modules
	@test $(BUILD)/xtcp.ko -nt $(BUILD)/src/xtcp.ko || { objcopy --strip-debug $(BUILD)/src/xtcp.ko $(BUILD)/xtcp.ko.new && \
		mv $(BUILD)/xtcp.ko.new $(BUILD)/xtcp.ko; }

$(LINKS): $(BUILD)/src/%:
	@mkdir -p $(@D)
	@ln -sfn $(CURDIR)/$* $@

tools: build/xtcp_preload.so

build/xtcp_preload.so: scripts/preload/xtcp_preload.c include/uapi/linux/xtcp.h
	@mkdir -p $(@D)
	$(CC) -shared -fPIC -O2 -Wall -Wextra -Werror -isystem include/uapi -o $@ $< -ldl

# They are proved on an object of each file, the module itself is one (Kbuild).
layers:
	@$(MAKE) --no-print-directory XTCP_FILES=1 C= module
	scripts/check-layers $(BUILD)-files/src

check:
	@scripts/check check $(SUITES)

check-debug:
	@scripts/check debug $(SUITES)

soak:
	@scripts/check soak $(SUITES)

# For the kernel of 6.12 unless KVER is given. BENCH_RUNS=2 BENCH_CPUS=2 (real processors, no bar).
BENCH_KVER = $(if $(filter file,$(origin KVER)),$(KVER_612),$(KVER))

bench:
	@scripts/bench -k $(BENCH_KVER) $(if $(BENCH_CPUS),-s $(BENCH_CPUS)) $(if $(BENCH_RUNS),-n $(BENCH_RUNS)) $(BENCH)

bench-profile:
	@scripts/bench -p -k $(BENCH_KVER) $(if $(FAMILY),-e FAMILIES=$(FAMILY)) $(CASE)

run:
	@scripts/setup
	@$(MAKE) --no-print-directory -s tour

# By itself, since set-up may only now have brought the kernel that KVER names.
tour: all
	@scripts/vm -k $(KVER) -e LC_ALL=C -- scripts/tour

shell: all
	@scripts/vm -k $(KVER) -t 100000

clean:
	rm -rf build
