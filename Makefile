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
BUILD   := build/$(KVER)

# The kernel's build system writes beside its sources, so each release gets a
# tree of links to them.
SOURCES  = $(shell find module include -name '*.[chS]')
LINKS    = $(addprefix $(BUILD)/src/,$(SOURCES) Kbuild)

.PHONY: all module help clean
all: module

module: $(LINKS)
	@test -d $(KDIR) || { echo "make: no headers of kernel $(KVER): run scripts/setup" >&2; exit 1; }
	$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR)/$(BUILD)/src W=1 KCFLAGS=-Werror $(if $(C),C=$(C) CF=-Wsparse-error) modules
	@cmp -s $(BUILD)/src/xtcp.ko $(BUILD)/xtcp.ko || cp $(BUILD)/src/xtcp.ko $(BUILD)/xtcp.ko

$(LINKS): $(BUILD)/src/%:
	@mkdir -p $(@D)
	@ln -sfn $(CURDIR)/$* $@

clean:
	rm -rf build
