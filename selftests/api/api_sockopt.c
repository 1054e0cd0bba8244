#include "api.h"
TEST_HARNESS_MAIN
