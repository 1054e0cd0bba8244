// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opens and closes connections by the thousand (churn.h). Usage: churn COUNT; run in
 * an own namespace.
 */
#include "churn.h"

int main(int argc, char **argv)
{
	churn_run(argc > 1 ? atol(argv[1]) : 1000);
	return 0;
}
