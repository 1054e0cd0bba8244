# SPDX-License-Identifier: GPL-2.0-only
#
# What each selftest directory's Makefile includes last, after it has set
# TEST_GEN_PROGS, TEST_PROGS, TEST_FILES ... as kselftest's lib.mk expects, and
#
#   TEST_TIMETRAVEL   those of its tests that run where idle time costs nothing
#                     (scripts/vm -i)
#   TEST_DEBUG        those that need what only the debug kernel has
#   TEST_SOAK_DEBUG   those whose full length (make soak) is the debug kernel's
#
# A directory with tests for the host only does not include this.

XTCP_TOP  := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/../..)
KSELFTEST ?= $(shell $(XTCP_TOP)/scripts/kernel-source 6.12)/tools/testing/selftests
OUTPUT    ?= $(XTCP_TOP)/build/selftests/obj/$(notdir $(CURDIR))

ifeq ($(wildcard $(KSELFTEST)/lib.mk),)
$(error No kselftest in "$(KSELFTEST)": run scripts/setup)
endif

CFLAGS += -std=gnu11 -O2 -g -Wall -Wextra -Wno-sign-compare -Wno-unused-parameter \
	-Wno-missing-field-initializers -Wno-clobbered -Werror \
	-I$(KSELFTEST) -I$(XTCP_TOP)/selftests/lib -isystem $(XTCP_TOP)/include/uapi -I$(XTCP_TOP)/include
LOCAL_HDRS += $(wildcard *.h) $(XTCP_TOP)/selftests/lib/xtcp_test.h

$(shell mkdir -p $(OUTPUT))

include $(KSELFTEST)/lib.mk

emit_timetravel:
	@printf '%s\n' $(TEST_TIMETRAVEL)

emit_debug:
	@printf '%s\n' $(TEST_DEBUG)

emit_soak_debug:
	@printf '%s\n' $(TEST_SOAK_DEBUG)

.PHONY: emit_timetravel emit_debug emit_soak_debug
