/* yaml.c - see yaml.h. */
#include "common/yaml.h"
