/* being written */
#include "launch/command.h"
