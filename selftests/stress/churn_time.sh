#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# churn.sh where 60 s cost nothing: TIME_WAIT takes all away by itself.
XTCP_MODE=debug exec "$(dirname "$0")/churn.sh" time
