// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading: the order of init and its mirror image. */
#include <linux/module.h>

static int __init xtcp_init(void)
{
	return 0;
}

static void __exit xtcp_exit(void)
{
}

module_init(xtcp_init);
module_exit(xtcp_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A second TCP for Linux");
